/** How to run it again. */
import { describeSource, rerunCommand, shellQuote } from "../command.ts";
import type { Report } from "../types.ts";
import { code, type Section, text } from "./document.ts";

export function againSection(report: Report): Section {
  const { relays, options, withheld = [] } = report.config;
  const urls = options?.relay ?? relays.map((label) => `ws://${label}`).join(",");
  const source = describeSource(report);
  const { several } = report.generator;
  const missing = withheld.map((flag) => `--${flag}`).join(", ");
  return {
    id: "again",
    title: "How to run it again",
    blocks: [
      { kind: "code", code: rerunCommand(report, shellQuote(urls)) },
      ...(several === undefined
        ? []
        : [
            text([
              `On each of ${several.expected} machines, with its INSTANCE from 0 to ${several.expected - 1}, the same START_AT (Unix ms) and the same --cores, its output in a file; then `,
              code("npx k6-nostr merge"),
              " with all of the files.",
            ]),
          ]),
      text([
        "The same with this report's JSON: ",
        code(`npx k6-nostr ${several ? "share" : "run"} --config report.json`),
        `${missing === "" ? "" : `, and again ${missing}, whose texts no report keeps`}.`,
      ]),
      ...(source === null ? [] : [text(`${source}.`)]),
    ],
  };
}
