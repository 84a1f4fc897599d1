/** What to do about it, ranked? */
import { NOT_MEASURED } from "../format.ts";
import type { Evidence, Finding, Report } from "../types.ts";
import { code, type ListItem, type Section, type Span, strong, text } from "./document.ts";

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

function itemOf(finding: Finding): ListItem {
  const { title, severity, confidence, remediation, evidence, counterEvidence, page } = finding;
  return {
    text: [strong(title), ` (${severity}, confidence ${confidence}). `, ...spansOf(remediation)],
    below: [
      ["Evidence: ", ...figures(evidence), "."],
      ...(counterEvidence.length === 0
        ? []
        : [["Looked at, and does not speak against it: ", ...figures(counterEvidence), "."]]),
      ["More: ", code(page)],
    ],
  };
}

/** What stands between backticks is code. */
function spansOf(value: string): readonly Span[] {
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
    ...(reference === null ? [] : [" (reference ", spanOf(reference), ")"]),
  ]);
}

function spanOf(value: Evidence["value"]): Span {
  return typeof value === "string" ? code(value) : String(value ?? NOT_MEASURED);
}
