/** What a run of `fanout` subscribes to: its options, checked, and what follows from them. */
import { ConfigError } from "../errors.ts";
import { type OptionTexts, optionLabel, readChoice, readNumber, readSwitch } from "./options.ts";

/** What tells a topic's events from others, and so what its subscriptions ask for. */
const TOPIC_FILTERS = ["author", "tag", "kind"] as const;
export type TopicFilter = (typeof TOPIC_FILTERS)[number];

/** What is published: notes; what people do (notes, reactions, reposts); what no relay keeps (NIP-01). */
const TOPIC_EVENTS = ["note", "social", "ephemeral"] as const;
type TopicEvents = (typeof TOPIC_EVENTS)[number];

export interface FanoutPlan {
  /** Connections that subscribe, and those that publish. */
  readonly subscribers: number;
  readonly publishers: number;
  readonly subsPerConnection: number;
  /** Subscriptions of each topic; `all`: of the one there is; `zipf`: few topics have many, of 10 on average. */
  readonly fanout: number | "all" | "zipf";
  /** Subscriptions that match nothing, on connections of their own. */
  readonly decoys: number;
  readonly filter: TopicFilter;
  readonly events: TopicEvents;
  /** A delivery that comes later is late; one that has not come twice as long behind its event is missing. */
  readonly deliveryTimeoutMs: number;
  /** Share of the window that runs before the subscriptions are opened. */
  readonly baseline: number;
  /** Publishers subscribe too, on the connection that they publish on. */
  readonly echo: boolean;
  /** Peers that subscribe as well and read so many bytes a second, 0: nothing; the command line makes them, k6 can't. */
  readonly slowReaders: number;
  readonly slowReaderRate: number;
}

/** Above these for each instance a typo is likelier than a wish; `--force` lifts them. */
const BOUNDS = { connections: 20_000, decoys: 1_000_000, slowReaders: 1_000 };
/** Of topics that are not alike. */
const MEAN_OF_ZIPF = 10;
/** Regular kinds that no NIP has a use for, one a topic; decoys ask for those behind. */
export const FIRST_TOPIC_KIND = 3_000;
const MOST_KINDS = 900;

/** Reads the options of `fanout`. Throws `ConfigError`. */
export function readFanoutPlan(texts: OptionTexts, instances: number, force: boolean): FanoutPlan {
  const bound = (n: number) => (force ? Number.MAX_SAFE_INTEGER : n);
  const connections = { max: bound(instances * BOUNDS.connections), integer: true };
  const fanout = texts.fanout ?? "";
  const plan: FanoutPlan = {
    subscribers: readNumber(texts, "subscribers", { min: 1, ...connections }),
    publishers: readNumber(texts, "publishers", { min: instances, ...connections }),
    subsPerConnection: readNumber(texts, "subsPerConnection", {
      min: 1,
      max: 1_000,
      integer: true,
    }),
    fanout:
      fanout === "all" || fanout === "zipf"
        ? fanout
        : readNumber(texts, "fanout", { min: 1, ...connections, or: "`all` or `zipf`" }),
    decoys: readNumber(texts, "decoys", { min: 0, max: bound(BOUNDS.decoys), integer: true }),
    filter: readChoice(texts, "filter", TOPIC_FILTERS),
    events: readChoice(texts, "topicEvents", TOPIC_EVENTS),
    deliveryTimeoutMs: readNumber(texts, "deliveryTimeout", {
      min: 10,
      max: 600_000,
      integer: true,
    }),
    baseline: readNumber(texts, "baseline", { min: 0, max: 0.9, integer: false }),
    echo: readSwitch(texts, "echo"),
    slowReaders: readNumber(texts, "slowReaders", {
      min: 0,
      max: bound(BOUNDS.slowReaders),
      integer: true,
    }),
    slowReaderRate: readNumber(texts, "slowReaderRate", {
      min: 0,
      max: 1_000_000_000,
      integer: true,
    }),
  };
  if (plan.slowReaders > 0 && instances > 1) {
    throw new ConfigError(
      `${optionLabel("slowReaders")} must be 0 with ${optionLabel("instances")} above 1, got \`${plan.slowReaders}\`: each would bring its own`,
    );
  }
  if (plan.filter === "kind" && plan.events !== "note") {
    throw new ConfigError(
      `${optionLabel("topicEvents")} must be \`note\` where kinds tell topics apart, got \`${plan.events}\``,
    );
  }
  const topics = topicsWanted(plan);
  if (plan.subsPerConnection > topics) {
    throw new ConfigError(
      `${optionLabel("subsPerConnection")} must be at most the number of topics, subscribers × subscriptions / fan-out = ${topics}, got \`${plan.subsPerConnection}\``,
    );
  }
  if (plan.filter === "kind" && topics > MOST_KINDS) {
    throw new ConfigError(
      `${optionLabel("filter")} \`kind\` has room for ${MOST_KINDS} topics, and the plan has ${topics}; raise ${optionLabel("fanout")}, or tell topics by \`author\` or \`tag\``,
    );
  }
  return plan;
}

