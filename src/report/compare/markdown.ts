/** A comparison as Markdown: the verdict, what changed, every figure. */
import { cell, formatMs, formatPercent, formatRate } from "../format.ts";
import type { ComparedFigure, Comparison } from "./types.ts";

/** What a reader looks for first, told from noise or not. */
export const MAIN_FIGURES: readonly string[] = [
  "response p50",
  "response p99",
  "service p50",
  "service p99",
  "accepted rate",
];

const HEADLINES = {
  worse: "**Worse: a regression beyond noise.**",
  better: "**Better.** No figure is worse.",
  same: "**The same** within noise and the least effect.",
  notComparable: "**Not comparable.**",
} as const;
const WORDS = {
  worse: "**worse**",
  better: "better",
  same: "same",
  notComparable: "not comparable",
};

export function renderComparison(c: Comparison): string {
  const changed = c.figures.filter((f) => f.verdict === "worse" || f.verdict === "better");
  const isShown = (f: ComparedFigure) =>
    f.base !== null && (f.verdict !== "notComparable" || MAIN_FIGURES.includes(f.name));
  const shown = c.figures.filter(isShown);
  const rest = c.figures.filter((f) => !isShown(f));
  return [
    `# ${cell(c.next.label)} compared with ${cell(c.base.label)}`,
    "",
    HEADLINES[c.verdict],
    "",
    ...(c.obstacles.length === 0 ? [] : [...c.obstacles.map((o) => `- ${cell(o)}`), ""]),
    `Base: ${runsOf(c.base.runs)}. New: ${runsOf(c.next.runs)}.`,
    `Noise from ${c.noise}; least effect ${formatPercent(c.tolerance)} of a median (\`--tolerance\`), more for tails.`,
    ...(c.notes.length === 0 ? [] : ["", ...c.notes.map((note) => `- ${cell(note)}`)]),
    ...(changed.length === 0 ? [] : ["", "## What changed", "", ...table(changed)]),
    ...(shown.length === 0
      ? []
      : [
          "",
          rest.length === 0 ? "## Every figure" : "## The figures",
          "",
          "*Between*: where the true change lies as far as noise lets one know. *Seen from*: the smallest change that these runs could have shown.",
          "",
          ...table(shown),
        ]),
    ...reasonGroups(rest).map(
      ([why, names]) => `\nNot compared, ${cell(why)}: ${names.map(cell).join(", ")}.`,
    ),
    "",
  ].join("\n");
}

function runsOf(ids: readonly string[]): string {
  return `${ids.length} ${ids.length === 1 ? "run" : "runs"} (${ids.map(code).join(", ")})`;
}

function reasonGroups(figures: readonly ComparedFigure[]) {
  const reasons = [...new Set(figures.map(({ why }) => why))];
  return reasons.map(
    (why) => [why, figures.filter((f) => f.why === why).map(({ name }) => name)] as const,
  );
}

function table(figures: readonly ComparedFigure[]): readonly string[] {
  return [
    "| figure | base | new | change | between | seen from | verdict |",
    "|---|---:|---:|---:|---:|---:|---|",
    ...figures.map((f) =>
      [
        `| ${cell(f.name)}`,
        formatValue(f, f.base),
        formatValue(f, f.next),
        signed(f, f.change),
        f.interval === null ? "–" : `${signed(f, f.interval[0])} to ${signed(f, f.interval[1])}`,
        signed(f, f.seenFrom),
        `${WORDS[f.verdict]} (${cell(f.why)}) |`,
      ].join(" | "),
    ),
  ];
}

export function formatValue({ unit }: ComparedFigure, value: number | null): string {
  if (unit === "ms" || value === null) return formatMs(value);
  return unit === "share" ? formatPercent(value) : formatRate(value, unit);
}

/** Above a few times, a multiple says more than a percentage. */
export function signed({ unit }: ComparedFigure, change: number | null): string {
  if (change === null) return "–";
  if (unit !== "share" && change >= 4) {
    return change >= 999 ? "× 1,000 and more" : `× ${(change + 1).toFixed(change < 9 ? 1 : 0)}`;
  }
  const text = `${change >= 0 ? "+" : "−"}${(Math.abs(change) * 100).toFixed(1)}`;
  return unit === "share" ? `${text} points` : `${text} %`;
}

function code(id: string): string {
  return `\`${id.replace(/[^\w.-]/g, "")}\``;
}
