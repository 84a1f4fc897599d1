/** Values of charts as text, in tables and under the cursor alike. */
import type { LineChart, Unit } from "../charts/chart.ts";
import { formatBytes, formatCount, formatMs, formatRate } from "../format.ts";

export function formatValue(value: number | null, unit: Unit): string {
  if (value === null) return "–";
  switch (unit) {
    case "ms":
      return formatMs(value);
    case "connections":
    case "subscribers":
    case "subscriptions a topic":
    case "files":
      return formatCount(value);
    case "%":
      return `${formatShare(value)} %`;
    case "bytes":
      return formatBytes(value);
    case "bytes/s":
      return `${formatBytes(value)}/s`;
    default:
      return formatRate(value, unit);
  }
}

/** Of what is next to nothing two digits. */
function formatShare(percent: number): string {
  if (percent > 0 && percent < 0.1) return String(Number(percent.toPrecision(2)));
  return percent.toFixed(percent < 10 ? 1 : 0);
}

/** A place on the axis below a chart. */
export function formatPlace(value: number, x: LineChart["x"]): string {
  if (x === "after") return formatMs(value);
  return x === "tail" ? formatTail(value) : formatTime(value);
}

/** Seconds from the start of the window. */
export function formatTime(sec: number): string {
  return `${Math.round(sec * 1_000) / 1_000} s`;
}

/** The percentile of one in `x`: 100 is 99 %. */
export function formatTail(x: number): string {
  const digits = Math.max(0, Math.ceil(Math.log10(x)) - 1);
  return `${Number((100 - 100 / x).toFixed(digits))} %`;
}
