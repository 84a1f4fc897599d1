/** The charts of what relay, generator and host used. */
import { diskOf } from "../disk.ts";
import { formatBytes } from "../format.ts";
import type { Report, ResourceSample } from "../types.ts";
import { type Chart, type ChartId, type ChartSeries, hasValues, type Unit } from "./chart.ts";

/** Samples of the processes so near to each other are of one moment. */
const MOMENT_SEC = 0.25;
const PROCESSES = ["relay", "proxy", "generator", "host"] as const;

export function cpuChart(report: Report): Chart {
  const { resources, run } = report;
  const chart = sampled(resources, "cpu", "%", {
    title: "CPU",
    caption: "Percent of one core; of the host, of all cores together.",
    value: (s) => s.cpuPercent,
  });
  const others = othersOf(report);
  if (chart.kind !== "lines" || !hasValues([others])) return chart;
  const caption = `${chart.caption} Others: what the host's ${run.host.cpus} cores did besides.`;
  return { ...chart, caption, series: [...chart.series, others] };
}

/** Who used the processor besides: where relay and generator share a host, what is left of it. */
function othersOf({ resources, run }: Report): ChartSeries {
  const { cpus } = run.host;
  const moments = momentsOf((resources?.samples ?? []).filter((s) => s.t >= 0));
  const values = moments.map((moment) => {
    const cpuOf = (process: ResourceSample["process"]) =>
      moment.find((s) => s.process === process)?.cpuPercent ?? null;
    const [host, relay, generator] = [cpuOf("host"), cpuOf("relay"), cpuOf("generator")];
    if (cpus === null || run.sameHost !== true) return null;
    if (host === null || relay === null || generator === null) return null;
    const left = host * cpus - relay - generator - (cpuOf("proxy") ?? 0);
    return Math.max(0, Math.round(left * 10) / 10);
  });
  return { label: "others", values };
}

export function memoryChart(resources: Report["resources"]): Chart {
  return sampled(resources, "memory", "bytes", {
    title: "Memory",
    caption: "Resident memory of relay and generator.",
    // The host's would be so much more that theirs were flat.
    value: (s) => (s.process === "host" ? null : s.rssBytes),
  });
}

/** Those of what not every system tells: left out where it was not measured. */
export function furtherCharts(report: Report): readonly Chart[] {
  const { resources } = report;
  const dirtied = diskOf(report)?.dirtiedBytesPerSec ?? null;
  return [
    sampled(resources, "disk", "bytes/s", {
      title: "Written to disk",
      caption:
        dirtied === null
          ? "By the processes and, of the host, to all disks."
          : `Of the host, to all disks. The relay's own count is left out: it is of pages each time they are dirtied, ${formatBytes(dirtied)}/s.`,
      value: (s) => (dirtied !== null && s.process === "relay" ? null : s.diskWriteBytesPerSec),
    }),
    sampled(resources, "files", "files", {
      title: "Open files",
      caption: "Connections are files too.",
      value: (s) => s.openFiles,
    }),
    pressureChart(resources),
  ].filter(({ kind }) => kind !== "none");
}

function pressureChart(resources: Report["resources"]): Chart {
  const samples = (resources?.samples ?? []).filter((s) => s.t >= 0 && s.pressure !== null);
  const xs = samples.map((s) => s.t);
  const series = (["cpu", "io", "memory"] as const)
    .map((label) => ({ label, values: samples.map((s) => s.pressure?.[label] ?? null) }))
    .filter((line) => hasValues([line]));
  const named = {
    id: "pressure",
    title: "Pressure on the host",
    caption: "Share of time in which some task waited for it.",
  } as const;
  if (series.length === 0) return { kind: "none", ...named, why: "not measured" };
  const look = { x: "time", stepped: false, unit: "%", log: false } as const;
  return { kind: "lines", ...named, ...look, xs, series };
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
