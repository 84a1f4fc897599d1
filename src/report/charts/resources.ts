/** The charts of what relay, generator and host used. */
import type { Report, ResourceSample } from "../types.ts";
import { type Chart, type ChartId, type ChartSeries, hasValues, type Unit } from "./chart.ts";

/** Samples of the processes so near to each other are of one moment. */
const MOMENT_SEC = 0.25;
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
  const moments = momentsOf(samples);
  const xs = moments.map(([first]) => first?.t ?? 0);
  const series = PROCESSES.flatMap((process): ChartSeries[] => {
    const values = moments.map((moment) => {
      const own = moment.find((s) => s.process === process);
      return own === undefined ? null : value(own);
    });
    const line = { label: process, values };
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

function momentsOf(samples: readonly ResourceSample[]): readonly (readonly ResourceSample[])[] {
  const moments: ResourceSample[][] = [];
  for (const sample of [...samples].sort((a, b) => a.t - b.t)) {
    const current = moments.at(-1);
    const start = current?.[0]?.t ?? Number.NEGATIVE_INFINITY;
    const isKnown = current?.some((s) => s.process === sample.process) === true;
    if (current === undefined || isKnown || sample.t - start > MOMENT_SEC) moments.push([sample]);
    else current.push(sample);
  }
  return moments;
}
