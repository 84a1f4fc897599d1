/** A capacity as a gate in CI: is it what was asked for, and what the exit code says. */
import type { CapacityReport } from "../../capacity/result.ts";
import type { GateItem } from "../gate.ts";
import { EXIT } from "../verdict.ts";
import { answerOf, failingTrials, type Searched } from "./answer.ts";
import { sharedFindings } from "./by-load.ts";
import { hasAged, signed } from "./sections/ageing.ts";
import { worth } from "./sections/believe.ts";
import { formatLoad, loadUnit } from "./words.ts";

/** Whether a load is shown to be taken: `unknown` where the generator, or who stopped it, bounds the result below. */
type Shown = "shown" | "not shown" | "unknown";

export function gateOfCapacity(
  report: CapacityReport,
  atLeast: number | null,
): readonly GateItem[] {
  const { baseline, result } = report;
  const change = baseline?.change ?? null;
  return [
    {
      group: "verdict",
      name: `the capacity: ${worth(report)}`,
      state: stateOf(report),
      message: [answerOf(report), ...(result.suspect === null ? [] : [result.suspect])].join("; "),
    },
    ...(atLeast === null ? [] : [atLeastItem(report, atLeast)]),
    ...(hasAged(report) === true && change !== null
      ? [
          {
            group: "finding",
            name: "The relay aged over the search",
            state: "warning",
            message: `p50 at the baseline ${signed(change)}`,
          } as const,
        ]
      : []),
    ...sharedFindings(failingTrials(report)).map(
      (f): GateItem => ({
        group: "finding",
        name: f.title,
        state: f.severity === "info" ? "notice" : "warning",
        message: `${f.severity}: ${f.text}`,
      }),
    ),
  ];
}

/** 130 stopped; 1 ended by an error; 99 below what was asked for, no load held, or the relay died; 3 nothing is known of the relay. */
export function capacityExitCode(report: Searched, atLeast: number | null): number {
  const { limit, lastPassing } = report.result;
  if (limit === "interrupted") return EXIT.interrupted;
  // What was measured is there: this is not the code that says nothing was sent.
  if (limit === "failed") return EXIT.other;
  if (limit === "died" || limit === "below") return EXIT.threshold;
  if (atLeast !== null) {
    const codes = { shown: EXIT.ok, "not shown": EXIT.threshold, unknown: EXIT.invalid } as const;
    return codes[shows(report, atLeast)];
  }
  return lastPassing === null ? EXIT.invalid : EXIT.ok;
}

function shows({ result }: Searched, atLeast: number): Shown {
  const [least] = result.interval;
  if (result.lastPassing !== null && least >= atLeast) return "shown";
  const isBoundedByRelay = ["relay", "below", "died"].includes(result.limit);
  return isBoundedByRelay || isFailedBelow(result, atLeast) ? "not shown" : "unknown";
}

/** Whatever ended the search: at no more than was asked for the relay had failed. */
function isFailedBelow({ interval: [, most] }: Searched["result"], atLeast: number): boolean {
  return most !== null && most <= atLeast;
}

function stateOf(report: CapacityReport): GateItem["state"] {
  if (capacityExitCode(report, null) !== EXIT.ok) return "failed";
  const { result } = report;
  return result.proven && result.suspect === null ? "passed" : "warning";
}

function atLeastItem(report: CapacityReport, atLeast: number): GateItem {
  const { search, run } = report;
  const told = formatLoad(atLeast, loadUnit(search.scale, run.scenario));
  const states = { shown: "passed", "not shown": "failed", unknown: "failed" } as const;
  const shown = shows(report, atLeast);
  const meaning = search.meaning === undefined ? "" : `. A load is a number of ${search.meaning}`;
  return {
    group: "threshold",
    name: `at least ${told}`,
    state: states[shown],
    message: `${shown === "unknown" ? "not judged: " : ""}${answerOf(report)}${meaning}`,
  };
}
