/** Did it pass? */
import { formatCount } from "../format.ts";
import { describeStored } from "../stored.ts";
import type { Report, ThresholdResult } from "../types.ts";
import { lackingKinds, passed } from "../verdict.ts";
import {
  type Block,
  code,
  type Section,
  type Span,
  strong,
  type Text,
  table,
  text,
} from "./document.ts";

/** Ids of missing events; the JSON lists a hundred. */
const MOST_IDS = 10;

export function passSection(report: Report): Section {
  return {
    id: "pass",
    title: "Did it pass?",
    blocks: [
      text(answer(report)),
      ...(report.thresholds.length === 0
        ? [text("No threshold was set.")]
        : [
            table(
              "Thresholds",
              ["metric", "threshold", "#value", "verdict"],
              report.thresholds.map(rowOf),
            ),
          ]),
      ...lostEvents(report),
    ],
  };
}

function answer(report: Report): Text {
  if (report.generator.verdict === "invalid") return [strong("Not judged: the run is invalid.")];
  if (passed(report)) return [strong("Yes: every threshold was met.")];
  const { thresholds } = report;
  const unmet = thresholds.filter(({ ok }) => ok !== true).length;
  return [strong(unmet === 0 ? "No." : `No: ${unmet} of ${thresholds.length} thresholds not met.`)];
}

function rowOf({ metric, expression, value, ok }: ThresholdResult): readonly Text[] {
  const verdict: Text = ok === null ? [strong(unjudged(value))] : ok ? "met" : [strong("crossed")];
  return [
    metric,
    expression,
    value === null ? "no data" : String(Number(value.toFixed(4))),
    verdict,
  ];
}

/** Why a threshold was not judged. */
function unjudged(value: number | null): string {
  return value === null ? "no data" : "not judged: not all generators sent their share";
}

/** What the relay said it accepted and does not have. */
function lostEvents({ audit }: Report): readonly Block[] {
  if (audit === null) return [];
  const fewer =
    audit.stored === undefined || lackingKinds(audit).length === 0
      ? []
      : [
          text([
            strong("What was accepted did not all come to be stored: "),
            `${describeStored(audit.stored)}.`,
          ]),
        ];
  if (audit.missingCount === 0) return fewer;
  const shown = audit.missing.slice(0, MOST_IDS);
  const ids = shown.flatMap((id, i): Span[] => [i === 0 ? " " : ", ", code(id)]);
  const rest = audit.missingCount - shown.length;
  const more = rest > 0 ? ` and ${formatCount(rest)} more` : "";
  const lead = `The relay lost events that it had acknowledged: ${formatCount(audit.missingCount)} of ${formatCount(audit.checked)} read back are missing:`;
  return [text([strong(lead), ...ids, `${more}.`]), ...fewer];
}
