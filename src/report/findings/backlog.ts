/**
 * What was due and had no answer, over the window. At a rate above what the relay answers it grows, whether
 * it waits in the relay, for a place on a connection, or beyond the timeout. What a stall leaves is worked off:
 * so the least of each fifth is looked at.
 */
import type { SeriesPoint } from "../points.ts";
import { leadOf } from "./lead.ts";
import { isSlowOnly } from "./losses.ts";
import { median, partsOf, type RunView } from "./view.ts";

/** A rate counts as kept from 99 % on. */
const SHORT = 0.01;
/** In flight at the end of any run: that much of the rate, in seconds, is no backlog. */
const IN_FLIGHT_SEC = 0.1;
/** From the first fifth to the last. */
const APART = 0.8;
/** So many of the places on the connections taken: from here on new events wait for one. */
const FULL = 0.8;
/** Answers of the later half that come so near to the timeout are late by a queue, not a few by themselves. */
const NEAR_TIMEOUT = 0.25;

export interface Backlog {
  /** The least of each fifth, events. */
  readonly lows: readonly number[];
  /** The rate is not kept, and it is not for the generator. */
  readonly isGrowing: boolean;
  /** All places on the connections were taken at the end. */
  readonly isFull: boolean;
  /** What came behind the timeout came late by a queue: it counts as not answered. */
  readonly isLate: boolean;
  /** Accepted a second, by fifths. */
  readonly acceptedEps: readonly number[];
}

/** The least share of the rate by which a backlog has to grow over a window to be one. */
export function leastGrowth(windowSec: number): number {
  return Math.max(SHORT, IN_FLIGHT_SEC / (APART * windowSec));
}

export function backlogOf(view: RunView): Backlog {
  const { config } = view.report;
  const lead = leadOf(view.report);
  const isLate = isSlowOnly(view.report) && isSlowLater(view);
  const { due, inFlight } = linesOf(view, isLate);
  const lows = partsOf(due, 5).map((part) => Math.min(...part));
  const [low = 0, , third = 0, fourth = 0, last = 0] = lows;
  const growth = last - low;
  const least = Math.max(SHORT * lead.due * APART, IN_FLIGHT_SEC * lead.rate.set);
  // Of few places all are free for a moment, and the last slice has answers that came behind it.
  const held = partsOf(inFlight, 5).map((part) => median(part) ?? 0);
  const heldLast = held[4] ?? 0;
  const places = (config.clients * config.maxInFlight) / Math.max(1, config.relays.length);
  const isFull = heldLast >= places * FULL;
  // What is due and neither sent nor held up by full connections waits for the generator.
  const isRelays = isLate || isFull || heldLast - (held[0] ?? 0) >= growth / 2;
  const acceptedEps = acceptedByFifths(view);
  // One that answers nothing any more is not slow.
  const isAnswering = isLate || (acceptedEps.at(-1) ?? 0) > 0;
  return {
    lows,
    isGrowing:
      growth >= least &&
      last > fourth &&
      fourth > third &&
      // Not worked off by the end; the last slice has answers that came behind it.
      (due.at(-2) ?? 0) >= least &&
      // By chance a Poisson process asks for more than was set.
      lead.rate.done < lead.rate.set &&
      isRelays &&
      isAnswering,
    isFull,
    isLate,
    acceptedEps,
  };
}

/** Events without an answer behind each point: of those due, and of those sent. */
function linesOf({ report, window }: RunView, isLate: boolean) {
  const { run } = report;
  const { due: scheduled, noConnection, exhausted } = leadOf(report);
  // Places are missing at the end only; what had no connection is no backlog of the relay.
  const elsewhere = noConnection + exhausted;
  let [settled, timedOut, attempted, unsent] = [0, 0, 0, 0];
  const due: number[] = [];
  const inFlight: number[] = [];
  for (const point of window) {
    settled += settledBy(point);
    timedOut += point.timedOut;
    attempted += point.attempted;
    unsent += point.unsent;
    const share = Math.min(1, (point.t + report.run.sliceSec) / run.durationSec);
    const gone = settled + Math.min(unsent, elsewhere) + (isLate ? 0 : timedOut);
    due.push(scheduled * share - gone);
    inFlight.push(attempted - settled - timedOut);
  }
  return { due, inFlight };
}

function settledBy(p: SeriesPoint): number {
  return p.accepted + p.duplicate + p.superseded + p.rejected + p.lost + (p.unheard ?? 0);
}

function isSlowLater({ window, report }: RunView): boolean {
  const later = median(
    window.slice(Math.floor(window.length / 2)).flatMap((p) => p.serviceP50 ?? []),
  );
  return later === null || later >= report.config.ackTimeoutMs * NEAR_TIMEOUT;
}

function acceptedByFifths({ window, report }: RunView): readonly number[] {
  return partsOf(window, 5).map((part) => {
    const accepted = part.reduce((sum, point) => sum + point.accepted, 0);
    return accepted / Math.max(1e-9, part.length * report.run.sliceSec);
  });
}
