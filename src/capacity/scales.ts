/** What a load may be a number of, by scenario: the option that it sets, where its search begins, what it means. */
import type { ConnectMode } from "../plan/connect.ts";
import { deliveriesPerSecond, type FanoutPlan } from "../plan/fanout.ts";
import type { OptionName } from "../plan/option-table.ts";
import { leadingRate, type Plan } from "../plan/plan.ts";
import { SCENARIOS, type ScenarioName } from "../plan/scenarios.ts";
import type { Scale } from "./result.ts";

interface ScaleRow {
  /** The option that a load is given by. */
  readonly option: OptionName;
  /** Options that follow from it and from the length of a trial. */
  readonly sets: readonly OptionName[];
  /** Half of one is none. */
  readonly isWhole: boolean;
  /** The first load: of a search, and of an estimate. */
  readonly from: number;
  readonly quickFrom: number;
  /** More of it takes more connections, of which this machine has only so many. */
  readonly connects: boolean;
  /** Seconds of trials, where those of others would take too many connections; the proof's are no longer. */
  readonly lengths?: { readonly trial: string; readonly probe: string };
}

const A_SECOND = { isWhole: false, from: 50, quickFrom: 100 };
const CONNECTIONS = { isWhole: true, from: 100, quickFrom: 200, connects: true };

export const SCALES: Readonly<Record<Scale, ScaleRow>> = {
  rate: { ...A_SECOND, option: "rate", sets: [], connects: false },
  "query-rate": { ...A_SECOND, option: "queryRate", sets: [], connects: false },
  clients: { ...CONNECTIONS, option: "clients", sets: ["hold"] },
  subscribers: { ...CONNECTIONS, option: "subscribers", sets: [] },
  fanout: { ...CONNECTIONS, option: "fanout", sets: [], from: 5, quickFrom: 10 },
  "connect-rate": {
    ...A_SECOND,
    ...{ option: "connectRate", sets: ["clients", "hold"], connects: true },
    lengths: { trial: "12", probe: "6" },
  },
};

/** The scales of a scenario, its own first; of `connect` by its mode. None where a search makes no sense. */
export function scalesOf(scenario: ScenarioName, mode: string | undefined): readonly Scale[] {
  switch (SCENARIOS[scenario].leads) {
    case "connection":
      return scalesOfMode(mode as ConnectMode);
    case "query":
      return ["query-rate", "clients"];
    default:
      return scenario === "fanout" ? ["rate", "subscribers", "fanout"] : ["rate", "clients"];
  }
}

function scalesOfMode(mode: ConnectMode): readonly Scale[] {
  if (mode === "storm") return ["connect-rate"];
  return mode === "recover" ? [] : ["clients"];
}

/** What a load is a number of, and what is the same at any: a sentence without its full stop. */
export function meaningOf(scale: Scale, plan: Plan): string {
  const { clients, fanout, connect } = plan;
  switch (scale) {
    case "rate":
      return fanout === null
        ? `events published a second, over ${clients} connections`
        : `events published a second, of which each goes to ${audienceOf(fanout)} of ${fanout.subscribers} subscribers`;
    case "query-rate":
      return `queries a second, over ${clients} connections`;
    case "subscribers":
      return fanout === null ? "" : ofSubscribers(fanout, plan);
    case "fanout":
      return `subscriptions of each topic, so that each of ${plan.rateEps} events a second goes to so many; there are about ${fanout?.subscribers} subscribers, or as many as one topic has`;
    case "connect-rate":
      return "first handshakes a second, for two thirds of a trial; the connections are held for the last third";
    case "clients":
      return connect === null
        ? `open connections, over which ${leadingRate(plan)} ${SCENARIOS[plan.scenario].leads === "query" ? "queries" : "events"} a second are spread at any number of them`
        : `connections, which come at ${connect.rate} a second and are ${connect.session === null ? "held" : "had for one session after another"} for the length of a trial`;
  }
}

function ofSubscribers(fanout: FanoutPlan, { rateEps, vus }: Plan): string {
  const owed = deliveriesPerSecond(fanout, rateEps, vus);
  const all = fanout.fanout === "all" ? "" : `, ${Number(owed.toFixed(1))} deliveries a second`;
  return `connections that subscribe, while ${rateEps} events a second are published, of which each goes to ${audienceOf(fanout)} of them${all}`;
}

function audienceOf({ fanout }: FanoutPlan): string {
  return fanout === "zipf" ? "10 on average" : String(fanout);
}
