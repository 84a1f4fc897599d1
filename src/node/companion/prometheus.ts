/** Prometheus text: reading a relay's, writing our own. Format: prometheus.io, exposition format 0.0.4. */
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
  /^nostr_(connections|cmd_event|cmd_req|query_abort|disconnects)_total(\{|$)/,
  /^nostr_relay_(session|session_total|session_stop_total|message_total|new_event)(\{|$)/,
  /^nostr_relay_db_(get|write)_(sum|count)(\{|$)/,
];

export function isKnownMetric(name: string): boolean {
  return KNOWN.some((pattern) => pattern.test(name));
}

const FIGURES = [
  ["cpuPercent", "cpu_percent", "CPU of one core; of all cores for the host"],
  ["rssBytes", "rss_bytes", "Resident memory; memory in use for the host"],
  ["openFiles", "open_files", "Open files"],
  ["threads", "threads", "Threads"],
  ["diskWriteBytesPerSec", "disk_write_bytes_per_second", "Written to disks"],
  ["contextSwitchesPerSec", "context_switches_per_second", "Context switches"],
  ["networkBytesPerSec", "network_receive_bytes_per_second", "Received over the network"],
] as const;

/** The latest samples as gauges. */
export function renderPrometheus(samples: readonly TimedSample[]): string {
  const lines = FIGURES.flatMap(([figure, name, help]) => {
    const rows = samples.flatMap((s) =>
      s[figure] === null ? [] : [`nostr_${s.process}_${name} ${s[figure]}`],
    );
    const names = [...new Set(rows.map((row) => row.split(" ")[0]))];
    return names.flatMap((metric, i) => [
      `# HELP ${metric} ${help}`,
      `# TYPE ${metric} gauge`,
      rows[i] ?? "",
    ]);
  });
  const pressure = samples.find((s) => s.process === "host")?.pressure;
  const waits = Object.entries(pressure ?? {}).flatMap(([what, percent]) =>
    percent === null ? [] : [`nostr_host_pressure_percent{resource="${what}"} ${percent}`],
  );
  const header = "# HELP nostr_host_pressure_percent Time in which some task waited";
  const tail =
    waits.length === 0 ? [] : [header, "# TYPE nostr_host_pressure_percent gauge", ...waits];
  return `${[...lines, ...tail].join("\n")}\n`;
}
