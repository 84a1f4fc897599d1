/** Topics of a run by how many subscriptions they have, as a report shows them. */
import { deliveryOf } from "./class-report.ts";
import type { ClassRowReport } from "./class-types.ts";
import type { Report } from "./types.ts";

export type TopicRow = ClassRowReport<"delivery">;

/** Those to which something was owed, the smallest first. */
export function topicRows(
  report: Pick<Report, "classes">,
): readonly (readonly [string, TopicRow])[] {
  return Object.entries(deliveryOf(report).rows)
    .filter(([, { totals }]) => totals.due > 0)
    .map(([name, row]) => [wordsOf(name), row] as const);
}

/** `of-10-99` → `10 to 99`. */
function wordsOf(name: string): string {
  return name
    .replace(/^of-/, "")
    .replace(/^1000-up$/, "1,000 or more")
    .replace(/^(\d+)-(\d+)$/, "$1 to $2");
}
