/** A search and its trials → the report's JSON. */
import { atLimits } from "./at-limits.ts";
import {
  type Baseline,
  CAPACITY_SCHEMA,
  type CapacityReport,
  type CapacityResult,
  type SearchSettings,
  type Trial,
} from "./result.ts";

type About = Pick<CapacityReport, "run" | "config" | "objective" | "generator">;

export function capacityReport(
  about: About,
  search: SearchSettings,
  trials: readonly Trial[],
  result: CapacityResult,
): CapacityReport {
  const { run, config, objective, generator } = about;
  return {
    schema: CAPACITY_SCHEMA,
    run,
    config,
    objective,
    search,
    result,
    trials,
    baseline: baselineOf(trials),
    atLimits: atLimits(search, trials),
    generator,
  };
}

/** The relay as it is when it is not busy, before all and behind all; `null` where it was not measured. */
function baselineOf(trials: readonly Trial[]): Baseline | null {
  const [first, ...more] = trials.filter(
    ({ role, verdict }) => role === "baseline" && verdict !== "void",
  );
  if (first === undefined) return null;
  const end = more.at(-1)?.figures;
  const { p50, p99 } = first.figures;
  const [endP50, endP99] = [end?.p50 ?? null, end?.p99 ?? null];
  const change = p50 === null || endP50 === null || p50 === 0 ? null : endP50 / p50 - 1;
  return { load: first.load, p50, p99, endP50, endP99, change };
}
