/** Limits that relays announce beside those on events: on rates, and on what is asked. Pure. */
import { FEED_LIMIT } from "../../load/sessions.ts";
import type { Plan } from "../../plan/plan.ts";
import { formatRate } from "../../report/format.ts";
import { advice, type Finding } from "./finding.ts";
import type { Limitation } from "./information.ts";

/** The longest id of a REQ: `q` and a number. */
const LONGEST_ID = 8;
/** A session asks twice before each view event. */
const QUERIES_A_VIEW = 2;

/**
 * `viewShare`: of view events among the run's. `default_limit` and `max_filters` meet no query of ours: each has
 * one filter with a limit, or an id.
 */
export function judgeAnnounced(
  label: string,
  limitation: Limitation,
  plan: Pick<Plan, "scenario" | "rateEps" | "clients" | "relays">,
  viewShare: number,
): Finding[] {
  const queries =
    plan.scenario === "playback" ? judgeQueries(label, limitation, plan, viewShare) : [];
  return [...judgeRates(label, limitation, plan), ...queries];
}

function judgeRates(
  label: string,
  { max_events_per_ip, max_events_per_pubkey, rate_limit_window }: Limitation,
  { rateEps, relays }: Pick<Plan, "rateEps" | "relays">,
): Finding[] {
  const windowSec = rate_limit_window ?? 0;
  // Without a window it is not known what the limit means.
  if (windowSec <= 0) return [];
  const own = rateEps / relays.length;
  const perIp = (max_events_per_ip ?? 0) / windowSec;
  if (perIp > 0 && own > perIp) {
    return [
      advice("rate", {
        what: `\`${label}\` announces to take ${formatRate(perIp)} of one address (${max_events_per_ip} in ${windowSec} s), the run sends ${formatRate(own)} from this one`,
        why: "what is above that would be refused as too much",
        remedy:
          "raise `max_events_per_ip` for this address, or give --client-ip-header where the relay trusts it",
      }),
    ];
  }
  const perKey = (max_events_per_pubkey ?? 0) / windowSec;
  // The run's keys are many: only a limit far below an event a minute meets them.
  if (perKey <= 0 || perKey >= 1 / 60) return [];
  return [
    advice("rate", {
      what: `\`${label}\` announces to take ${max_events_per_pubkey} events of one key in ${windowSec} s`,
      why: "keys of the pool that write more often would be refused",
      remedy: "raise `max_events_per_pubkey` while the relay is under test",
    }),
  ];
}

function judgeQueries(
  label: string,
  { max_subscriptions, max_limit, max_subid_length }: Limitation,
  { rateEps, clients }: Pick<Plan, "rateEps" | "clients">,
  viewShare: number,
): Finding[] {
  const perSecond = (QUERIES_A_VIEW * viewShare * rateEps) / clients;
  const findings: Finding[] = [];
  const most = max_subscriptions ?? 0;
  // In the open model what is not answered stays open: a second is what an overloaded relay takes.
  if (most > 0 && perSecond > most) {
    findings.push(
      advice("subscriptions", {
        what: `\`${label}\` announces to hold ${most} subscriptions on a connection, the plan opens ${perSecond.toFixed(1)} a second on each`,
        why: "as soon as answers take a second, REQs would be refused",
        remedy: "raise `max_subscriptions`, lower --rate or give more --clients",
      }),
    );
  }
  const rows: readonly (readonly [string, number | undefined, number, string])[] = [
    ["max_limit", max_limit, FEED_LIMIT, "events an answer"],
    ["max_subid_length", max_subid_length, LONGEST_ID, "characters in a subscription's id"],
  ];
  for (const [name, limit = 0, needed, what] of rows) {
    if (limit <= 0 || limit >= needed) continue;
    findings.push(
      advice("queries", {
        what: `\`${label}\` announces \`${name}\` ${limit}, the queries of \`playback\` ask for ${needed} ${what}`,
        why: "they would be refused, or answered in part",
        remedy: `raise \`${name}\` while the relay is under test`,
      }),
    );
  }
  return findings;
}
