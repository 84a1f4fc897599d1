/** What all charts have in common: size, axes, cursor, the window's end. */
import type uPlot from "uplot";
import type { PageData, Unit } from "../../charts/chart.ts";
import { formatTail, formatTime } from "../values.ts";
import { axisLabel } from "./axis-label.ts";
import type { Theme } from "./theme.ts";

export interface Frame {
  readonly element: HTMLElement;
  readonly width: number;
  readonly page: PageData;
  readonly theme: Theme;
}

/** The same on every chart, so that one moment is at one place. */
const Y_AXIS_WIDTH = 74;
const X_AXIS_HEIGHT = 32;
const NARROW = 560;
const TIME_CURSOR = "time";
const LABEL_PX = 11;

export function sizeOf(width: number): { readonly width: number; readonly height: number } {
  return { width, height: width < NARROW ? 190 : 240 };
}

/** One time axis for all: a chart whose data begin later or end earlier has it as well. */
export function timeScale({ page }: Frame, xs: readonly number[]): uPlot.Scale {
  const first = xs[0] ?? 0;
  const last = xs.at(-1) ?? 0;
  return {
    time: false,
    // uPlot asks for the extent of the data when it starts and on a double click, else for a zoom.
    range: (_plot, min, max) => (min === first && max === last ? [0, page.endSec] : [min, max]),
  };
}

export function timeCursor(): uPlot.Cursor {
  return { sync: { key: TIME_CURSOR, scales: ["x", null] }, drag: { x: true, y: false }, y: false };
}

export function timeAxis({ theme }: Frame): uPlot.Axis {
  return {
    ...axisLook(theme),
    size: X_AXIS_HEIGHT,
    values: (_plot, splits) => splits.map((t) => (t === null ? "" : formatTime(t))),
  };
}

/** Ms since something, as short as they can be. */
export function afterAxis({ theme }: Frame): uPlot.Axis {
  return {
    ...axisLook(theme),
    size: X_AXIS_HEIGHT,
    values: (_plot, splits) => splits.map((v) => axisLabel(v, "ms")),
  };
}

export function tailAxis({ theme, width }: Frame): uPlot.Axis {
  const tenfold = [10, 100, 1_000, 10_000];
  return {
    ...axisLook(theme),
    size: X_AXIS_HEIGHT,
    splits: () => (width < NARROW ? [1, ...tenfold] : [1, 2, ...tenfold]),
    filter: (_plot, splits) => [...splits],
    values: (_plot, splits) => splits.map(formatTail),
  };
}

export function valueAxis({ theme }: Frame, unit: Unit): uPlot.Axis {
  return {
    ...axisLook(theme),
    size: Y_AXIS_WIDTH,
    values: (_plot, splits) => splits.map((v) => (v === null ? "" : axisLabel(v, unit))),
  };
}

/** Powers of ten, or with few of them the steps between; of the first and last nothing is cut off. */
export function logAxis(frame: Frame, unit: Unit): uPlot.Axis {
  return {
    ...valueAxis(frame, unit),
    splits: (_plot, _axis, min, max) => logSplits(min, max, 200),
    filter: (_plot, splits) => [...splits],
  };
}

/** Loads along the bottom; on a narrow page with fewer steps between. */
export function loadAxis({ theme, width }: Frame, unit: Unit): uPlot.Axis {
  return {
    ...axisLook(theme),
    size: X_AXIS_HEIGHT,
    splits: (_plot, _axis, min, max) => logSplits(min, max, width < NARROW ? 20 : 1_000),
    filter: (_plot, splits) => [...splits],
    values: (_plot, splits) => splits.map((v) => axisLabel(v, unit)),
  };
}

/** A label at each place; on a narrow page those of longer ones may not fit, and are in the table. */
export function groupAxis({ theme }: Frame, labels: readonly string[]): uPlot.Axis {
  return {
    ...axisLook(theme),
    size: X_AXIS_HEIGHT,
    grid: { show: false },
    splits: () => labels.map((_, i) => i),
    filter: (_plot, splits) => [...splits],
    values: () => [...labels],
  };
}

export function trialAxis({ theme }: Frame): uPlot.Axis {
  return {
    ...axisLook(theme),
    size: X_AXIS_HEIGHT,
    incrs: [1, 2, 5, 10, 20, 50],
    values: (_plot, splits) => splits.map(String),
  };
}

function logSplits(min: number, max: number, fewBelow: number): number[] {
  const steps = max / min < fewBelow ? [1, 2, 5] : [1];
  const first = Math.floor(Math.log10(min));
  const decades = Math.ceil(Math.log10(max)) - first + 1;
  return Array.from({ length: decades }, (_, i) => 10 ** (first + i))
    .flatMap((power) => steps.map((step) => Number((power * step).toPrecision(3))))
    .filter((value) => value >= min && value <= max);
}

function axisLook({ text, grid }: Theme): uPlot.Axis {
  return {
    stroke: text,
    font: "12px system-ui, sans-serif",
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1, size: 4 },
  };
}

/** Lines where the window ends, when answers came behind it, and where something happened, which they name. */
export function markMoments({ page, theme }: Frame): (plot: uPlot) => void {
  const { windowSec, endSec, moments = [] } = page;
  const end = windowSec < endSec ? [{ sec: windowSec, label: "" }] : [];
  return (plot) => {
    const { ctx, bbox } = plot;
    const { min, max } = plot.scales.x ?? {};
    ctx.save();
    ctx.strokeStyle = theme.text;
    ctx.fillStyle = theme.text;
    ctx.font = `${LABEL_PX * devicePixelRatio}px system-ui, sans-serif`;
    // Above the plot, where no line is.
    ctx.textBaseline = "bottom";
    ctx.setLineDash([4, 4]);
    for (const { sec, label } of [...end, ...moments]) {
      if (sec <= (min ?? 0) || sec >= (max ?? 0)) continue;
      const x = Math.round(plot.valToPos(sec, "x", true));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const gap = 4 * devicePixelRatio;
      const fits = x + gap + ctx.measureText(label).width < bbox.left + bbox.width;
      ctx.textAlign = fits ? "left" : "right";
      ctx.fillText(label, fits ? x + gap : x - gap, bbox.top);
    }
    ctx.restore();
  };
}
