/** Heat maps of times: how many took how long, slice by slice. */
import { coarseLowerMs } from "../../measure/histogram.ts";
import { deliveryOf, leadingOf } from "../class-report.ts";
import type { ClassPoint } from "../class-types.ts";
import type { Report } from "../types.ts";
import type { Chart, ChartId } from "./chart.ts";

const HOW =
  "bands and clouds that percentiles hide. The stronger the shade, the more; few are shown stronger than their share.";

/** Of the class that the scenario is about: of connections its time is that of the handshake. */
export function heatChart(report: Report): Chart {
  const { name } = leadingOf(report);
  const isOfConnections = name === "connection";
  const of = isOfConnections ? "handshakes" : "answers";
  return heatOf(report.classes[name]?.series ?? [], {
    ...{ id: "heat", of },
    title: `Heat map of ${isOfConnections ? "handshake" : "response"} times`,
    caption: `How many ${of} took how long, in each slice: ${HOW}`,
    why: isOfConnections ? "no connection opened" : "nothing was answered",
  });
}

/** None for a run in which nobody subscribed. */
export function deliveryHeat(report: Report): readonly Chart[] {
  const { series } = deliveryOf(report);
  if (series.length === 0) return [];
  return [
    heatOf(series, {
      ...{ id: "delivery-heat", of: "deliveries", title: "Heat map of delivery times" },
      caption: `How many deliveries took how long from when their event was due, in the slice in which they came: ${HOW}`,
      why: "nothing was delivered",
    }),
  ];
}

interface Named {
  readonly id: ChartId;
  readonly of: string;
  readonly title: string;
  readonly caption: string;
  readonly why: string;
}

function heatOf(
  series: readonly Pick<ClassPoint, "t" | "buckets">[],
  { why, ...named }: Named,
): Chart {
  const rows = series.flatMap((p) => p.buckets.filter((_, i) => i % 2 === 0));
  if (rows.length === 0) return { kind: "none", ...named, why };
  const lowest = Math.min(...rows);
  const highest = Math.max(...rows);
  return {
    kind: "heat",
    ...named,
    xs: series.map((p) => p.t),
    edges: Array.from({ length: highest - lowest + 2 }, (_, i) => coarseLowerMs(lowest + i)),
    cells: series.map((p) => p.buckets.map((n, i) => (i % 2 === 0 ? n - lowest : n))),
  };
}
