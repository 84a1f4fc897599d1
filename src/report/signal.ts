/** A figure held against two bounds, and what it says. */
import type { Signal } from "./types.ts";

export function signal(
  id: string,
  value: number | null,
  unit: string,
  suspectAbove: number | null,
  invalidAbove: number | null,
  describe: (value: number, bound: number) => string,
): Signal {
  const base = {
    id,
    value: round(value),
    unit,
    suspectAbove: round(suspectAbove),
    invalidAbove: round(invalidAbove),
  };
  if (value === null) return { ...base, state: "notMeasured", text: `${id}: not measured` };
  if (invalidAbove !== null && value > invalidAbove) {
    return { ...base, state: "invalid", text: describe(value, invalidAbove) };
  }
  if (suspectAbove !== null && value > suspectAbove) {
    return { ...base, state: "suspect", text: describe(value, suspectAbove) };
  }
  return { ...base, state: "valid", text: "" };
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

function round(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10_000) / 10_000;
}
