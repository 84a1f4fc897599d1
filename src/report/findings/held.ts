/** How many connections a relay holds where it holds fewer than asked for. */
import type { SeriesPoint } from "../points.ts";

/** A plateau: from its first slice on, so many of the slices are within this share of the most connections. */
const PLATEAU = { slices: 0.8, within: 0.03 };
/** What is reached in the last part of the window only is no plateau. */
const LEAST_OF_WINDOW = 0.25;

/**
 * The connections that the relay held over most of the window; `null` where there was no such number.
 * Counted are those that proved themselves, since a relay may open a connection only to end it.
 */
export function heldConnections(window: readonly SeriesPoint[]): number | null {
  const counts = window.map((point) => point.connectionsProven ?? point.connectionsOpen);
  const most = Math.max(0, ...counts);
  const isNear = (count: number) => count >= most * (1 - PLATEAU.within);
  const since = counts.slice(counts.findIndex(isNear));
  const isLong = since.length >= counts.length * LEAST_OF_WINDOW;
  const isSteady = since.filter(isNear).length >= since.length * PLATEAU.slices;
  return counts.length > 0 && isLong && isSteady ? most : null;
}

/** The generator had no file or no port left. */
export function isOwnLimit(name: string, code: string): boolean {
  return name === "connect" && (code === "files" || code === "ports");
}
