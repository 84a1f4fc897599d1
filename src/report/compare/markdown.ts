/** A comparison as Markdown: the verdict, what changed, every figure. */
import { cell, formatMs, formatPercent, formatRate } from "../format.ts";
import type { ComparedFigure, Comparison } from "./types.ts";

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
  return [
    `# ${cell(c.next.label)} compared with ${cell(c.base.label)}`,
    "",
    HEADLINES[c.verdict],
    "",
    ...reasonsOf(c),
    `Base: ${c.base.runs.length} runs (${c.base.runs.map(code).join(", ")}). New: ${c.next.runs.length} runs (${c.next.runs.map(code).join(", ")}).`,
    `Noise from ${c.noise}; least effect ${formatPercent(c.tolerance)} of a median (\`--tolerance\`), more for tails.`,
    ...c.notes.map((note) => `\n- ${cell(note)}`),
    ...(changed.length === 0 ? [] : ["", "## What changed", "", ...table(changed)]),
    ...(c.figures.length === 0 ? [] : ["", "## Every figure", "", ...table(c.figures)]),
    "",
  ].join("\n");
}

function reasonsOf(c: Comparison): readonly string[] {
  if (c.verdict !== "notComparable") return [];
  const reasons = c.obstacles.length > 0 ? c.obstacles : ["no latency has samples enough"];
  return [...reasons.map((reason) => `- ${cell(reason)}`), ""];
}

function table(figures: readonly ComparedFigure[]): readonly string[] {
  return [
    "| figure | base | new | change | noise allows | least effect | verdict |",
    "|---|---:|---:|---:|---:|---:|---|",
    ...figures.map((f) =>
      [
        `| ${cell(f.name)}`,
        formatValue(f, f.base),
        formatValue(f, f.next),
        signed(f, f.change),
        f.interval === null ? "–" : `${signed(f, f.interval[0])} to ${signed(f, f.interval[1])}`,
        formatPercent(f.leastEffect),
        `${WORDS[f.verdict]} (${cell(f.why)}) |`,
      ].join(" | "),
    ),
  ];
}

function formatValue({ unit }: ComparedFigure, value: number | null): string {
  if (unit === "ms" || value === null) return formatMs(value);
  return unit === "share" ? formatPercent(value) : formatRate(value);
}

function signed({ unit }: ComparedFigure, change: number | null): string {
  if (change === null) return "–";
  const text = `${change >= 0 ? "+" : "−"}${(Math.abs(change) * 100).toFixed(1)}`;
  return unit === "share" ? `${text} points` : `${text} %`;
}

function code(id: string): string {
  return `\`${id.replace(/[^\w.-]/g, "")}\``;
}
