/** What to do about it, ranked? */
import { NOT_MEASURED } from "../format.ts";
import type { Finding, Report } from "../types.ts";
import { type ListItem, type Section, strong, text } from "./document.ts";

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

function itemOf({ title, severity, remediation, evidence }: Finding): ListItem {
  const held = evidence
    .map((e) => `${e.metric} ${e.value ?? NOT_MEASURED} (reference ${e.reference ?? "–"})`)
    .join("; ");
  return {
    text: [strong(title), ` (${severity}). ${remediation}`],
    below: [`Evidence: ${held}.`],
  };
}
