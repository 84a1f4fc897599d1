/** What a run asks of each relay at most, and what of that has to be tried. Pure. */
import { QUERY_LIMITS } from "../../load/sessions.ts";
import type { OptionName } from "../../plan/option-table.ts";
import type { Plan } from "../../plan/plan.ts";
import { type Demand, demandsOf } from "../../query/demands.ts";
import type { Information } from "./information.ts";
import { knownLimit } from "./known-limits.ts";
import type { QueryProbeRequest } from "./query-probe.ts";

/** The longest id of a REQ: a letter and a number. */
export const LONGEST_ID = 8;
/** `["REQ","…",` and `]` around the filters. */
const AROUND_FILTERS = LONGEST_ID + 12;
/** A session asks twice before each view event. */
const QUERIES_A_VIEW = 2;
/** No relay is known to hold fewer (nostream's default). */
const HELD_ANYWHERE = 10;

export interface Asking {
  readonly demands: readonly Demand[];
  /** REQs that are open side by side on a connection. */
  readonly open: number;
  /** There are never more: the run bounds them. Else it is as many as are asked in a second. */
  readonly isBounded: boolean;
  /** The mix of questions, where a person chose it. */
  readonly mix: string | null;
  /** The option that bounds them, where they are bounded. */
  readonly option?: OptionName;
}

type Asked = Pick<Plan, "scenario" | "query" | "fanout" | "maxInFlight" | "rateEps" | "clients">;

/** Author, tag or kind, and a limit. */
const TOPIC: Demand = {
  ...{ shape: "topic", verb: "REQ", filters: 1, limit: 1, bytes: 100, searches: false },
};

/** `viewShare`: of view events among the run's. `null`: the scenario asks nothing. */
export function askingOf(plan: Asked, viewShare: number): Asking | null {
  const { query } = plan;
  if (query !== null) {
    const people = query.corpus === "relay" ? undefined : query.corpus;
    const demands = demandsOf(query.mix, people);
    return {
      ...{ demands, open: plan.maxInFlight, isBounded: true, mix: query.mix },
      option: "maxInFlight",
    };
  }
  if (plan.fanout !== null) {
    return {
      ...{ demands: [TOPIC], open: plan.fanout.subsPerConnection, isBounded: true, mix: null },
      option: "subsPerConnection",
    };
  }
  if (plan.scenario !== "playback") return null;
  const demands = Object.entries(QUERY_LIMITS).map(
    ([shape, limit]): Demand => ({
      shape,
      verb: "REQ",
      filters: 1,
      limit,
      bytes: 200,
      searches: false,
    }),
  );
  // In the open model what is not answered stays open: a second is what an overloaded relay takes.
  const open = (QUERIES_A_VIEW * viewShare * plan.rateEps) / plan.clients;
  return { demands, open, isBounded: false, mix: null };
}

export function frameBytesOf({ bytes }: Demand): number {
  return bytes + AROUND_FILTERS;
}

/** `Infinity` where it announces no such limit. */
export function announcedMost(
  { limitation }: Information,
  name: "max_filters" | "max_subid_length" | "max_message_length",
): number {
  const most = limitation?.[name] ?? 0;
  return most > 0 ? most : Number.POSITIVE_INFINITY;
}

/** `null`: all that the plan needs is known. */
export function whatToTry(asking: Asking, information: Information): QueryProbeRequest | null {
  const { demands, isBounded } = asking;
  const open = Math.ceil(asking.open);
  const known = knownLimit(information, "max_subscriptions");
  // What is announced is believed; what is usual may be set otherwise here.
  const isKnown = known !== null && (known.usualOf === null || open <= known.value);
  const filters = Math.max(...demands.map((demand) => demand.filters));
  const isAnnounced = announcedMost(information, "max_filters") < filters;
  const mustOpen = !isKnown && (isBounded || open > HELD_ANYWHERE);
  if (!isBounded && !mustOpen) return null;
  return {
    open: mustOpen ? open : 1,
    // Those of one filter are tried anyway; where more are announced to be refused, that is the end of it.
    filters: isAnnounced ? 1 : filters,
    counts: demands.some(({ verb }) => verb === "COUNT"),
    searches: demands.some(({ searches }) => searches),
  };
}