/** Topics of the whole run; VUs share them equally, see `topicsOfVu`. */
export function topicsWanted({ subscribers, subsPerConnection, fanout }: FanoutPlan): number {
  if (fanout === "all") return 1;
  const each = fanout === "zipf" ? MEAN_OF_ZIPF : fanout;
  return Math.max(1, Math.round((subscribers * subsPerConnection) / each));
}

/** Topics live within a VU: each has as many. */
export function topicsOfVu(fanout: FanoutPlan, vus: number): number {
  return Math.max(1, Math.round(topicsWanted(fanout) / vus));
}

/**
 * Shares of the window behind which decoys and slow readers join, where they join within it: what is left behind the
 * baseline is divided among all stages alike, so that each can be held against the one before it.
 */
export function joinsOf({ baseline, decoys, slowReaders }: FanoutPlan): {
  readonly decoys: number | null;
  readonly slowReaders: number | null;
} {
  // Without a baseline decoys are open before the window.
  const areDecoysApart = baseline > 0 && decoys > 0;
  const stages = 1 + Number(areDecoysApart) + Number(slowReaders > 0);
  const behind = (stage: number) => baseline + ((1 - baseline) * stage) / stages;
  return {
    decoys: areDecoysApart ? behind(1) : null,
    slowReaders: slowReaders > 0 ? behind(stages - 1) : null,
  };
}

/** Connections that are held open for decoys. */
function decoyConnections({ decoys, subsPerConnection }: FanoutPlan): number {
  return Math.ceil(decoys / subsPerConnection);
}

/** All connections of a run. */
export function connectionsOf(fanout: FanoutPlan): number {
  return fanout.subscribers + fanout.publishers + decoyConnections(fanout);
}

/** What is owed a second when events are published at a rate, on average over the topics. */
export function deliveriesPerSecond(fanout: FanoutPlan, rateEps: number, vus: number): number {
  const { subscribers, subsPerConnection, publishers, echo } = fanout;
  const subscriptions = subscribers * subsPerConnection + (echo ? publishers : 0);
  return (rateEps * subscriptions) / (topicsOfVu(fanout, vus) * vus);
}

/** The event type of the pool: topics, and the parts that VUs read. */
export function topicMix(fanout: FanoutPlan, vus: number): string {
  const { filter, events } = fanout;
  const what = filter === "kind" ? "-kind" : events === "note" ? "" : `-${events}`;
  return `topic${what}:${topicsOfVu(fanout, vus) * vus}x${vus}:1`;
}

/** Longest time that opening the subscriptions may take, seconds. */
export function mostReadySeconds(fanout: FanoutPlan): number {
  const { subscribers, subsPerConnection, decoys, deliveryTimeoutMs } = fanout;
  const subscriptions = subscribers * subsPerConnection + decoys;
  return Math.ceil((2 * deliveryTimeoutMs) / 1_000 + subscriptions / 500);
}
