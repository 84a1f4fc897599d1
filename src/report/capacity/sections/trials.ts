/** Every trial in its order, void ones too. */
import type { CapacityReport, Trial, TrialVerdict } from "../../../capacity/result.ts";
import { formatCount, formatMs, formatPercent, NOT_MEASURED } from "../../format.ts";
import {
  code,
  details,
  type Section,
  strong,
  type Text,
  table,
  text,
} from "../../sections/document.ts";
import { describeMiss, doneUnit, formatDone, formatNumber, loadUnit, wordsOf } from "../words.ts";

export function trialsSection(report: CapacityReport): Section {
  const { trials, search, run } = report;
  const unit = loadUnit(search.scale, run.scenario);
  const done = doneUnit(run.scenario);
  return {
    id: "trials",
    title: "Every trial in its order",
    blocks: [
      text(
        "A probe is short, while the load doubles; narrow is a full trial between what held and what did not; prove is a long one at the end. The first third of each settles and is not judged, of a warm-up nothing is.",
      ),
      { kind: "charts", ids: ["search"] },
      table(
        "Trials",
        [
          "trial",
          "role",
          `#load, ${unit}`,
          "verdict",
          "why",
          "#p50",
          "#p99",
          `#done, ${done}`,
          "#relay CPU",
        ],
        trials.map((trial): readonly Text[] => [
          String(trial.number),
          trial.role,
          formatNumber(trial.load),
          verdictText(trial),
          whyText(trial, run.scenario),
          formatMs(trial.figures.p50),
          formatMs(trial.figures.p99),
          formatDone(trial.figures.done),
          cpuText(trial),
        ]),
      ),
      details(
        "More of each trial",
        table(
          "More of each trial",
          [
            "trial",
            "started",
            "#length",
            "#cooled down",
            "#failed",
            "#unsent",
            "#backlog grew",
            "#share of the generator",
            "generator",
            "seed",
            "report",
          ],
          trials.map((trial): readonly Text[] => [
            String(trial.number),
            trial.startedAt.slice(11, 19),
            `${trial.lengthSec} s`,
            `${trial.cooledSec.toFixed(1)} s${trial.aged ? ", aged" : ""}`,
            formatPercent(trial.figures.failedShare),
            formatCount(trial.figures.unsent),
            formatPercent(trial.figures.backlogGrowth),
            formatPercent(trial.figures.ceilingShare),
            trial.generator,
            [code(trial.seed)],
            trial.report === null ? "none" : [code(trial.report)],
          ]),
        ),
      ),
    ],
  };
}

const VERDICTS: Readonly<Record<TrialVerdict, Text>> = {
  pass: "passed",
  fail: [strong("failed")],
  void: [strong("void")],
};

function verdictText({ role, verdict, died }: Trial): Text {
  if (died !== undefined) return [strong("the relay died")];
  return role === "warmup" ? "not judged" : VERDICTS[verdict];
}

/** What was missed by the most, or why the trial says nothing. */
function whyText(trial: Trial, scenario: string): Text {
  const aged = trial.aged ? "; not as at the baseline before" : "";
  if (trial.died !== undefined) return [code(trial.died)];
  if (trial.voidReason !== undefined) return `${trial.voidReason}${aged}`;
  const [first] = trial.failed;
  if (trial.role === "warmup" || first === undefined) return trial.aged ? aged.slice(2) : "";
  const more = trial.failed.length > 1 ? ` and ${trial.failed.length - 1} more` : "";
  return `${wordsOf(first.threshold, scenario).name} ${describeMiss(first, scenario)}${more}${aged}`;
}

function cpuText({ figures: { relayCpu } }: Trial): string {
  return relayCpu === null ? NOT_MEASURED : `${relayCpu.toFixed(0)} %`;
}
