/** Draws lines over time, or the percentile curve. */
import uPlot from "uplot";
import type { LineChart } from "../../charts/chart.ts";
import { formatPlace, formatTail, formatValue } from "../values.ts";
import {
  afterAxis,
  type Frame,
  logAxis,
  markMoments,
  sizeOf,
  tailAxis,
  timeAxis,
  timeCursor,
  timeScale,
  valueAxis,
} from "./frame.ts";

/** Lines differ by more than their colour. */
const DASHES: readonly (readonly number[])[] = [[], [8, 3], [2, 2], [12, 3, 2, 3], [5, 5], [1, 4]];

/** Behind its last step a curve is drawn for so much longer: one that ends there would not show it. */
const HELD = 1.02;

const TAIL_SCALE: uPlot.Scale = { time: false, distr: 3, log: 10 };
/** One in so many: the places of the curve that a legend shows. */
const TAIL_PLACES: readonly number[] = [10, 100, 1_000];

export function drawLines(chart: LineChart, frame: Frame): uPlot {
  const overTime = chart.x === "time";
  // The last slice has a length too.
  const sliceSec = chart.sliceSec ?? frame.page.sliceSec;
  const last = chart.xs.at(-1) ?? 0;
  const end = chart.stepped ? [overTime ? last + sliceSec : last * HELD] : [];
  const xs = [...chart.xs, ...end];
  const data = [
    xs,
    ...chart.series.map(({ values }) => [...values, ...end.map(() => values.at(-1) ?? null)]),
  ];
  const options: uPlot.Options = {
    ...sizeOf(frame.width),
    padding: [12, 28, null, null],
    scales: {
      x: { time: timeScale(frame, xs), after: { time: false }, tail: TAIL_SCALE }[chart.x],
      y: valueScale(chart),
    },
    axes: [
      { time: timeAxis, after: afterAxis, tail: tailAxis }[chart.x](frame),
      chart.log ? logAxis(frame, chart.unit) : valueAxis(frame, chart.unit),
    ],
    cursor: overTime ? timeCursor() : { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    series: [
      {
        label: { time: "at", after: "after", tail: "share" }[chart.x],
        value: (_plot, x, _series, at) =>
          at == null ? wholeX(chart) : x === null ? "–" : formatPlace(x, chart.x),
      },
      ...chart.series.map(({ label }, i) => lineOf(label, i, chart, frame)),
    ],
    hooks: { draw: overTime ? [markMoments(frame)] : [namePlaces(chart, frame)] },
  };
  return new uPlot(options, data as uPlot.AlignedData, frame.element);
}

function lineOf(label: string, i: number, chart: LineChart, { theme }: Frame): uPlot.Series {
  const stepped = chart.stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    label,
    stroke: theme.lines[i % theme.lines.length] ?? theme.text,
    width: 1.75,
    dash: [...(DASHES[i % DASHES.length] ?? [])],
    points: { show: false },
    spanGaps: !chart.stepped && chart.x === "time",
    value: (_plot, v, _series, at) =>
      at == null ? wholeOf(chart, i) : formatValue(v ?? null, chart.unit),
    ...(stepped ? { paths: stepped } : {}),
  };
}

/** Without a cursor, as on paper, the legend has the range of all, or two places of the curve. */
function wholeOf({ x, xs, unit, series }: LineChart, i: number): string {
  const values = series[i]?.values ?? [];
  if (x === "tail") {
    return TAIL_PLACES.map((place) => formatValue(values[xs.indexOf(place)] ?? null, unit)).join(
      " · ",
    );
  }
  const known = values.filter((v) => v !== null);
  if (known.length === 0) return "–";
  const [least, most] = [Math.min(...known), Math.max(...known)].map((v) => formatValue(v, unit));
  return least === most ? `${least}` : `${least} to ${most}`;
}

function wholeX({ x, xs }: LineChart): string {
  if (x === "tail") return TAIL_PLACES.map(formatTail).join(" · ");
  return `${formatPlace(xs[0] ?? 0, x)} to ${formatPlace(xs.at(-1) ?? 0, x)}`;
}

function valueScale({ log, most }: LineChart): uPlot.Scale {
  const limit = most ?? Number.POSITIVE_INFINITY;
  if (!log) return { range: (_plot, _min, max) => [0, max > 0 ? Math.min(max * 1.08, limit) : 1] };
  return {
    distr: 3,
    log: 10,
    range: (_plot, min, max) =>
      min === null || max === null || max <= 0 ? [0.1, 10] : uPlot.rangeLog(min, max, 10, false),
  };
}

/** A point on the line with what it is, on the side of it where there is room. */
function namePlaces({ places = [] }: LineChart, { theme }: Frame): (plot: uPlot) => void {
  return (plot) => {
    const { ctx, bbox } = plot;
    const { pxRatio } = uPlot;
    ctx.save();
    ctx.fillStyle = theme.text;
    ctx.font = `${12 * pxRatio}px system-ui, sans-serif`;
    for (const { x, y, label } of places) {
      const [left, top] = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
      ctx.beginPath();
      ctx.arc(left, top, 4 * pxRatio, 0, 2 * Math.PI);
      ctx.fill();
      const gap = 8 * pxRatio;
      const fits = left + gap + ctx.measureText(label).width < bbox.left + bbox.width;
      // A rising line leaves room below it on the right, and above it on the left.
      ctx.textAlign = fits ? "left" : "right";
      ctx.textBaseline = fits ? "top" : "bottom";
      ctx.fillText(label, fits ? left + gap : left - gap, fits ? top + gap / 4 : top - gap / 4);
    }
    ctx.restore();
  };
}
