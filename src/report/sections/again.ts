/** How to run it again. */
import { describeSource, rerunCommand, shellQuote } from "../command.ts";
import type { Report } from "../types.ts";
import { code, type Section, text } from "./document.ts";

export function againSection(report: Report): Section {
  const { relays, options, withheld = [] } = report.config;
  const urls = options?.relay ?? relays.map((label) => `ws://${label}`).join(",");
  const source = describeSource(report);
  const missing = withheld.map((flag) => `--${flag}`).join(", ");
  return {
    id: "again",
    title: "How to run it again",
    blocks: [
      { kind: "code", code: rerunCommand(report, shellQuote(urls)) },
      text([
        "The same with this report's JSON: ",
        code("npx k6-nostr run --config report.json"),
        `${missing === "" ? "" : `, and again ${missing}, whose texts no report keeps`}.`,
      ]),
      ...(source === null ? [] : [text(`${source}.`)]),
    ],
  };
}
