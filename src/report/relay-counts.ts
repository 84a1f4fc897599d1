/** The relay's own counters held against what was sent to it: an audit that costs nothing. */
import { topicsOfVu } from "../plan/fanout.ts";
import { formatCount, formatMs } from "./format.ts";
import type { RelayMetric, Report } from "./types.ts";

/** What came in, by verb: strfry (src/PrometheusMetrics.h), nostr-rs-relay (src/server.rs). */
const FRAMES_IN: Readonly<Record<"EVENT" | "REQ", readonly RegExp[]>> = {
  EVENT: [/^nostr_client_messages_total\{[^}]*verb="EVENT"[^}]*\}$/, /^nostr_cmd_event_total$/],
  REQ: [/^nostr_client_messages_total\{[^}]*verb="REQ"[^}]*\}$/, /^nostr_cmd_req_total$/],
};
/** EVENTs that went out to subscriptions, of stored events or as they came. */
const FRAMES_OUT: readonly RegExp[] = [
  /^nostr_relay_messages_total\{[^}]*verb="EVENT"[^}]*\}$/,
  /^nostr_events_sent_total\{[^}]*\}$/,
];
/** Time in the store and writes of it, with ms in one of the time's units. */
const WRITES = [
  {
    sum: /^nostr_events_write_seconds_sum$/,
    count: /^nostr_events_write_seconds_count$/,
    ms: 1_000,
  },
  {
    sum: /^strfry_write_time_microseconds_total$/,
    count: /^strfry_write_events_total$/,
    ms: 0.001,
  },
  { sum: /^nostr_relay_db_write_sum$/, count: /^nostr_relay_db_write_count$/, ms: 1_000 },
] as const;

export interface CountedFrames {
  /** `EVENTs` or `REQs`. */
  readonly what: string;
  readonly counted: number;
  readonly sent: number;
  readonly agree: boolean;
}

/** EVENTs that the relay counted as sent to subscriptions, those that came, and where the others are. */
export interface CountedDeliveries {
  readonly counted: number;
  /** With those of probes, and those that slow readers took. */
  readonly came: number;
  /** Owed, and never sent; sent on connections that ended, or were not read; sent, and not counted here. */
  readonly byRelay: number;
  readonly inSystem: number;
  readonly byUs: number;
}

/** `null` where nobody subscribed, or the relay does not count. */
export function countedDeliveries(report: Report): CountedDeliveries | null {
  const { classes, config, resources, run, slowReaders: slow } = report;
  const { delivery, connection } = classes;
  if (delivery === undefined || config.relays.length > 1) return null;
  const metrics = (resources?.relayMetrics ?? []).filter(({ name }) =>
    FRAMES_OUT.some((pattern) => pattern.test(name)),
  );
  if (metrics.length === 0) return null;
  const { totals: t, warmup } = delivery;
  const counted = metrics.reduce((sum, { first, last }) => sum + last - first, 0);
  const frames = t.frames + t.probes + (warmup?.frames ?? 0) + (warmup?.probes ?? 0);
  const came = frames + (slow?.frames ?? 0);
  const missing = t.missing + (warmup?.missing ?? 0);
  const gap = Math.max(0, counted - came);
  // On a connection that goes on TCP loses nothing, unless the run was cut off.
  const someEnded =
    !run.complete ||
    connection.totals.dropped > 0 ||
    t.subscriptionLost > 0 ||
    (slow?.ends.length ?? 0) > 0;
  const byUs = someEnded ? 0 : gap;
  return {
    ...{ counted, came, byUs },
    inSystem: gap - byUs,
    byRelay: counted < came ? 0 : Math.max(0, missing - byUs),
  };
}

/** Events that tell whether subscriptions are open: one a topic. */
function probesOf({ config: { fanout, vus }, classes }: Report): number {
  return fanout && classes.delivery !== undefined ? topicsOfVu(fanout, vus) * vus : 0;
}

