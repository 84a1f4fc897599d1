/** What did the search itself do to the relay? */
import type { Baseline, CapacityReport } from "../../../capacity/result.ts";
import { counted, formatBytes, formatMs, formatPercent, NOT_MEASURED } from "../../format.ts";
import {
  type Block,
  list,
  type Section,
  strong,
  type Text,
  table,
  text,
} from "../../sections/document.ts";
import type { Searched } from "../answer.ts";
import { fallingText } from "../at-its-limit.ts";
import { formatLoad, loadUnit } from "../words.ts";

/** As near as the relay has to be to its baseline before a trial. */
const AS_BEFORE = 0.2;

export function ageingSection(report: CapacityReport): Section {
  return {
    id: "ageing",
    title: "Did the relay age?",
    blocks: [
      text(agedText(report)),
      ...baselineTable(report),
      ...list([
        ...databaseLine(report),
        ...agedTrials(report),
        ...falling(report),
        ...(hasAged(report) === true
          ? ["What was proven was proven at the end: the relay as it was at first may take more."]
          : []),
      ]),
      { kind: "charts", ids: ["database"] },
    ],
  };
}

/** `null` where the baseline was not measured at both ends. */
export function hasAged({ baseline }: Searched): boolean | null {
  const change = baseline?.change ?? null;
  return change === null ? null : change > AS_BEFORE;
}

function agedText({ baseline }: CapacityReport): Text {
  const change = baseline?.change ?? null;
  if (baseline === null || change === null) {
    return "Not known: the baseline was not measured both before and after.";
  }
  const told = `p50 at the baseline went from ${formatMs(baseline.p50)} to ${formatMs(baseline.endP50)} (${signed(change)})`;
  if (change > AS_BEFORE) return [strong("Yes:"), ` ${told}.`];
  return change < -AS_BEFORE
    ? [strong("No, it became faster:"), ` ${told}, so it was not warm at first.`]
    : [strong("No:"), ` ${told}, within the ${formatPercent(AS_BEFORE)} that count as the same.`];
}

export function signed(change: number): string {
  return `${change < 0 ? "−" : "+"}${formatPercent(Math.abs(change))}`;
}

function baselineTable({ baseline, search, run }: CapacityReport): readonly Block[] {
  if (baseline === null) return [];
  const row = (name: string, before: number | null, after: number | null): readonly Text[] => [
    name,
    formatMs(before),
    formatMs(after),
    before === null || after === null || before === 0 ? "–" : signed(after / before - 1),
  ];
  const at = formatLoad(baseline.load, loadUnit(search.scale, run.scenario));
  return [
    table(
      `Baseline at ${at}`,
      [`response at ${at}`, "#before", "#after", "#change"],
      percentilesOf(baseline).map(([name, before, after]) => row(name, before, after)),
    ),
  ];
}

function percentilesOf(b: Baseline): readonly (readonly [string, number | null, number | null])[] {
  return [
    ["p50", b.p50, b.endP50],
    ["p99", b.p99, b.endP99],
  ];
}

function databaseLine({ trials }: CapacityReport): readonly string[] {
  const sizes = trials.flatMap(({ figures }) => figures.databaseBytes ?? []);
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (first === undefined || last === undefined) {
    return [`Size of the database: ${NOT_MEASURED}.`];
  }
  return [
    `Size of the database: ${formatBytes(first)} behind the first trial, ${formatBytes(last)} behind the last.`,
  ];
}

/** A baseline at a low load may not show it. */
function falling(report: CapacityReport): readonly Text[] {
  const told = fallingText(report);
  return told === null ? [] : [[strong("Under load it did age:"), ` ${told}.`]];
}

function agedTrials({ trials }: CapacityReport): readonly string[] {
  const aged = trials.filter((trial) => trial.aged);
  if (aged.length === 0) return [];
  const numbers = aged.map(({ number }) => number).join(", ");
  return [
    `${counted(aged.length, "trial")} began while the relay was not as at the baseline, though it had time to cool down: ${numbers}.`,
  ];
}
