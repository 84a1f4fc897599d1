/**
 * Whether what waits for the relay grows over a trial: events or queries without an answer, deliveries that are owed, clients
 * that came and can't use it yet. An overload shows there before any percentile does.
 */
import { deliveryOf } from "../report/class-report.ts";
import { backlogOf, leastGrowth } from "../report/findings/backlog.ts";
import { leadOf } from "../report/findings/lead.ts";
import { partsOf, viewOf } from "../report/findings/view.ts";
import type { Report } from "../report/types.ts";

export interface Growth {
  /** Of the load. */
  readonly share: number;
  readonly limit: number;
  readonly isGrowing: boolean;
}

/** From the first fifth to the last. */
const APART = 0.8;
/** From the second one. */
const APART_BEHIND = 0.6;

export function growthOf(report: Report): Growth {
  if (leadOf(report).name === "connection") return growthOfHandshakes(report);
  const own = growthOfLead(report);
  if (report.classes.delivery === undefined) return own;
  const owed = growthOfDeliveries(report);
  return Number(owed.isGrowing) > Number(own.isGrowing) || owed.share > own.share ? owed : own;
}

function growthOfLead(report: Report): Growth {
  const { lows, isGrowing } = backlogOf(viewOf(report));
  const { durationSec } = report.run;
  const due = leadOf(report).rate.set * durationSec * APART;
  const grown = (lows.at(-1) ?? 0) - (lows[0] ?? 0);
  const share = due > 0 && Number.isFinite(grown) ? Math.max(0, grown / due) : 0;
  return { share, limit: leastGrowth(Math.max(1, durationSec)), isGrowing };
}

/** Of what is owed, whatever came of it late. */
function growthOfDeliveries(report: Report): Growth {
  const { series, rate } = deliveryOf(report);
  const { durationSec } = report.run;
  let waiting = 0;
  const line = series
    .filter(({ t }) => t < durationSec)
    .map(({ counts: c }) => {
      waiting += c.due - c.delivered - c.late - c.missing - c.subscriptionLost;
      waiting -= c.supersededBefore;
      return waiting;
    });
  return judgeLine(line, rate.target ?? 0, durationSec);
}

/** While they come: behind that nobody is due. */
function growthOfHandshakes(report: Report): Growth {
  const { connect, clients } = report.config;
  const { series, totals, rate } = report.classes.connection;
  const comeSec = clients / (connect?.rate ?? clients);
  const isAsked = totals.asked > 0;
  let waiting = 0;
  const line = series
    .filter(({ t }) => t + report.run.sliceSec <= comeSec)
    .map(({ counts: c }) => {
      const settled = isAsked ? c.usable + c.refused + c.mute : c.opened;
      waiting += c.due - c.failed - settled;
      return waiting;
    });
  return judgeLine(line, rate.target ?? 0, comeSec);
}

/**
 * What a stall leaves is worked off: so the least of each fifth is looked at. In the first one what is in flight anyway
 * comes to be.
 */
function judgeLine(line: readonly number[], perSec: number, sec: number): Growth {
  const limit = leastGrowth(Math.max(1, sec));
  if (line.length < 5) return { share: 0, limit, isGrowing: false };
  const lows = partsOf(line, 5).map((part) => Math.min(...part));
  const [, low = 0, third = 0, fourth = 0, last = 0] = lows;
  const due = perSec * sec * APART_BEHIND;
  const share = due > 0 ? Math.max(0, (last - low) / due) : 0;
  return { share, limit, isGrowing: share >= limit && last > fourth && fourth > third };
}
