/** A comparison for a terminal, as plain text: the verdict, the figures one looks for, and what changed. */
import { formatValue, MAIN_FIGURES, signed } from "./markdown.ts";
import type { ComparedFigure, Comparison } from "./types.ts";

const HEADLINES = {
  worse: "WORSE: a regression beyond noise",
  better: "BETTER: no figure is worse",
  same: "THE SAME within noise and the least effect",
  notComparable: "NOT COMPARABLE",
} as const;
const WORDS = { worse: "worse", better: "better", same: "same", notComparable: "can't be told" };
/** Of the other figures that changed. */
const MOST_CHANGED = 8;

/** `file`: where all figures are. */
export function describeComparison(c: Comparison, file: string): string {
  const main = MAIN_FIGURES.flatMap((name) => c.figures.filter((f) => f.name === name));
  const changed = c.figures.filter(
    (f) => !main.includes(f) && (f.verdict === "worse" || f.verdict === "better"),
  );
  const rest = changed.length - MOST_CHANGED;
  return [
    "",
    `comparison  ${HEADLINES[c.verdict]}`,
    `base        ${clean(c.base.label)}, ${c.base.runs.length} runs`,
    `new         ${clean(c.next.label)}, ${c.next.runs.length} runs`,
    ...c.obstacles.map((text) => `because     ${clean(text)}`),
    ...main.map((f) => `${f.name.padEnd(16)}${row(f)}`),
    ...changed.slice(0, MOST_CHANGED).map((f) => `changed     ${clean(f.name)}: ${row(f)}`),
    ...(rest > 0 ? [`            and ${rest} figures more`] : []),
    ...c.notes.map((text) => `note        ${clean(text)}`),
    `all figures ${file}`,
    "",
  ].join("\n");
}

function row(f: ComparedFigure): string {
  if (f.base === null) return `not compared: ${f.why}`;
  return `${formatValue(f, f.base)} -> ${formatValue(f, f.next)}  ${signed(f, f.change)}  ${WORDS[f.verdict]} (${f.why})`;
}

/** A label is what a person typed, a reason may quote a relay. */
function clean(text: string): string {
  return text.replace(/\p{C}/gu, " ");
}
