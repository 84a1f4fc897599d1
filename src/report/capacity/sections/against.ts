/** Which of the two relays takes more? */
import type { CapacityReport } from "../../../capacity/result.ts";
import { formatMs, formatPercent, NOT_MEASURED } from "../../format.ts";
import { testedRelays } from "../../outcome.ts";
import {
  type Block,
  code,
  type Section,
  strong,
  type Text,
  table,
  text,
} from "../../sections/document.ts";
import { answerOf, type Searched } from "../answer.ts";
import { type LoadVotes, spreadOf } from "../by-load.ts";
import { compareCapacities, sharedLoads } from "../compare.ts";
import { formatLoad, loadUnit } from "../words.ts";
import { hasAged } from "./ageing.ts";
import { worth } from "./believe.ts";
import { votesText } from "./curve.ts";
import { limitWords } from "./limit.ts";

export function againstSection(report: CapacityReport): readonly Section[] {
  const { against } = report;
  if (against == null) return [];
  return [
    {
      id: "against",
      title: "Compared with the other relay",
      blocks: [
        text([strong(`${differenceOf(report, against)}.`)]),
        text(
          "The trials of both were made in turn, so that what disturbs this machine disturbs both; each has a search of its own with the same objective and settings.",
        ),
        sides(report, against),
        { kind: "charts", ids: ["against"] },
        ...shared(report, against),
        text(["Of the other relay: ", `${answerOf(against)}.`]),
      ],
    },
  ];
}

/** Without its full stop. */
export function differenceOf(report: Searched, other: Searched): string {
  const difference = compareCapacities(report, other);
  const [a, b] = [report.config.relays.join(", "), other.config.relays.join(", ")];
  switch (difference.kind) {
    case "more":
      return `${a} takes more than ${b}: ${formatPercent(difference.told)} by the loads that held, ${formatPercent(difference.least)} at least`;
    case "less":
      return `${a} takes less than ${b}: ${formatPercent(-difference.told)} by the loads that held, ${formatPercent(difference.least)} at least`;
    case "same":
      return `Between ${a} and ${b} no difference can be told: their intervals meet`;
    case "unknown":
      return `${a} and ${b} can't be compared: one of them has no result`;
  }
}

function sides(report: Searched, other: Searched): Block {
  const unit = loadUnit(report.search.scale, report.run.scenario);
  const told = (load: number | null) => (load === null ? "–" : formatLoad(load, unit));
  const row = (name: string, value: (of: Searched) => Text): readonly Text[] => [
    name,
    value(report),
    value(other),
  ];
  return table(
    "Both relays",
    ["", ...[report, other].map(({ config }) => config.relays.join(", "))],
    [
      row("relay", (of) => testedRelays(of).join("; ")),
      row("last passing", (of) => told(of.result.lastPassing)),
      row("first failing", (of) => told(of.result.firstFailing)),
      row("bounded by", (of) => limitWords(of.result)),
      row("failed first", ({ result }) =>
        result.failedThreshold === null ? "–" : [code(result.failedThreshold)],
      ),
      row("worth", worth),
      row("aged", (of) => ({ true: "yes", false: "no", null: "not known" })[`${hasAged(of)}`]),
    ],
  );
}

function shared(report: Searched, other: Searched): readonly Block[] {
  const unit = loadUnit(report.search.scale, report.run.scenario);
  const rows = sharedLoads(report, other).map(([a, b]): readonly Text[] => [
    formatLoad(a.load, unit),
    votesText(a),
    votesText(b),
    middle(a, "p50"),
    middle(b, "p50"),
    middle(a, "p99"),
    middle(b, "p99"),
  ]);
  if (rows.length === 0) return [];
  return [
    text("At the loads that both were tried with, the first relay first:"),
    table(
      "Loads of both",
      ["#load", "trials", "trials, other", "#p50", "#p50, other", "#p99", "#p99, other"],
      rows,
    ),
  ];
}

function middle({ trials }: LoadVotes, figure: "p50" | "p99"): string {
  const spread = spreadOf(trials, (figures) => figures[figure]);
  return spread === null ? NOT_MEASURED : formatMs(spread.middle);
}
