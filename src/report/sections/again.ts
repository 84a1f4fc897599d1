/** How to run it again. */
import { describeSource, rerunCommand, shellQuote } from "../command.ts";
import type { Report } from "../types.ts";
import { type Section, text } from "./document.ts";

export function againSection(report: Report): Section {
  const relays = report.config.relays.map((label) => `ws://${label}`).join(",");
  const source = describeSource(report);
  return {
    id: "again",
    title: "How to run it again",
    blocks: [
      { kind: "code", code: rerunCommand(report, shellQuote(relays)) },
      ...(source === null ? [] : [text(`${source}.`)]),
    ],
  };
}
