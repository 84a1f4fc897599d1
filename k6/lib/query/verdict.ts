/** What an answer is at its end, by what is known of it. */
import type { AnswerState } from "../../../src/query/answer-check.ts";
import type { ExpectedAnswer } from "../../../src/query/expected-answer.ts";
import type { Hint } from "../relay-message.ts";
import type { Asked } from "./asked.ts";
import { parseFilters } from "./loose-check.ts";

export type Verdict = AnswerState | "unchecked";

/** Judges the rows of a REQ at its EOSE; `null` where its relay's caps will book it when they know. */
export function judgeRows(asked: Asked, hint: Hint): Verdict | null {
  const { check, loose, expected, lane } = asked;
  const { caps } = lane;
  if (loose !== null) return loose.end();
  if (typeof expected !== "object" || expected === null) return "unchecked";
  // Who says that this was all admits to no bound.
  const announced = hint === "finish" ? null : caps.announced;
  const bound = { rows: announced, saidMore: hint === "more" };
  if (check === null) return judgeNumber(asked.rows, expected, bound);
  const { matching } = check;
  const filters = expected.parts.length;
  caps.note(matching, filters);
  const state = check.end(bound);
  if (state !== "short") return state;
  // Rows of others that the relay holds take places of those that are missed, in a filter that is full.
  if (asked.foreign > 0 && asked.rows >= leastLimit(asked)) return "unchecked";
  const isCut = hint === null && matching > 0;
  if (!isCut || check.end({ rows: matching, saidMore: false }) !== "truncated") return state;
  caps.end(matching, filters, asked.row);
  return null;
}

/** By the number of rows alone. A relay may send a row once for each filter that finds it. */
function judgeNumber(
  rows: number,
  { parts, anywhere, least, most }: ExpectedAnswer,
  bound: { readonly rows: number | null; readonly saidMore: boolean },
): Verdict {
  const sure = parts.reduce((sum, part) => sum + part.length, anywhere.length);
  if (rows > sure + most && parts.length === 1) return "wrong";
  if (rows >= sure + least) return "right";
  return bound.saidMore || (bound.rows !== null && rows >= bound.rows) ? "truncated" : "short";
}

function leastLimit({ filters }: Asked): number {
  const limits = parseFilters(filters).map(({ limit = Number.POSITIVE_INFINITY }) => limit);
  return Math.min(...limits);
}
