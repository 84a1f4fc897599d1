/** What the relay's words in a report mean, and which event types they met. */

import { type Reason, reasonOf } from "../../nostr/reason.ts";
import { publishOf, setOf } from "../class-report.ts";
import type { Evidence, Report, ReportError } from "../types.ts";
import { evidence } from "./rule.ts";

/** Classes of errors whose example is the relay's own text. */
const SAID = new Set(["reject", "notice", "closed"]);

const MOST_NAMES = 3;

/** Reports from before texts were read have their first one only. */
export function meaningOf(error: ReportError): Reason | null {
  if (error.reason !== undefined) return error.reason;
  return SAID.has(error.class) ? reasonOf(error.example) : null;
}

export function errorsOf(
  { errors }: Report,
  errorClass: string,
  isMeant: (reason: Reason | null) => boolean = () => true,
): readonly ReportError[] {
  return errors.filter((e) => e.class === errorClass && isMeant(meaningOf(e)));
}

export function countOf(errors: readonly ReportError[]): number {
  return errors.reduce((sum, { count }) => sum + count, 0);
}

/** The texts, the most frequent first. */
export function textEvidence(errors: readonly ReportError[]): readonly Evidence[] {
  return errors.slice(0, 4).map((e) => evidence(`errors.${e.class}/${e.code}`, e.count, e.example));
}

/** Types that these errors met, the most frequent first. */
export function typesOf(errors: readonly ReportError[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { byType = {} } of errors) {
    for (const [type, n] of Object.entries(byType)) counts.set(type, (counts.get(type) ?? 0) + n);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** Of each type that was met, how many, and how many were accepted all the same. */
export function typeEvidence(report: Report, errors: readonly ReportError[]): readonly Evidence[] {
  return typesOf(errors)
    .slice(0, 4)
    .map(([type, count]) => {
      const accepted = publishOf(report).rows[type]?.totals.accepted ?? 0;
      return evidence(`of type ${type}`, count, `${accepted} accepted`);
    });
}

/** The kinds of these types; of sets those that they lack, where the report knows. */
export function kindsOf(report: Report, types: readonly string[]): readonly number[] {
  const { lacking: lackedBy } = setOf(report);
  const kinds = types.flatMap((type) => {
    const lacking = lackedBy[type]?.flatMap((part) => part.kinds) ?? [];
    return lacking.length > 0 ? lacking : (report.config.pool.types[type]?.kinds ?? []);
  });
  return [...new Set(kinds)].sort((a, b) => a - b);
}

/** A relay's words, cut to what a title has room for. */
export function quoted(text: string): string {
  const plain = text.replaceAll("`", "'").replaceAll(/\s+/g, " ").trim();
  return `\`${plain.length > 100 ? `${plain.slice(0, 99)}…` : plain}\``;
}

/** Names, as many as a title has room for. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => `\`${name}\``);
  const left = names.length - shown.length;
  return left > 0 ? `${shown.join(", ")} and ${left} more` : shown.join(", ");
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}
