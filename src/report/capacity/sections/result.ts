/** What does it take? */
import type { AtLimit, CapacityReport } from "../../../capacity/result.ts";
import { formatPercent } from "../../format.ts";
import {
  type Block,
  code,
  list,
  type Section,
  type Text,
  table,
  text,
} from "../../sections/document.ts";
import { generatorReasons, type Searched } from "../answer.ts";
import { widthOf } from "../interval.ts";
import { formatLoad, formatNumber, type LoadUnit, loadUnit } from "../words.ts";
import { limitText } from "./limit.ts";

export function resultSection(report: CapacityReport): Section {
  const { result, search, run } = report;
  const unit = loadUnit(search.scale, run.scenario);
  return {
    id: "result",
    title: "What does it take?",
    blocks: [
      ...(search.meaning === undefined ? [] : [text(`A load is a number of ${search.meaning}.`)]),
      text(limitText(result)),
      ...list(generatorReasons(report)),
      text(withinText(report, unit)),
      text("The objective, all of which a trial has to meet:"),
      ...list(report.objective.map((one): Text => [code(one)])),
      ...atLimits(report, unit),
    ],
  };
}

function withinText({ result, search }: Searched, unit: LoadUnit): Text {
  const [least, most] = result.interval;
  const apart = widthOf(result);
  const between =
    most === null
      ? `at ${formatLoad(least, unit)} or above`
      : `between ${formatNumber(least)} and ${formatLoad(most, unit)}`;
  const width = apart === null ? "" : `, ${formatPercent(apart)} apart`;
  return `The capacity lies ${between}${width}; asked for was ${formatPercent(search.precision)}.`;
}

/** Limits on times taken half and double: nothing more was tried for them. */
function atLimits({ atLimits }: CapacityReport, unit: LoadUnit): readonly Block[] {
  if (atLimits.length === 0) return [];
  const told = (load: number | null) => (load === null ? "–" : formatLoad(load, unit));
  const rows = [...atLimits]
    .sort((a, b) => a.factor - b.factor)
    .map((at): readonly Text[] => [factorWords(at), told(at.lastPassing), told(at.firstFailing)]);
  return [
    text(
      "The same trials judged again with other limits on times, the other thresholds as they are. No further load was tried for it, so the two loads of a line may lie far apart; a dash: no trial says.",
    ),
    table("Other limits on times", ["limits on times", "#last passing", "#first failing"], rows),
  ];
}

function factorWords({ factor }: AtLimit): string {
  if (factor === 1) return "as they are";
  return factor === 0.5 ? "half" : factor === 2 ? "double" : `times ${factor}`;
}
