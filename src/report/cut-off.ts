/** What was under way when a run was cut off: nobody knows what would have become of it. */
import { type ClassName, classOf } from "../measure/classes.ts";
import { formatCount } from "./format.ts";
import type { Merged } from "./merge-slices.ts";
import type { Report } from "./types.ts";

type CutOff = NonNullable<Report["run"]["cutOff"]>;

/** By class and column, of columns that stand for failures; `undefined` where there was nothing. */
export function cutOffOf({ classes }: Pick<Merged, "classes">): CutOff | undefined {
  const found = Object.entries(classes).flatMap(([name, { cutOff }]) => {
    const { failed, metrics } = classOf(name as ClassName);
    const columns = Object.entries(cutOff).filter(
      ([column]) => failed.includes(column) || column in metrics.counters,
    );
    // No threshold goes by a class without.
    return columns.length === 0 || metrics.failed === null
      ? []
      : [[name, Object.fromEntries(columns)] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Of what was due in a class, what nobody knows the outcome of. */
export function underWay({ run: { cutOff = {} } }: Pick<Report, "run">, name: ClassName): number {
  const { failed } = classOf(name);
  return failed.reduce((sum, column) => sum + (cutOff[name]?.[column] ?? 0), 0);
}

/** A sentence a class. */
export function describeCutOff({ run: { cutOff = {} } }: Pick<Report, "run">): readonly string[] {
  return Object.entries(cutOff).map(([name, columns]) => {
    const counts = Object.entries(columns).map(
      ([column, count]) => `${formatCount(count)} ${column}`,
    );
    return `Of ${classOf(name as ClassName).many} some were under way when the run was cut off: they stand as ${counts.join(", ")}, and no threshold counts them as failed.`;
  });
}
