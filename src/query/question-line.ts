/**
 * A question as a line of a file that Node writes and k6 reads, in the order of asking:
 *
 *     a00[[[3,7]],[],0,0,true]<TAB>{"kinds":[1],"authors":["…"],"limit":2}
 *
 * First a header as in a pool's lines: the shape (`a` = `shapes[0]` of the manifest), then `00`, as a question
 * is a set of its own. Then what the answer should be, as JSON: the members of `ExpectedAnswer` in their order,
 * or the number of a COUNT. Behind a tab, which JSON never holds, the filters as they go on the wire.
 */
import { HEADER_LENGTH } from "../pool/format.ts";
import type { ExpectedAnswer } from "./expected-answer.ts";
import type { Question } from "./questions.ts";

const TAB = "\t";

export function formatQuestion(shape: number, { filters, expected }: Question): string {
  const answer =
    typeof expected === "number"
      ? expected
      : [expected.parts, expected.either, expected.least, expected.most, expected.isOrdered];
  const text = filters.map((filter) => JSON.stringify(filter)).join(",");
  return `${String.fromCharCode(97 + shape)}00${JSON.stringify(answer)}${TAB}${text}`;
}

/** The filters of a line, ready to stand behind a subscription id. */
export function filtersOf(line: string): string {
  return line.substring(line.indexOf(TAB) + 1);
}

/** What the answer should be: rows of a REQ, the number of a COUNT; `null` where nobody knows. */
export function expectedOf(line: string): ExpectedAnswer | number | null {
  const answer = JSON.parse(line.substring(HEADER_LENGTH, line.indexOf(TAB))) as
    | null
    | number
    | [ExpectedAnswer["parts"], ExpectedAnswer["either"], number, number, boolean];
  if (answer === null || typeof answer === "number") return answer;
  const [parts, either, least, most, isOrdered] = answer;
  return { parts, either, least, most, isOrdered };
}
