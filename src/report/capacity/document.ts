/** A capacity as a document: what is said, once, for Markdown and HTML. */
import type { CapacityReport } from "../../capacity/result.ts";
import { counted, formatMs } from "../format.ts";
import { testedRelays } from "../outcome.ts";
import type { ReportDocument, Text } from "../sections/document.ts";
import { strong } from "../sections/document.ts";
import { firstSentence, spansOf } from "../sections/findings.ts";
import { answerOf, mainFinding, passingTrials } from "./answer.ts";
import { spreadOf } from "./by-load.ts";
import { againSection } from "./sections/again.ts";
import { againstSection, differenceOf } from "./sections/against.ts";
import { ageingSection, hasAged, signed } from "./sections/ageing.ts";
import { believeSection, worth } from "./sections/believe.ts";
import { curveSection } from "./sections/curve.ts";
import { findingsSection } from "./sections/findings.ts";
import { limitWords } from "./sections/limit.ts";
import { resultSection } from "./sections/result.ts";
import { trialsSection } from "./sections/trials.ts";
import { formatLoad, loadUnit, timeWords, wordsOf } from "./words.ts";

export function capacityDocument(report: CapacityReport): ReportDocument {
  return {
    title: `Capacity of ${report.config.relays.join(", ")}: ${report.run.scenario}`,
    tone: toneOf(report),
    headline: headline(report),
    tested: testedRelays(report),
    outcome: [strong(`${answerOf(report)}.`)],
    lead: lead(report),
    keyFigures: keyFigures(report),
    sparkLines: sparkLines(report),
    sections: [
      resultSection(report),
      believeSection(report),
      findingsSection(report),
      ...againstSection(report),
      curveSection(report),
      trialsSection(report),
      ageingSection(report),
      againSection(report),
    ],
  };
}

function toneOf({ result, search }: CapacityReport): ReportDocument["tone"] {
  if (result.lastPassing === null || result.limit === "died") return "bad";
  return result.proven && result.suspect === null && !search.quick ? "good" : "warn";
}

function headline(report: CapacityReport): Text {
  const { run, trials } = report;
  const day = run.startedAt.slice(0, 16).replace("T", " ");
  const minutes = (Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 60_000;
  return [
    strong(worth(report)),
    `. ${day} UTC, ${counted(trials.length, "trial")} in ${minutes.toFixed(0)} min, search ${run.id}.`,
  ];
}

/** What comes next: by the other relay, by the trials that failed, or by what ended the search. */
function lead(report: CapacityReport): Text {
  const { against, result } = report;
  if (against != null) return `${differenceOf(report, against)}.`;
  const found = mainFinding(report);
  if (found !== null) {
    const what = spansOf(firstSentence(found.text));
    return ["What next: ", ...what, ` (${found.id}, ${found.severity}.)`];
  }
  switch (result.limit) {
    case "generator":
      return "What next: a stronger generator, or several of them, to find the relay's own limit.";
    case "budget":
      return "What next: --resume with a larger --budget goes on where it ended.";
    case "interrupted":
      return "What next: --resume goes on where it was stopped.";
    case "failed":
      return "What next: mend what the error says; --resume goes on where it ended.";
    case "to":
      return "What next: a higher --to.";
    default:
      return "What next: see which threshold failed first; no finding of those trials explains it.";
  }
}

function keyFigures(report: CapacityReport): ReportDocument["keyFigures"] {
  const { result, search, run, baseline } = report;
  const unit = loadUnit(search.scale, run.scenario);
  const told = (load: number | null) => (load === null ? "none" : formatLoad(load, unit));
  const held = passingTrials(report);
  const middle = (figure: "p50" | "p99" | "relayCpu") =>
    spreadOf(held, (figures) => figures[figure])?.middle ?? null;
  const cpu = middle("relayCpu");
  const change = baseline?.change ?? null;
  const { failedThreshold } = result;
  return [
    { label: "last passing", value: told(result.lastPassing) },
    { label: "first failing", value: told(result.firstFailing) },
    { label: "bounded by", value: limitWords(result) },
    {
      label: "failed first",
      value: failedThreshold === null ? "–" : wordsOf(failedThreshold, run.scenario).name,
    },
    { label: "p50 at last passing", value: formatMs(middle("p50")) },
    { label: "p99 at last passing", value: formatMs(middle("p99")) },
    {
      label: "relay CPU there",
      value: cpu === null ? "not measured" : `${cpu.toFixed(0)} %`,
    },
    {
      label: "ageing",
      value: change === null ? "not known" : `${signed(change)}${hasAged(report) ? "" : ", none"}`,
    },
  ];
}

function sparkLines({ trials, search, run }: CapacityReport): ReportDocument["sparkLines"] {
  const unit = loadUnit(search.scale, run.scenario);
  const p99 = trials.map(({ figures }) => figures.p99);
  const known = p99.flatMap((value) => value ?? []);
  const loads = trials.map(({ load }) => load);
  return [
    {
      label: "load",
      values: loads,
      most: loads.length === 0 ? "none" : formatLoad(Math.max(...loads), unit),
    },
    {
      label: `${timeWords(run.scenario)} p99`,
      values: p99,
      most: formatMs(known.length === 0 ? null : Math.max(...known)),
    },
  ];
}
