/** Values on an axis: as short as they can be, units always. */
import type { Unit } from "../../charts/chart.ts";
import { formatBytes, formatCount } from "../../format.ts";

export function axisLabel(value: number, unit: Unit): string {
  switch (unit) {
    case "ms":
      return value >= 1_000 ? `${short(value / 1_000)} s` : `${short(value)} ms`;
    case "connections":
    case "subscribers":
    case "subscriptions a topic":
    case "files":
      return short(value);
    case "%":
      return `${short(value)} %`;
    case "bytes":
      return value === 0 ? "0" : formatBytes(value).replace(".0 ", " ");
    case "bytes/s":
      return value === 0 ? "0" : `${formatBytes(value).replace(".0 ", " ")}/s`;
    default:
      return `${short(value)}/s`;
  }
}

function short(value: number): string {
  return value >= 1_000 ? formatCount(value) : String(Number(value.toPrecision(3)));
}
