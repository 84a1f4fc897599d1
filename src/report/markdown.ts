/**
 * The report as Markdown, readable on its own in a pull request: the verdict, one table of figures and
 * the run over time first, then section by section; what is long is folded in. Never longer than a
 * comment on a pull request may be.
 */
import { cell, sparkline } from "./format.ts";
import { describeReport } from "./sections/describe.ts";
import type { Block, ListItem, ReportDocument, Section, Table, Text } from "./sections/document.ts";
import type { Report } from "./types.ts";

/** GitHub takes comments of 65,536 characters. */
const MOST_CHARACTERS = 60_000;
const MOST_ROWS = 40;
const MOST_IN_CELL = 240;

export function renderMarkdown(report: Report): string {
  return printDocument(describeReport(report));
}

export function printDocument(document: ReportDocument): string {
  const whole = print(document, true);
  if (whole.length <= MOST_CHARACTERS) return whole;
  const short = print(document, false);
  if (short.length <= MOST_CHARACTERS) return short;
  const end = short.lastIndexOf("\n\n", MOST_CHARACTERS);
  return `${short.slice(0, end)}\n\nCut here: the JSON report has all.\n`;
}

function print(document: ReportDocument, withDetails: boolean): string {
  const { title, headline, tested, outcome, lead, keyFigures, sparkLines, sections } = document;
  const top = [
    `# ${escaped(title)}`,
    inline(headline),
    inline(outcome),
    `Relay: ${tested.map(inline).join("; ")}`,
    inline(lead),
    tableLines(
      keyFigures.map(({ label }) => ({ label, numeric: true })),
      [keyFigures.map(({ value }) => value)],
    ),
    ["```", ...sparkLines.map(sparkLineText), "```"].join("\n"),
  ];
  return [...top, ...sections.map((section) => printSection(section, withDetails))]
    .join("\n\n")
    .concat("\n");
}

function sparkLineText({ label, values, most }: ReportDocument["sparkLines"][number]): string {
  return `${label.padEnd(13)} ${sparkline(values)}  most ${most}`;
}

function printSection({ title, blocks }: Section, withDetails: boolean): string {
  const shown = withDetails ? blocks : blocks.filter(({ kind }) => kind !== "details");
  return [`## ${title}`, ...shown.flatMap(printBlock)].join("\n\n");
}

/** Nothing for what Markdown does not show. */
function printBlock(block: Block): readonly string[] {
  switch (block.kind) {
    case "text":
      return [inline(block.text)];
    case "list":
      return [
        block.items.map((item, i) => printItem(item, block.ordered ? i + 1 : null)).join("\n"),
      ];
    case "code":
      return [fenced(block.code)];
    case "table":
      return printTable(block);
    case "details":
      return [
        `<details><summary>${escaped(block.summary)}</summary>`,
        ...block.blocks.flatMap(printBlock),
        "</details>",
      ];
    case "charts":
      return [];
  }
}

function printItem({ text, below }: ListItem, rank: number | null): string {
  const mark = rank === null ? "- " : `${rank}. `;
  const indent = " ".repeat(mark.length);
  return [`${mark}${inline(text)}`, ...below.map((line) => `${indent}- ${inline(line)}`)].join(
    "\n",
  );
}

/** A fence longer than any run of backticks within: nothing of a command may change. */
function fenced(code: string): string {
  const runs = code.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(3, ...runs.map((run) => run.length + 1)));
  return `${fence}sh\n${code}\n${fence}`;
}

function printTable({ columns, rows }: Table): readonly string[] {
  if (rows.length === 0) return [];
  const rest = rows.length - MOST_ROWS;
  return [
    tableLines(columns, rows.slice(0, MOST_ROWS)),
    ...(rest > 0 ? [`${rest} more rows: see the JSON report.`] : []),
  ];
}

function tableLines(columns: Table["columns"], rows: Table["rows"]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ label }) => escaped(label))),
    `|${columns.map(({ numeric }) => (numeric ? "---:" : "---")).join("|")}|`,
    ...rows.map((row) => line(row.map(inline))),
  ].join("\n");
}

function inline(value: Text): string {
  if (typeof value === "string") return escaped(value);
  return value
    .map((span) => {
      if (typeof span === "string") return spaced(span);
      return "strong" in span ? `**${escaped(span.strong)}**` : codeSpan(span.code);
    })
    .join("");
}

/** Spaces at a span's ends part it from its neighbours. */
function spaced(value: string): string {
  const before = value.startsWith(" ") ? " " : "";
  const after = value.length > 1 && value.endsWith(" ") ? " " : "";
  return `${before}${escaped(value)}${after}`;
}

function escaped(value: string): string {
  return cell(shortened(value));
}

/** What looks like code's end or a cell's becomes its likeness: nothing within code can be escaped. */
function codeSpan(value: string): string {
  const plain = Array.from(shortened(value), (c) => (c < " " || c === "\u007f" ? " " : c)).join("");
  const inert = plain.replaceAll("`", "'").replaceAll("|", "¦").trim();
  return inert === "" ? "" : `\`${inert}\``;
}

function shortened(value: string): string {
  const characters = Array.from(value);
  return characters.length <= MOST_IN_CELL
    ? value
    : `${characters.slice(0, MOST_IN_CELL).join("")}…`;
}
