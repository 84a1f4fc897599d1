/** The charts of what relay, generator and host used. */
import type { Report, ResourceSample } from "../types.ts";
import { type Chart, type ChartId, type ChartSeries, hasValues, type Unit } from "./chart.ts";

const PROCESSES = ["relay", "generator", "host"] as const;

export function cpuChart(resources: Report["resources"]): Chart {
  return sampled(resources, "cpu", "%", {
    title: "CPU",
    caption: "Percent of one core; of the host, of all cores together.",
    value: (s) => s.cpuPercent,
  });
}

export function memoryChart(resources: Report["resources"]): Chart {
  return sampled(resources, "memory", "bytes", {
    title: "Memory",
    caption: "Resident memory of the processes.",
    value: (s) => s.rssBytes,
  });
}

interface Sampled {
  readonly title: string;
  readonly caption: string;
  readonly value: (sample: ResourceSample) => number | null;
}

function sampled(
  resources: Report["resources"],
  id: ChartId,
  unit: Unit,
  { title, caption, value }: Sampled,
): Chart {
  const samples = (resources?.samples ?? []).filter((s) => s.t >= 0);
  const xs = [...new Set(samples.map((s) => s.t))].sort((a, b) => a - b);
  const series = PROCESSES.flatMap((process): ChartSeries[] => {
    const byTime = new Map(
      samples.filter((s) => s.process === process).map((s) => [s.t, value(s)] as const),
    );
    const line = { label: process, values: xs.map((t) => byTime.get(t) ?? null) };
    return hasValues([line]) ? [line] : [];
  });
  if (series.length === 0) return { kind: "none", id, title, caption, why: "not measured" };
  return {
    kind: "lines",
    id,
    title,
    caption,
    x: "time",
    stepped: false,
    unit,
    log: false,
    xs,
    series,
  };
}
