/** A capacity in a few lines for a terminal. */
import type { CapacityReport } from "../../capacity/result.ts";
import { counted, formatMs } from "../format.ts";
import { testedRelays } from "../outcome.ts";
import { printable } from "../terminal.ts";
import { answerOf, failingTrials, generatorReasons, passingTrials } from "./answer.ts";
import { apartText, fallingText } from "./at-its-limit.ts";
import { sharedFindings, spreadOf } from "./by-load.ts";
import { intervalText } from "./interval.ts";
import { differenceOf } from "./sections/against.ts";
import { hasAged, signed } from "./sections/ageing.ts";
import { worth } from "./sections/believe.ts";
import { limitWords } from "./sections/limit.ts";
import { missedPrecision, spentText } from "./spent.ts";
import { describeMiss, ofSubject } from "./words.ts";

const MOST_FINDINGS = 3;
const INDENT = " ".repeat(12);

export function renderCapacityTerminal(report: CapacityReport, files: readonly string[]): string {
  const { result, trials, baseline, against } = report;
  const held = passingTrials(report);
  const judged = trials.filter(({ role }) => role !== "warmup");
  const middle = (figure: "p50" | "p99") => spreadOf(held, (f) => f[figure])?.middle ?? null;
  const votes = (["pass", "fail", "void"] as const).map(
    (v) => judged.filter(({ verdict }) => verdict === v).length,
  );
  const change = baseline?.change ?? null;
  const lines = [
    "",
    ...labelled("capacity", [answerOf(report)]),
    ...labelled("relay", testedRelays(report)),
    ...labelled("load", report.search.meaning === undefined ? [] : [report.search.meaning]),
    ...labelled("interval", [intervalText(report)]),
    ...labelled(
      "bounded by",
      [limitWords(result), ...generatorReasons(report), missedPrecision(report) ?? []].flat(),
    ),
    ...labelled("time", [spentText(report)]),
    ...labelled("worth", [
      worth(report),
      ...[result.suspect, apartText(report), fallingText(report)].flatMap((why) =>
        why === null ? [] : [`- ${why}`],
      ),
    ]),
    ...labelled("failed", failures(report)),
    ...(held.length === 0
      ? []
      : labelled("response", [
          `p50 ${formatMs(middle("p50"))}, p99 ${formatMs(middle("p99"))}${ofSubject(report.run.scenario)} at the last passing load`,
        ])),
    ...labelled("trials", [
      `${counted(judged.length, "trial")}: ${votes[0]} passed, ${votes[1]} failed, ${votes[2]} void`,
    ]),
    ...labelled("ageing", [
      change === null
        ? "not known"
        : `${hasAged(report) ? "the relay AGED" : "none"}: p50 at the baseline ${signed(change)}`,
    ]),
    ...labelled("findings", findings(report)),
    ...(against == null
      ? []
      : labelled("compared", [differenceOf(report, against), answerOf(against)])),
    ...labelled("reports", files),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

/** A relay chose some of these. */
function labelled(label: string, texts: readonly string[]): readonly string[] {
  return texts.map(
    (text, i) => `${i === 0 ? label.padEnd(INDENT.length) : INDENT}${printable(text)}`,
  );
}

/** Each threshold that was missed at the first failing load, once. */
function failures(report: CapacityReport): readonly string[] {
  const failing = failingTrials(report);
  const misses = failing.flatMap(({ failed }) => failed);
  const once = misses.filter(
    ({ threshold }, i) => misses.findIndex((one) => one.threshold === threshold) === i,
  );
  return [
    ...failing.flatMap(({ died, number }) =>
      died === undefined ? [] : [`trial ${number}: ${died}`],
    ),
    ...once.map((miss) => `${miss.threshold} (${describeMiss(miss, report.run.scenario)})`),
  ];
}

function findings(report: CapacityReport): readonly string[] {
  const failing = failingTrials(report);
  const found = sharedFindings(failing);
  if (found.length === 0) return ["none is supported by the trials that failed there"];
  return found
    .slice(0, MOST_FINDINGS)
    .map(
      ({ title, severity, trials }, i) =>
        `${i + 1}. ${title} (${severity}, in ${trials.length} of ${failing.length} trials)`,
    );
}
