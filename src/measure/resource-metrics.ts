/**
 * Figures of relay, generator and host by the names that they have as k6 metrics, in thresholds and in
 * the companion's Prometheus text.
 */

type ResourceProcess = "relay" | "generator" | "host" | "proxy";

/** What of a look at a process has a metric; the report's samples are such looks. */
interface Look {
  readonly process: ResourceProcess;
  readonly cpuPercent: number | null;
  readonly busiestThreadPercent?: number | null;
  readonly waitedForCpuPercent?: number | null;
  readonly rssBytes: number | null;
  readonly anonBytes?: number | null;
  readonly openFiles: number | null;
  readonly threads: number | null;
  readonly diskWriteBytesPerSec: number | null;
  readonly contextSwitchesPerSec: number | null;
  readonly networkBytesPerSec: number | null;
  readonly pressure: { readonly [K in "cpu" | "io" | "memory"]: number | null } | null;
}

export interface ResourceMetric {
  readonly process: ResourceProcess;
  readonly help: string;
  readonly valueOf: (look: Look) => number | null;
}

type Row = readonly [name: string, help: string, valueOf: ResourceMetric["valueOf"]];

const OF_ALL: readonly Row[] = [
  ["cpu_percent", "CPU of one core; of all cores for the host", (l) => l.cpuPercent],
  ["rss_bytes", "Resident memory; memory in use for the host", (l) => l.rssBytes],
  ["disk_write_bytes_per_second", "Written to disks", (l) => l.diskWriteBytesPerSec],
  ["context_switches_per_second", "Context switches", (l) => l.contextSwitchesPerSec],
  ["network_receive_bytes_per_second", "Received over the network", (l) => l.networkBytesPerSec],
];
const OF_PROCESSES: readonly Row[] = [
  ["busiest_thread_percent", "CPU of the busiest thread", (l) => l.busiestThreadPercent ?? null],
  ["waited_for_cpu_percent", "Time a thread had no CPU", (l) => l.waitedForCpuPercent ?? null],
  ["anon_bytes", "Resident memory that is of no file", (l) => l.anonBytes ?? null],
  ["open_files", "Open files", (l) => l.openFiles],
  ["threads", "Threads", (l) => l.threads],
];
const OF_HOST: readonly Row[] = [
  ["pressure_cpu_percent", "Time in which some task waited", (l) => l.pressure?.cpu ?? null],
  ["pressure_io_percent", "Time in which some task waited", (l) => l.pressure?.io ?? null],
  ["pressure_memory_percent", "Time in which some task waited", (l) => l.pressure?.memory ?? null],
];

const metricsOf = (of: ResourceProcess, rows: readonly Row[]) =>
  rows.map(([name, help, read]): readonly [string, ResourceMetric] => [
    `nostr_${of}_${name}`,
    { process: of, help, valueOf: read },
  ]);

export const RESOURCE_METRICS: Readonly<Record<string, ResourceMetric>> = Object.fromEntries([
  ...metricsOf("relay", [...OF_ALL, ...OF_PROCESSES]),
  ...metricsOf("generator", [...OF_ALL, ...OF_PROCESSES]),
  ...metricsOf("host", [...OF_ALL, ...OF_HOST]),
]);

/** The metrics of looks of one moment that were measured. */
export function metricsOfMoment(looks: readonly Look[]): Readonly<Record<string, number>> {
  const known = Object.entries(RESOURCE_METRICS).flatMap(([name, metric]) => {
    const own = looks.find((look) => look.process === metric.process);
    const value = own === undefined ? null : metric.valueOf(own);
    return value === null ? [] : [[name, value] as const];
  });
  return Object.fromEntries(known);
}
