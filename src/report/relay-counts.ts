/** The relay's own counters held against what was sent to it: an audit that costs nothing. */
import { formatCount, formatMs } from "./format.ts";
import type { RelayMetric, Report } from "./types.ts";

/** What came in, by verb: strfry (src/PrometheusMetrics.h), nostr-rs-relay (src/server.rs). */
const FRAMES_IN: Readonly<Record<"EVENT" | "REQ", readonly RegExp[]>> = {
  EVENT: [/^nostr_client_messages_total\{[^}]*verb="EVENT"[^}]*\}$/, /^nostr_cmd_event_total$/],
  REQ: [/^nostr_client_messages_total\{[^}]*verb="REQ"[^}]*\}$/, /^nostr_cmd_req_total$/],
};
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
    const counted = metric.last - metric.first;
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
          publish.totals.attempted + (publish.warmup?.attempted ?? 0),
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
  for (const { sum, count, ms } of WRITES) {
    const [spent, writes] = [change(sum), change(count)];
    if (spent === null || writes === null || writes <= 0) continue;
    lines.push(
      `By its own clock a write of the relay took ${formatMs((spent / writes) * ms)} on average.`,
    );
  }
  return lines;
}

/** What a counter rose by between the looks; without the noise of fractions. */
export function changeOf({ first, last }: RelayMetric): number {
  return Number((last - first).toPrecision(9));
}
