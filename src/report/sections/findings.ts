/** What to do about it, ranked? */
import { NOT_MEASURED } from "../format.ts";
import type { Evidence, Finding, Report } from "../types.ts";
import { passed } from "../verdict.ts";
import {
  code,
  type ListItem,
  type Section,
  type Span,
  strong,
  type Text,
  text,
} from "./document.ts";

const SYMPTOM = /^symptom-of:(.+)$/;

export function findingsSection({ findings }: Report): Section {
  return {
    id: "findings",
    title: "What to do about it?",
    blocks:
      findings.length === 0
        ? [text("No finding is supported by the evidence of this run.")]
        : [{ kind: "list", ordered: true, items: findings.map(itemOf) }],
  };
}

/** What the first finding wants done, which stands as the outcome above, and how many more there are. */
export function leadOf(report: Report): Text {
  const { findings } = report;
  const [first] = findings;
  if (first === undefined) {
    return passed(report)
      ? "What next: nothing; this run supports no finding."
      : "What next: see what was not met; no finding of this run explains it.";
  }
  const { id, title, severity, confidence, remediation } = first;
  const more = findings.length === 1 ? "" : ` ${findings.length - 1} more below.`;
  if (severity === "info" && passed(report)) {
    return ["What next: nothing has to be done. Worth knowing: ", ...spansOf(title), `.${more}`];
  }
  return [
    "What next: ",
    ...spansOf(firstSentence(remediation)),
    ` (${id}, ${severity}, confidence ${confidence}.)`,
    more,
  ];
}

export function firstSentence(text: string): string {
  const end = text.indexOf(". ");
  return end < 0 ? text : text.slice(0, end + 1);
}

function itemOf(finding: Finding): ListItem {
  const { title, severity, confidence, remediation, evidence, counterEvidence, page } = finding;
  const causes = finding.labels.flatMap((label) => SYMPTOM.exec(label)?.[1] ?? []);
  const labels = finding.labels.filter((label) => !SYMPTOM.test(label));
  const symptom = causes.map((cause) => `, a symptom of ${cause}`).join("");
  return {
    text: [
      strong(title),
      ` (${severity}, confidence ${confidence}${symptom}). `,
      ...spansOf(remediation),
    ],
    below: [
      ["Evidence: ", ...figures(evidence), "."],
      ...(counterEvidence.length === 0
        ? []
        : [["Looked at for what speaks against it: ", ...figures(counterEvidence), "."]]),
      ["More: ", code(page), ...(labels.length === 0 ? [] : [`. Labels: ${labels.join(", ")}.`])],
    ],
  };
}

/** What stands between backticks is code. */
export function spansOf(value: string): readonly Span[] {
  return value.split("`").map((part, i, parts) => {
    if (i % 2 === 0) return part;
    return i < parts.length - 1 ? code(part) : `\`${part}`;
  });
}

/** A text may be a relay's: as code it mentions nobody and links to nothing. */
function figures(all: readonly Evidence[]): readonly Span[] {
  return all.flatMap(({ metric, value, reference }, i): Span[] => [
    `${i === 0 ? "" : "; "}${metric} `,
    spanOf(value),
    ...(reference === null
      ? []
      : [typeof reference === "string" ? " (" : " (held against ", spanOf(reference), ")"]),
  ]);
}

function spanOf(value: Evidence["value"]): Span {
  return typeof value === "string" ? code(value) : String(value ?? NOT_MEASURED);
}
