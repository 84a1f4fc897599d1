/** A chart's place in the page: what it shows in words, where it is drawn, and its figures as a table. */
import type { Chart, HeatChart, LineChart, PageData, PointChart } from "../charts/chart.ts";
import { formatCount } from "../format.ts";
import { escapeHtml } from "./escape.ts";
import { scrollingTable } from "./table.ts";
import { formatPlace, formatTime, formatValue } from "./values.ts";

export function renderFigure(chart: Chart, page: PageData): string {
  const { id, title, caption } = chart;
  const figcaption = `<figcaption id="chart-${id}-title"><strong>${escapeHtml(title)}</strong> ${escapeHtml(caption)}</figcaption>`;
  if (chart.kind === "none") {
    return `<figure class="chart none" aria-labelledby="chart-${id}-title">${figcaption}<p class="none">${escapeHtml(chart.why)}</p></figure>`;
  }
  const range = summarize(chart);
  const label = `${title}. ${range} Left and right arrow keys move the cursor.`;
  const figure = `<figure class="chart" aria-labelledby="chart-${id}-title">
${figcaption}
<div class="plot" data-chart="${id}" tabindex="0" role="group" aria-roledescription="chart" aria-label="${escapeHtml(label)}"></div>
<p class="readout" aria-live="polite"></p>
<details><summary>Table: ${escapeHtml(title)}</summary>
${tableOf(chart, page)}
</details>
</figure>`;
  return chart.folded === true
    ? `<details class="folded"><summary>${escapeHtml(`${title}: nothing moves. ${range}`)}</summary>\n${figure}\n</details>`
    : figure;
}

type Drawn = LineChart | HeatChart | PointChart;

function tableOf(chart: Drawn, page: PageData): string {
  if (chart.kind === "heat") return heatTable(chart);
  return chart.kind === "points" ? pointTable(chart) : lineTable(chart, page);
}

/** Lowest and highest of each line: what a glance at the picture tells. */
function summarize(chart: Drawn): string {
  if (chart.kind === "heat") {
    const [lowest = 0] = chart.edges;
    const highest = chart.edges.at(-1) ?? 0;
    return `From ${formatValue(lowest, "ms")} to ${formatValue(highest, "ms")}.`;
  }
  return chart.series
    .map(({ label, values }) => {
      const known = values.filter((v) => v !== null);
      if (known.length === 0) return `${label}: not measured.`;
      const [least, most] = [Math.min(...known), Math.max(...known)];
      return `${label}: ${formatValue(least, chart.unit)} to ${formatValue(most, chart.unit)}.`;
    })
    .join(" ");
}

function lineTable(chart: LineChart, page: PageData): string {
  const { title, x, xs, series, unit, stepped } = chart;
  const sliceSec = chart.sliceSec ?? page.sliceSec;
  const overTime = stepped ? `from (slices of ${sliceSec} s)` : "at";
  const first = { tail: "share", after: "after", time: overTime }[x];
  const columns = [first, ...series.map(({ label }) => label)];
  const rows = xs.map((value, i) => [
    formatPlace(value, x),
    ...series.map(({ values }) => formatValue(values[i] ?? null, unit)),
  ]);
  return numbers(title, columns, rows);
}

function pointTable({ title, of = "trial", labels, series, unit }: PointChart): string {
  const columns = [of, ...series.map(({ label }) => label)];
  const rows = labels.map((label, i) => [
    label,
    ...series.map(({ values }) => formatValue(values[i] ?? null, unit)),
  ]);
  return numbers(title, columns, rows);
}

/** By doublings: a fourth of the rows of the picture. */
function heatTable({ title, xs, edges, cells }: HeatChart): string {
  const ROWS = 4;
  const lows = edges.filter((_, i) => i % ROWS === 0 && i < edges.length - 1);
  const columns = lows.map((low, i) => {
    const high = edges[(i + 1) * ROWS] ?? edges.at(-1) ?? low;
    return `${formatValue(low, "ms")} to ${formatValue(high, "ms")}`;
  });
  const rows = xs.map((t, i) => {
    const counts = lows.map(() => 0);
    const slice = cells[i] ?? [];
    for (let j = 0; j + 1 < slice.length; j += 2) {
      const column = Math.floor((slice[j] ?? 0) / ROWS);
      counts[column] = (counts[column] ?? 0) + (slice[j + 1] ?? 0);
    }
    return [formatTime(t), ...counts.map((n) => (n === 0 ? "" : formatCount(n)))];
  });
  return numbers(title, ["from", ...columns], rows);
}

function numbers(
  caption: string,
  labels: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const columns = labels.map((label) => ({ label, numeric: true }));
  return scrollingTable(
    caption,
    columns,
    rows.map((row) => row.map(escapeHtml)),
  );
}