/** EVENTs and REQs that the relay counted over the run, and those that it must have got; nothing where it does not count. */
export function countedFrames(report: Report): readonly CountedFrames[] {
  const { resources, config, classes } = report;
  // The metrics are one relay's.
  if (config.relays.length > 1) return [];
  const held = (verb: "EVENT" | "REQ", sent: number, lost: number): readonly CountedFrames[] => {
    const metric = FRAMES_IN[verb].flatMap(
      (name) => resources?.relayMetrics.find((known) => name.test(known.name)) ?? [],
    )[0];
    if (metric === undefined) return [];
    const all = metric.last - metric.first;
    // nostr-rs-relay 0.8 counts an EVENT as it comes, and once more as it is parsed (src/server.rs).
    const isTwice = /^nostr_cmd_event_total$/.test(metric.name) && all > sent && all % 2 === 0;
    const counted = isTwice && all / 2 <= sent ? all / 2 : all;
    // What was under way when a connection ended may have come or not.
    return [{ what: `${verb}s`, counted, sent, agree: counted <= sent && counted >= sent - lost }];
  };
  const { publish, query } = classes;
  // A COUNT is no REQ.
  const asksOnly = Object.keys(query?.rows ?? {}).every((name) => !name.startsWith("count-"));
  return [
    ...(publish === undefined
      ? []
      : held(
          "EVENT",
          publish.totals.attempted + (publish.warmup?.attempted ?? 0) + probesOf(report),
          publish.totals.lost,
        )),
    ...(query === undefined || !asksOnly
      ? []
      : held("REQ", query.totals.sent + (query.warmup?.sent ?? 0), query.totals.lost)),
  ];
}

/** A sentence each: whether it counted what was sent, and what one write took. */
export function describeRelayCounts(report: Report): readonly string[] {
  const { resources } = report;
  const metrics = resources?.relayMetrics ?? [];
  const change = (name: RegExp) => {
    const found = metrics.find((metric) => name.test(metric.name));
    return found === undefined ? null : found.last - found.first;
  };
  const lines: string[] = [];
  for (const { what, counted, sent, agree } of countedFrames(report)) {
    const says = `The relay counted ${formatCount(counted)} ${what}, ${formatCount(sent)} were sent`;
    lines.push(
      agree
        ? `${says}: they agree.`
        : `${says}: THEY DO NOT AGREE${counted < 0 ? "; it began anew" : counted > sent ? "; others are there too, or it was read late at first" : "; it was read before the last came, or lost some"}.`,
    );
  }
  const deliveries = countedDeliveries(report);
  if (deliveries !== null) lines.push(describeDeliveries(deliveries));
  for (const { sum, count, ms } of WRITES) {
    const [spent, writes] = [change(sum), change(count)];
    if (spent === null || writes === null || writes <= 0) continue;
    lines.push(
      `By its own clock a write of the relay took ${formatMs((spent / writes) * ms)} on average.`,
    );
  }
  return lines;
}

function describeDeliveries(of: CountedDeliveries): string {
  const { counted, came, byRelay, inSystem, byUs } = of;
  const says = `The relay counted ${formatCount(counted)} EVENTs to subscriptions, ${formatCount(came)} came`;
  if (counted < came) {
    return `${says}: THEY DO NOT AGREE; ${counted < 0 ? "it began anew" : "it was read before the last, or counts only some of them"}.`;
  }
  const parts = [
    ...(inSystem > 0
      ? [`${formatCount(inSystem)} were lost in the system, with connections that ended`]
      : []),
    ...(byUs > 0
      ? [
          `${formatCount(byUs)} were lost by this generator: no connection ended, so they came too late or others subscribe too`,
        ]
      : []),
    ...(byRelay > 0 ? [`${formatCount(byRelay)} that are missing it never sent`] : []),
  ];
  const agree = counted === came ? "they agree" : "";
  return `${says}: ${[agree, ...parts].filter((part) => part !== "").join("; ")}.`;
}

/** What a counter rose by between the looks; without the noise of fractions. */
export function changeOf({ first, last }: RelayMetric): number {
  return Number((last - first).toPrecision(9));
}
