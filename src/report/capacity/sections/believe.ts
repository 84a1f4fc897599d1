/** May I believe it? The proof, what contradicts it, and how near the generator was to its own limit. */
import type { CapacityReport, Inversion, Trial, TrialVerdict } from "../../../capacity/result.ts";
import { counted, formatPercent } from "../../format.ts";
import {
  type Block,
  list,
  type Section,
  strong,
  type Text,
  table,
  text,
} from "../../sections/document.ts";
import type { Searched } from "../answer.ts";
import { apartText } from "../at-its-limit.ts";
import { missedPrecision, spentText } from "../spent.ts";
import { ceilingUnit, formatLoad, type LoadUnit, loadUnit } from "../words.ts";

const MARKS: Readonly<Record<TrialVerdict, string>> = {
  pass: "passed",
  fail: "failed",
  void: "void",
};

export function believeSection(report: CapacityReport): Section {
  const { result, search, run } = report;
  const unit = loadUnit(search.scale, run.scenario);
  return {
    id: "believe",
    title: "May I believe it?",
    blocks: [
      text(headline(report)),
      ...(result.suspect === null ? [] : [text([strong("Suspect:"), ` ${result.suspect}.`])]),
      ...missed(report),
      ...proof(report, unit),
      ...inversions(result.inversions, unit),
      ...list([...apart(report), ...cautions(report)]),
    ],
  };
}

/** What the result is worth, in a word or two. */
export function worth({ result, search }: Searched): string {
  if (result.suspect !== null) return "Suspect";
  if (result.proven) return search.quick ? "An estimate, proven in short trials" : "Proven";
  return search.quick ? "An estimate" : "Not proven";
}

function headline({ result, search }: CapacityReport): Text {
  if (result.suspect !== null) {
    return [strong("With care: the trials contradict each other."), " The result is an interval."];
  }
  if (search.quick) {
    return [
      strong("As an estimate (--quick):"),
      " trials are short, so an overload of a few percent may pass, and fewer of them decide.",
    ];
  }
  return result.proven
    ? [strong("Yes: it is proven."), " The bounds were loaded again in long trials, in turn."]
    : [strong("With care: it is not proven."), " Each bound rests on the trials below alone."];
}

/** Why a search that ended before its end has no more to say. */
function missed(report: CapacityReport): readonly Block[] {
  const why = missedPrecision(report);
  return why === null ? [] : [text(`${capitalized(why)}. Its time was ${spentText(report)}.`)];
}

function capitalized(sentence: string): string {
  return sentence.replace(/^./, (letter) => letter.toUpperCase());
}

function proof({ result, trials }: CapacityReport, unit: LoadUnit): readonly Block[] {
  if (result.proof.length === 0) return [];
  const carriedOut = trials.filter(({ role }) => role === "prove").slice(-result.proof.length);
  return [
    text("The proof, in its order:"),
    table(
      "The proof",
      ["trial", "#load", "verdict"],
      result.proof.map(({ load, verdict }, i): readonly Text[] => [
        String(carriedOut[i]?.number ?? "–"),
        formatLoad(load, unit),
        verdict === "pass" ? MARKS.pass : [strong(MARKS[verdict])],
      ]),
    ),
  ];
}

function inversions(all: readonly Inversion[], unit: LoadUnit): readonly Block[] {
  if (all.length === 0) return [];
  return [
    text([
      strong(`${counted(all.length, "inversion")}:`),
      " a load passed above one that had failed. A pass above a failure does not raise the result.",
    ]),
    ...list(
      all.map(
        ({ trial, passed, failed }) =>
          `trial ${trial} passed at ${formatLoad(passed, unit)}, above ${formatLoad(failed, unit)}, which failed`,
      ),
    ),
  ];
}

/** How far the next search may be from this one. */
function apart(report: CapacityReport): readonly Text[] {
  const why = apartText(report);
  return why === null ? [] : [[strong("Its rate at its limit changes:"), ` ${why}.`]];
}

function cautions({ trials, generator, run }: CapacityReport): readonly Text[] {
  const judged = trials.filter(({ role }) => role !== "warmup");
  const shares = judged.flatMap(({ figures }) => figures.ceilingShare ?? []);
  const most = shares.length === 0 ? null : Math.max(...shares);
  return [
    generator.ceiling === null
      ? "This generator was not calibrated: that it was not the limit rests on the verdict of each trial alone."
      : `This generator reaches ${formatLoad(generator.ceiling, ceilingUnit(run.scenario))}${most === null ? "" : `; the trials used ${formatPercent(most)} of it at most`}.`,
    `${counted(judged.length, "trial")}: ${countsOf(judged)}. A void trial says nothing of the relay: its generator was not valid.`,
    ...(run.sameHost === true
      ? [
          "Generator and relay shared one host: the result compares on this host, and says less about any other.",
        ]
      : []),
  ];
}

function countsOf(trials: readonly Trial[]): string {
  return (["pass", "fail", "void"] as const)
    .map((verdict) => `${trials.filter((t) => t.verdict === verdict).length} ${MARKS[verdict]}`)
    .join(", ");
}
