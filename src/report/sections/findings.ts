/** What to do about it, ranked? */
import { NOT_MEASURED } from "../format.ts";
import type { Finding, Report } from "../types.ts";
import { list, type Section, strong, type Text, text } from "./document.ts";

export function findingsSection({ findings }: Report): Section {
  return {
    id: "findings",
    title: "What to do about it?",
    blocks:
      findings.length === 0
        ? [text("No finding is supported by the evidence of this run.")]
        : list(findings.map(itemOf), true),
  };
}

function itemOf({ title, severity, remediation, evidence }: Finding): Text {
  const held = evidence
    .map((e) => `${e.metric} ${e.value ?? NOT_MEASURED} (reference ${e.reference ?? "–"})`)
    .join("; ");
  return [strong(title), ` (${severity}). ${remediation} Evidence: ${held}.`];
}
