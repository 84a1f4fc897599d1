/** How many connections a relay holds where it holds fewer than asked for, and who does not hold more. */
import type { SeriesPoint } from "../points.ts";
import { proxyOf } from "../port-proxy.ts";
import type { Report } from "../types.ts";

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

/** What proxies call themselves in the answers that they make by themselves. */
const PROXY =
  /^(?:nginx|openresty|cloudflare|caddy|haproxy|envoy|istio-envoy|traefik|apache|awselb|cloudfront|varnish|litespeed|kong)\b/i;

/**
 * Whose limit it is: of a proxy that answers handshakes with a page of its own, of one that only stands there (nginx
 * and Cloudflare put their names on what a relay says, too), or of the relay.
 */
export function holderOf(report: Report): string {
  const refused = (report.handshakes?.answers ?? []).filter(({ status }) => status !== 101);
  const named = refused.filter(({ by = "" }) => PROXY.test(by));
  const own = named.find(({ isOwn }) => isOwn === true);
  if (own !== undefined) return `The proxy before the relay (${own.by})`;
  const passed = refused.find(({ via }) => via !== undefined)?.via;
  const name = named[0]?.by ?? passed ?? proxyOf(report)?.name;
  return name === undefined ? "The relay" : `The relay, or the proxy before it (${name}),`;
}

/** Of its limit: the listener itself, and what is opened and closed between two looks, may be missing. */
const NEARLY_ALL_FILES = 0.97;

/** The relay's open files where they are used up; `null` where there were some left, or nobody looked. */
export function filesUsedUp({ resources }: Report): { most: number; limit: number } | null {
  const limit = resources?.relayFileLimit ?? null;
  const counts = (resources?.samples ?? []).flatMap((sample) =>
    sample.process === "relay" ? (sample.openFiles ?? []) : [],
  );
  const most = Math.max(0, ...counts);
  return limit !== null && most >= limit * NEARLY_ALL_FILES ? { most, limit } : null;
}
