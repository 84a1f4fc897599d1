/** Values of charts as text, in tables and under the cursor alike. */
import type { Unit } from "../charts/chart.ts";
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
      return `${value.toFixed(value < 10 ? 1 : 0)} %`;
    case "bytes":
      return formatBytes(value);
    case "bytes/s":
      return `${formatBytes(value)}/s`;
    default:
      return formatRate(value, unit);
  }
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
