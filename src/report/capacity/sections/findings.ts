/** Why not more? The threshold that failed first, and what the reports of those trials say. */
import type { CapacityReport, Trial } from "../../../capacity/result.ts";
import { pageOf } from "../../findings/page.ts";
import { NOT_MEASURED } from "../../format.ts";
import {
  type Block,
  code,
  type ListItem,
  list,
  type Section,
  strong,
  type Text,
  table,
  text,
} from "../../sections/document.ts";
import { spansOf } from "../../sections/findings.ts";
import { failingTrials, generatorReasons } from "../answer.ts";
import { type SharedFinding, sharedFindings } from "../by-load.ts";
import { describeMiss, formatKind, formatLoad, loadUnit, wordsOf } from "../words.ts";

export function findingsSection(report: CapacityReport): Section {
  const { result, search, run } = report;
  const unit = loadUnit(search.scale, run.scenario);
  const at = result.firstFailing === null ? null : formatLoad(result.firstFailing, unit);
  return { id: "findings", title: "Why not more?", blocks: blocksOf(report, at) };
}

function blocksOf(report: CapacityReport, at: string | null): readonly Block[] {
  if (at === null)
    return [text(["No load failed.", ...generatorReasons(report).map((why) => ` ${why}.`)])];
  if (report.result.limit === "generator") return ofGenerator(report, at);
  const failing = failingTrials(report);
  return [...ofRelay(report, at, failing), ...findings(sharedFindings(failing), failing.length)];
}

/** What was void there, and why. */
function ofGenerator({ trials, result }: CapacityReport, at: string): readonly Block[] {
  const reasons = trials
    .filter(({ load, verdict }) => load === result.firstFailing && verdict === "void")
    .map(({ number, voidReason }): Text => `trial ${number}: ${voidReason ?? NOT_MEASURED}`);
  return [
    text(`At ${at} this generator was the limit, in its own trials' words:`),
    ...list(reasons),
  ];
}

function ofRelay(report: CapacityReport, at: string, failing: readonly Trial[]): readonly Block[] {
  const { scenario } = report.run;
  const { failedThreshold } = report.result;
  const gone = failing.flatMap(({ died }) => died ?? []);
  const rows = failing.flatMap(({ number, failed }) =>
    failed.map((miss): readonly Text[] => {
      const { kind } = wordsOf(miss.threshold, scenario);
      return [
        String(number),
        [code(miss.threshold)],
        miss.value === null ? "no data" : formatKind(miss.value, kind),
        miss.limit === null ? "–" : formatKind(miss.limit, kind),
      ];
    }),
  );
  const first = failing
    .flatMap(({ failed }) => failed)
    .find((f) => f.threshold === failedThreshold);
  return [
    ...(gone.length === 0
      ? []
      : [text([strong(`The relay was gone at ${at}:`), " ", code(gone[0] ?? ""), "."])]),
    ...(failedThreshold === null
      ? []
      : [
          text([
            strong(`At ${at} ${wordsOf(failedThreshold, scenario).name} failed first`),
            first === undefined ? "." : `: ${describeMiss(first, scenario)}.`,
            " First is what was missed by the largest factor in most of the trials there.",
          ]),
        ]),
    ...(rows.length === 0
      ? []
      : [table("What was not met", ["trial", "threshold", "#value", "#limit"], rows)]),
  ];
}

function findings(all: readonly SharedFinding[], of: number): readonly Block[] {
  if (all.length === 0) return [text("No finding of these trials explains it.")];
  return [
    text("What the reports of these trials say, what most of them say first:"),
    { kind: "list", ordered: true, items: all.map((finding) => itemOf(finding, of)) },
  ];
}

function itemOf({ title, severity, text, id, trials }: SharedFinding, of: number): ListItem {
  return {
    text: [
      strong(title),
      ` (${severity}, in ${trials.length} of ${of} trials). `,
      ...spansOf(text),
    ],
    below: [["More: ", code(pageOf(id))]],
  };
}
