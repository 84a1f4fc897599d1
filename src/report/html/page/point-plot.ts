/** Draws points, one a trial or group, whose shapes say as much as their colours. */
import uPlot from "uplot";
import type { Mark, PointChart } from "../../charts/chart.ts";
import { formatValue } from "../values.ts";
import { type Frame, groupAxis, loadAxis, logAxis, sizeOf, trialAxis, valueAxis } from "./frame.ts";

const RADIUS = 4;
const LEGEND: Readonly<Record<Mark, string>> = { dot: "●", ring: "○", cross: "✕", line: "┄" };
/** Room beside the first and the last point. */
const MARGIN = 1.15;
/** Above and below them, where some decades share a low chart: a whole mark. */
const LOG_MARGIN = 1.5;

export function drawPoints(chart: PointChart, frame: Frame): uPlot {
  const { xs, series, labels } = chart;
  const options: uPlot.Options = {
    ...sizeOf(frame.width),
    padding: [12, 28, null, null],
    scales: { x: placeScale(chart), y: valueScale(chart) },
    axes: [
      placeAxis(chart, frame),
      chart.log ? logAxis(frame, chart.unit) : valueAxis(frame, chart.unit),
    ],
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    series: [
      {
        label: chart.of ?? "trial",
        value: (_plot, _x, _series, at) => (at == null ? "all" : (labels[at] ?? "")),
      },
      ...series.map(({ label, mark }, i) => ({
        label: `${LEGEND[mark]} ${label}`,
        stroke: colourOf(frame, i),
        // Marks are drawn below; a line or a round point of uPlot would say what was not measured.
        paths: () => null,
        points: { show: false },
        value: (_plot: uPlot, v: number | null, _series: number, at: number | null) =>
          at == null ? wholeOf(chart, i) : formatValue(v ?? null, chart.unit),
      })),
    ],
    hooks: { draw: [drawMarks(chart, frame)] },
  };
  const data = [xs, ...series.map(({ values }) => values)];
  return new uPlot(options, data as uPlot.AlignedData, frame.element);
}

function placeAxis({ x, xUnit, labels }: PointChart, frame: Frame): uPlot.Axis {
  if (x === "group") return groupAxis(frame, labels);
  return x === "load" ? loadAxis(frame, xUnit) : trialAxis(frame);
}

function placeScale({ x, xs }: PointChart): uPlot.Scale {
  const [first, last] = [xs[0] ?? 1, xs.at(-1) ?? 1];
  return x === "load"
    ? { time: false, distr: 3, log: 10, range: [first / MARGIN, last * MARGIN] }
    : { time: false, range: [first - 0.5, last + 0.5] };
}

function valueScale({ log }: PointChart): uPlot.Scale {
  const range: uPlot.Range.Function = log
    ? (_plot, min, max) => [(min ?? 1) / LOG_MARGIN, (max ?? 1) * LOG_MARGIN]
    : (_plot, _min, max) => [0, (max ?? 0) > 0 ? (max ?? 0) * MARGIN : 1];
  return log ? { distr: 3, log: 10, range } : { range };
}

function wholeOf({ series, unit }: PointChart, i: number): string {
  const known = (series[i]?.values ?? []).filter((v) => v !== null);
  if (known.length === 0) return "–";
  const [least, most] = [Math.min(...known), Math.max(...known)].map((v) => formatValue(v, unit));
  return least === most ? `${least}` : `${least} to ${most}`;
}

function colourOf({ theme }: Frame, i: number): string {
  return theme.lines[i % theme.lines.length] ?? theme.text;
}

function drawMarks({ xs, series }: PointChart, frame: Frame): (plot: uPlot) => void {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = 2 * uPlot.pxRatio;
    for (const [i, { mark, values }] of series.entries()) {
      if (plot.series[i + 1]?.show === false) continue;
      ctx.strokeStyle = colourOf(frame, i);
      ctx.fillStyle = colourOf(frame, i);
      if (mark === "line") {
        const value = values.find((v) => v !== null);
        if (value === undefined || value === null) continue;
        const y = plot.valToPos(value, "y", true);
        ctx.lineWidth = uPlot.pxRatio;
        ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
        trace(ctx, [
          [bbox.left, y],
          [bbox.left + bbox.width, y],
        ]);
        ctx.setLineDash([]);
        ctx.lineWidth = 2 * uPlot.pxRatio;
        continue;
      }
      for (const [at, value] of values.entries()) {
        if (value === null) continue;
        const x = plot.valToPos(xs[at] ?? 0, "x", true);
        drawMark(ctx, mark, x, plot.valToPos(value, "y", true));
      }
    }
    ctx.restore();
  };
}

function drawMark(
  ctx: CanvasRenderingContext2D,
  mark: Exclude<Mark, "line">,
  x: number,
  y: number,
): void {
  const r = RADIUS * uPlot.pxRatio;
  if (mark === "cross") {
    trace(ctx, [
      [x - r, y - r],
      [x + r, y + r],
    ]);
    trace(ctx, [
      [x - r, y + r],
      [x + r, y - r],
    ]);
    return;
  }
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  if (mark === "dot") ctx.fill();
  else ctx.stroke();
}

function trace(ctx: CanvasRenderingContext2D, [from, to]: readonly [Point, Point]): void {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}

type Point = readonly [x: number, y: number];
