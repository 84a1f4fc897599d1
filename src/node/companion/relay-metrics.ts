/** The relay's own Prometheus metrics, read once a second from an address that the guard allowed. */
import { ConfigError } from "../../errors.ts";
import { parseRelayUrl, type RelayUrl } from "../../guard/relay-url.ts";
import type { RelayMetric } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { pinnedGet } from "../guard/pinned-get.ts";
import { resolveTarget } from "../guard/resolve.ts";
import type { UsageReading } from "../proc.ts";
import { isKnownMetric, parsePrometheus } from "./prometheus.ts";

const LIMITS = { timeoutMs: 900, maxBytes: 4_000_000 };
const MOST_METRICS = 60;

export interface SideUrl {
  readonly url: RelayUrl;
  readonly address: string;
}

/**
 * Reads an `http://` URL beside the relay: on this machine, or on a relay's host with the address that
 * the guard gave for it. Throws `ConfigError`.
 */
export async function admitSideUrl(
  text: string,
  option: string,
  admissions: readonly Admission[],
): Promise<SideUrl> {
  if (!text.startsWith("http://")) {
    throw new ConfigError(`${option} must be an \`http://\` URL, got \`${text.slice(0, 8)}…\``);
  }
  const url = parseRelayUrl(`ws://${text.slice("http://".length)}`);
  const relay = admissions.find((admission) => admission.url.host === url.host);
  if (relay) return { url, address: relay.addresses[0] };
  const { verdict, addresses } = await resolveTarget(url, { allowPrivate: false });
  const [address] = addresses;
  if (verdict.status !== "allowed" || address === undefined) {
    const why = verdict.status === "refused" ? verdict.reason : "it is not this machine";
    throw new ConfigError(
      `${option} refused \`${url.label}\`: ${why}\nGive a URL on this machine or on the relay's own host.`,
    );
  }
  return { url, address };
}

export interface RelayMetricsReader {
  read(): Promise<void>;
  /** The latest reading of the process, once; `null` when there is no new one, or none at all. */
  takeUsage(): UsageReading | null;
  /** What was read first and last of each figure, and why there is nothing. */
  result(): { readonly metrics: readonly RelayMetric[]; readonly problem: string | null };
}

export function createRelayMetricsReader({ url, address }: SideUrl): RelayMetricsReader {
  const first = new Map<string, number>();
  const last = new Map<string, number>();
  let problem: string | null = "it was never read";
  let reads = 0;
  let reading: UsageReading | null = null;
  return {
    async read() {
      const body = await pinnedGet({
        url,
        address,
        limits: LIMITS,
        port: url.port,
        path: url.path,
        accept: "text/plain",
      });
      if (body.status !== "read") {
        problem = body.reason;
        return;
      }
      const all = parsePrometheus(body.text);
      const usage = usageOf(all);
      if (usage !== null) reading = { atMs: performance.timeOrigin + performance.now(), usage };
      const known = [...all].filter(([name]) => isKnownMetric(name));
      problem = known.length === 0 ? "it has no metric that is known" : null;
      for (const [name, value] of known.slice(0, MOST_METRICS)) {
        // A counter with labels is not there before it has counted.
        if (!first.has(name)) first.set(name, reads > 0 && isCounter(name) ? 0 : value);
        last.set(name, value);
      }
      reads++;
    },
    takeUsage() {
      const taken = reading;
      reading = null;
      return taken;
    },
    result: () => ({
      metrics: [...first].map(([name, value]) => ({
        name,
        first: value,
        last: last.get(name) ?? value,
      })),
      problem: first.size > 0 ? null : problem,
    }),
  };
}

/** By the names that Prometheus asks for: prometheus.io, "Metric and label naming". */
function isCounter(name: string): boolean {
  return /_(total|count|sum)(\{|$)/.test(name);
}

/** The names that Prometheus' client libraries have in common; `null` without processor time. */
function usageOf(metrics: ReadonlyMap<string, number>): UsageReading["usage"] | null {
  const cpuSec = metrics.get("process_cpu_seconds_total");
  if (cpuSec === undefined) return null;
  return {
    startedTicks: metrics.get("process_start_time_seconds") ?? null,
    cpuSec,
    anonBytes: null,
    threadTimes: null,
    rssBytes: metrics.get("process_resident_memory_bytes") ?? null,
    openFiles: metrics.get("process_open_fds") ?? null,
    threads: null,
    diskWriteBytes: null,
    contextSwitches: null,
  };
}
