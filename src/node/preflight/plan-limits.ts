/** What a relay announces of rates and queries (NIP-11), held against the plan. Pure. */
import type { Mix } from "../../events/mix.ts";
import { QUERIES } from "../../load/sessions.ts";
import type { Plan } from "../../plan/plan.ts";
import { formatCount } from "../../report/format.ts";
import { advice, type Finding, stop } from "./finding.ts";
import type { Limitation } from "./information.ts";

/** Queries that take longer are not rare under load: below it, the relay's limit would be met. */
const SLOW_ANSWER_SEC = 1;
/** A `q` and the number of the query. */
const LONGEST_QUERY_ID = 10;

export interface PlanQuestion {
  readonly label: string;
  readonly limitation: Limitation;
  readonly plan: Plan;
  /** Of the events that are sent. */
  readonly mix: Mix;
}

export function judgePlan(question: PlanQuestion): Finding[] {
  return [...judgeRate(question), ...judgeQueries(question)];
}

function judgeRate({
  label,
  limitation,
  plan: { rateEps, clientIpHeader },
}: PlanQuestion): Finding[] {
  const { max_events_per_ip: most, rate_limit_window: windowSec } = limitation;
  if (most === undefined || most <= 0 || windowSec === undefined || windowSec <= 0) return [];
  const perSecond = most / windowSec;
  if (rateEps <= perSecond) return [];
  const spread = clientIpHeader === null ? "" : ", unless it believes your --client-ip-header";
  return [
    advice("rate-limit", {
      what: `\`${label}\` announces ${formatCount(most)} events in ${formatCount(windowSec)} s from an address, ${perSecond.toPrecision(2)} a second; the plan has ${formatCount(rateEps)}`,
      why: `all connections of a run come from one address: the rest would be turned down${spread}`,
      remedy: "raise the limit on the relay under test, or mean to measure it",
    }),
  ];
}

function judgeQueries({ label, limitation, plan, mix }: PlanQuestion): Finding[] {
  const { max_subscriptions: most = 0, max_subid_length: idLength = 0 } = limitation;
  if (plan.scenario !== "playback") return [];
  const findings: Finding[] = [];
  const weights = Object.values(mix).reduce((sum, weight) => sum + weight, 0);
  const views = (plan.rateEps * (mix.view ?? 0)) / weights;
  const perConnection = (views * QUERIES.length) / plan.clients;
  if (most > 0 && perConnection * SLOW_ANSWER_SEC > most) {
    findings.push(
      advice("subscriptions", {
        what: `\`${label}\` takes ${formatCount(most)} subscriptions a connection, the plan asks ${perConnection.toFixed(1)} queries a second on each`,
        why: `answers that take longer than ${((most / perConnection) * 1_000).toFixed(0)} ms would have queries turned down`,
        remedy: "give more --clients, or raise the limit on the relay under test",
      }),
    );
  }
  if (idLength > 0 && idLength < LONGEST_QUERY_ID) {
    findings.push(
      stop("subscription-id", {
        what: `\`${label}\` takes subscription ids of ${idLength} characters, those of the queries have up to ${LONGEST_QUERY_ID}`,
        why: "it would turn the queries down",
        remedy: "raise `max_subid_length` on the relay under test",
      }),
    );
  }
  return findings;
}
