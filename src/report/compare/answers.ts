/**
 * Relays that answer the same questions with other rows did other work: one that sends a tenth of them is not ten times
 * as fast. Where both sides asked the same, rows an answer and the share of right answers tell, by shape.
 */
import type { CountsOf } from "../../measure/classes.ts";
import { queryOf } from "../class-report.ts";
import type { Report } from "../types.ts";

/** Share by which sides may differ: a run's last questions may have no answer. */
const SLACK = 0.02;

/** What a reader should know of the two sides' answers. */
export function answerNotes(base: readonly Report[], next: readonly Report[]): readonly string[] {
  const all = [...base, ...next];
  const asked = new Set(all.map(({ config, corpus }) => `${config.seed} ${corpus?.fingerprint}`));
  const isLearnt = all.some(({ corpus }) => corpus?.source === "relay");
  if (isLearnt && asked.size > 1) {
    return [
      "the relays were asked about what each of them held, and that was not the same: other questions have other times",
    ];
  }
  if (asked.size > 1) return [];
  const [a, b] = [rowsOf(base), rowsOf(next)];
  return [...a].flatMap(([shape, of]) => {
    const other = b.get(shape);
    if (other === undefined) return [];
    const differences = [
      ...(isNear(of.rows, other.rows)
        ? []
        : [`${of.rows.toFixed(1)} and ${other.rows.toFixed(1)} rows an answer`]),
      ...(Math.abs(of.right - other.right) <= SLACK
        ? []
        : [`${percent(of.right)} and ${percent(other.right)} right`]),
    ];
    return differences.length === 0
      ? []
      : [
          `\`${shape}\` was answered otherwise, ${differences.join(", ")}: do not compare its times`,
        ];
  });
}

/** By shape, means over all answers of a side. */
function rowsOf(reports: readonly Report[]) {
  const sums = new Map<string, { answers: number; rows: number; right: number }>();
  for (const report of reports) {
    for (const [shape, { totals }] of Object.entries(queryOf(report).rows)) {
      const { eose, matching, uncheckedRows, right, unchecked }: CountsOf<"query"> = totals;
      const sum = sums.get(shape) ?? { answers: 0, rows: 0, right: 0 };
      sum.answers += eose;
      sum.rows += matching + uncheckedRows;
      sum.right += right + unchecked;
      sums.set(shape, sum);
    }
  }
  return new Map(
    [...sums].flatMap(([shape, { answers, rows, right }]) =>
      answers === 0 ? [] : [[shape, { rows: rows / answers, right: right / answers }] as const],
    ),
  );
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= SLACK * Math.max(a, b);
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
