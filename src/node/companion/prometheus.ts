/** Prometheus text: reading a relay's, writing our own. Format: prometheus.io, exposition format 0.0.4. */
import { metricsOfMoment, RESOURCE_METRICS } from "../../measure/resource-metrics.ts";
import type { TimedSample } from "../sampler.ts";

/** Every sample of a text by its name with labels; lines that are none are left out. */
export function parsePrometheus(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match =
      /^([a-zA-Z_:][\w:]*(?:\{[^\n]*\})?)\s+([-+0-9.eE]+|NaN|[+-]Inf)(?:\s+\d+)?\s*$/.exec(line);
    const value = Number(match?.[2]);
    if (match?.[1] !== undefined && Number.isFinite(value)) values.set(match[1], value);
  }
  return values;
}

/**
 * Figures of relays that are worth a place in a report: those every client library gives of its
 * process, and those of strfry (src/PrometheusMetrics.h), nostr-rs-relay (src/server.rs) and rnostr
 * (extensions/src/metrics.rs).
 */
const KNOWN: readonly RegExp[] = [
  /^process_(cpu_seconds_total|resident_memory_bytes|open_fds)$/,
  /^nostr_(client_messages_total|relay_messages_total|events_total)\{/,
  /^strfry_(write_\w+|connections_current|slow_client_terminations_total)$/,
  /^nostr_(query|filter|events_write)_seconds_(sum|count)$/,
  /^nostr_(connections|cmd_event|cmd_req|events_sent|query_abort|disconnects)_total(\{|$)/,
  /^nostr_relay_(session|session_total|session_stop_total|message_total|new_event)(\{|$)/,
  /^nostr_relay_db_(get|write)_(sum|count)(\{|$)/,
];

export function isKnownMetric(name: string): boolean {
  return KNOWN.some((pattern) => pattern.test(name));
}

/** The latest samples as gauges. */
export function renderPrometheus(samples: readonly TimedSample[]): string {
  const lines = Object.entries(metricsOfMoment(samples)).flatMap(([name, value]) => [
    `# HELP ${name} ${RESOURCE_METRICS[name]?.help}`,
    `# TYPE ${name} gauge`,
    `${name} ${value}`,
  ]);
  return `${lines.join("\n")}\n`;
}
