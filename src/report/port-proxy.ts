/** What holds the relay's port and hands connections on: it is measured with the relay, and has limits of its own. */
import type { Report } from "./types.ts";

export interface ProxyUse {
  readonly name: string;
  /** Percent of one core over the window; `null`: not measured. */
  readonly cpuPercent: number | null;
}

export function proxyOf({ resources, run }: Report): ProxyUse | null {
  const proxy = resources?.proxy ?? null;
  if (proxy === null) return null;
  const cpu = (resources?.samples ?? [])
    .filter((s) => s.process === "proxy" && s.t > 0 && s.t <= run.durationSec)
    .flatMap((s) => s.cpuPercent ?? []);
  const mean = cpu.length === 0 ? null : cpu.reduce((sum, n) => sum + n, 0) / cpu.length;
  return { name: proxy.name, cpuPercent: mean };
}

export function describeProxy({ name, cpuPercent }: ProxyUse): string {
  const takes =
    cpuPercent === null
      ? "; what it takes was not measured"
      : ` and takes ${cpuPercent.toFixed(0)} % of a core`;
  return `A proxy (${name}) is in the path${takes}: figures are those of both.`;
}
