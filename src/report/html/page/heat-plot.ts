/** Draws the heat map: a cell for each slice and row of times. */
import uPlot from "uplot";
import type { HeatChart } from "../../charts/chart.ts";
import { formatCount } from "../../format.ts";
import { formatTime, formatValue } from "../values.ts";
import {
  type Frame,
  logAxis,
  markMoments,
  sizeOf,
  timeAxis,
  timeCursor,
  timeScale,
} from "./frame.ts";

/** Few must be seen beside many: shades go by this power of the count. */
const SHADE_POWER = 0.4;
const LEAST_SHADE = 0.12;

export function drawHeat(chart: HeatChart, frame: Frame): uPlot {
  const { edges, xs } = chart;
  // A logarithm has no 0.
  const lowest = Math.max(edges[0] ?? 0, (edges[1] ?? 1) / 2);
  const highest = edges.at(-1) ?? 1;
  const { width, height } = sizeOf(frame.width);
  const options: uPlot.Options = {
    width,
    height: height + 40,
    padding: [12, 28, null, null],
    scales: {
      x: timeScale(frame, xs),
      y: { distr: 3, log: 10, range: [lowest, highest] },
    },
    axes: [timeAxis(frame), logAxis(frame, "ms")],
    cursor: { ...timeCursor(), points: { show: false } },
    series: [
      { label: "from", value: (_plot, x) => (x === null ? "all" : formatTime(x)) },
      {
        label: chart.of,
        paths: () => null,
        points: { show: false },
        value: (_plot, _v, _series, i) => describeSlice(chart, i ?? null),
      },
    ],
    hooks: { draw: [drawCells(chart, frame, lowest), markMoments(frame)] },
  };
  return new uPlot(options, [[...xs], xs.map(() => lowest)], frame.element);
}

function drawCells(
  { xs, edges, cells }: HeatChart,
  { page, theme }: Frame,
  lowest: number,
): (plot: uPlot) => void {
  const most = Math.max(...cells.flatMap((slice) => slice.filter((_, i) => i % 2 === 1)));
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    xs.forEach((t, i) => {
      const left = Math.floor(plot.valToPos(t, "x", true));
      const right = Math.floor(plot.valToPos(t + page.sliceSec, "x", true));
      const slice = cells[i] ?? [];
      for (let j = 0; j + 1 < slice.length; j += 2) {
        const row = slice[j] ?? 0;
        const low = Math.max(lowest, edges[row] ?? lowest);
        const bottom = Math.round(plot.valToPos(low, "y", true));
        const top = Math.round(plot.valToPos(edges[row + 1] ?? low, "y", true));
        ctx.fillStyle = shade((slice[j + 1] ?? 0) / most, theme.heat);
        ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
      }
    });
    ctx.restore();
  };
}

function shade(share: number, [few, many]: Frame["theme"]["heat"]): string {
  const depth = LEAST_SHADE + (1 - LEAST_SHADE) * share ** SHADE_POWER;
  const mix = few.map((from, i) => Math.round(from + ((many[i] ?? from) - from) * depth));
  return `rgb(${mix.join(",")})`;
}

/** Row, count, row, count, … of all slices, the lowest row first. */
function wholeOf(cells: HeatChart["cells"]): readonly number[] {
  const counts = new Map<number, number>();
  for (const slice of cells) {
    for (let j = 0; j + 1 < slice.length; j += 2) {
      const row = slice[j] ?? 0;
      counts.set(row, (counts.get(row) ?? 0) + (slice[j + 1] ?? 0));
    }
  }
  return [...counts].sort(([a], [b]) => a - b).flat();
}

/** How many, and between what times. */
function describeSlice({ edges, cells }: HeatChart, i: number | null): string {
  // Without a cursor, as on paper: of all slices.
  const slice = i === null ? wholeOf(cells) : (cells[i] ?? []);
  if (slice.length === 0) return "none";
  const counts = slice.filter((_, j) => j % 2 === 1);
  const total = counts.reduce((sum, n) => sum + n, 0);
  const low = formatValue(edges[slice[0] ?? 0] ?? null, "ms");
  const high = formatValue(edges[(slice.at(-2) ?? 0) + 1] ?? null, "ms");
  return `${formatCount(total)}, ${low} to ${high}`;
}
