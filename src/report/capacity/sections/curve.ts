/** What was measured at each load. */
import type { CapacityReport, TrialFigures } from "../../../capacity/result.ts";
import { subjectOf } from "../../../capacity/subject.ts";
import { formatMs, NOT_MEASURED } from "../../format.ts";
import { type Section, strong, type Text, table, text } from "../../sections/document.ts";
import { byLoad, type LoadVotes, spreadOf } from "../by-load.ts";
import { doneUnit, formatDone, formatNumber, loadUnit } from "../words.ts";

export function curveSection(report: CapacityReport): Section {
  const { trials, search, run } = report;
  const unit = loadUnit(search.scale, run.scenario);
  const done = doneUnit(run.scenario);
  return {
    id: "curve",
    title: "Load and what it costs",
    blocks: [
      text(
        `Each trial is a point. Nothing joins them and no curve is fitted: what lies between was not measured. In the table the middle of the trials at a load, with lowest and highest where they differ; void trials are left out of it.${toldBy(run.scenario)}`,
      ),
      { kind: "charts", ids: ["load-times", "load-done", "load-cpu"] },
      table(
        "By load",
        [`#load, ${unit}`, "trials", "#p50", "#p99", `#done, ${done}`, "#relay CPU"],
        byLoad(trials).map((votes): readonly Text[] => {
          const spread = (
            figure: (figures: TrialFigures) => number | null,
            format: (value: number) => string,
          ) => spreadText(votes, figure, format);
          return [
            formatNumber(votes.load),
            votesText(votes),
            spread((f) => f.p50, formatMs),
            spread((f) => f.p99, formatMs),
            spread((f) => f.done, formatDone),
            spread(
              (f) => f.relayCpu,
              (v) => `${v.toFixed(0)} %`,
            ),
          ];
        }),
      ),
    ],
  };
}

function toldBy(scenario: string): string {
  switch (subjectOf(scenario)) {
    case "delivery":
      return " Times and counts are of deliveries.";
    case "connection":
      return " Times are those until a client could use the relay; what was done is the number of those that could.";
    default:
      return "";
  }
}

/** Votes that were split stay to be seen. */
export function votesText({ passes, fails, voids }: LoadVotes): Text {
  const parts = [
    ...(passes > 0 ? [`${passes} passed`] : []),
    ...(fails > 0 ? [`${fails} failed`] : []),
    ...(voids > 0 ? [`${voids} void`] : []),
  ].join(", ");
  return passes > 0 && fails > 0 ? [strong(parts)] : parts;
}

function spreadText(
  { trials }: LoadVotes,
  figure: (figures: TrialFigures) => number | null,
  format: (value: number) => string,
): string {
  const spread = spreadOf(trials, figure);
  if (spread === null) return NOT_MEASURED;
  const [least, middle, most] = [spread.least, spread.middle, spread.most].map(format);
  if (least === most) return `${middle}`;
  const unit = / \S+$/.exec(most ?? "")?.[0] ?? "";
  const from = unit !== "" && least?.endsWith(unit) ? least.slice(0, -unit.length) : least;
  return `${middle} (${from} to ${most})`;
}
