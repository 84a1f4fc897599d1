/** How to run it again. */
import { rerunCommand, shellQuote } from "../command.ts";
import type { Report } from "../types.ts";
import type { Section } from "./document.ts";

export function againSection(report: Report): Section {
  const relays = report.config.relays.map((label) => `ws://${label}`).join(",");
  return {
    id: "again",
    title: "How to run it again",
    blocks: [{ kind: "code", code: rerunCommand(report, shellQuote(relays)) }],
  };
}
