/**
 * Report → document, in this order: may I believe this run; did it pass; how many events, how fast;
 * where did the time go; what went wrong, by type; what to do about it; how to run it again.
 */
import { leadingOf } from "../class-report.ts";
import { dueBySlice } from "../due.ts";
import { formatCount, formatMs, formatPercent, formatRate } from "../format.ts";
import { outcomeOf, testedRelays } from "../outcome.ts";
import { pointsOf, type SeriesPoint } from "../points.ts";
import type { Report } from "../types.ts";
import { passed } from "../verdict.ts";
import { againSection } from "./again.ts";
import { believeSection } from "./believe.ts";
import { connectionFigures } from "./connections.ts";
import { detailsSection } from "./details.ts";
import { type ReportDocument, type SparkLine, strong, type Text } from "./document.ts";
import { errorsSection } from "./errors.ts";
import { eventsSection } from "./events.ts";
import { findingsSection, leadOf } from "./findings.ts";
import { passSection } from "./pass.ts";
import { timeSection } from "./time.ts";

export function describeReport(report: Report): ReportDocument {
  return {
    title: `Load test of ${report.config.relays.join(", ")}: ${report.run.scenario}`,
    tone: toneOf(report),
    headline: headline(report),
    tested: testedRelays(report),
    outcome: [strong(`${outcomeOf(report)}.`)],
    lead: leadOf(report),
    keyFigures: keyFigures(report),
    sparkLines: sparkLines(report),
    sections: [
      believeSection(report),
      passSection(report),
      eventsSection(report),
      timeSection(report),
      errorsSection(report),
      findingsSection(report),
      againSection(report),
      detailsSection(report),
    ],
  };
}

function toneOf(report: Report): ReportDocument["tone"] {
  const { verdict } = report.generator;
  if (verdict === "invalid" || !passed(report)) return "bad";
  return verdict === "suspect" || !report.run.complete ? "warn" : "good";
}

function headline(report: Report): Text {
  const { generator, run } = report;
  const believed = {
    valid: "Valid",
    suspect: "Suspect",
    invalid: "INVALID: the figures say nothing about the relay",
  }[generator.verdict];
  const judged =
    generator.verdict === "invalid" ? "not judged" : passed(report) ? "passed" : "NOT PASSED";
  const cut = run.complete ? "" : "Cut off; ";
  const day = run.startedAt.slice(0, 16).replace("T", " ");
  return [strong(believed), ", ", strong(judged), `. ${cut}${day} UTC, run ${run.id}.`];
}

function keyFigures(report: Report): ReportDocument["keyFigures"] {
  if (report.config.connect !== undefined) return connectionFigures(report);
  const { row, totals, times, rate } = leadingOf(report);
  const unit = `${row.many}/s`;
  const [done, due] = [totals[row.done] ?? 0, totals[row.due] ?? 0];
  const share = due > 0 ? ` (${formatPercent(done / due)})` : "";
  return [
    { label: row.doneWord, value: `${formatCount(done)}${share}` },
    { label: "throughput", value: formatRate(rate.done, unit) },
    { label: "set rate", value: formatRate(rate.target, unit) },
    { label: "response p50", value: formatMs(times.response.p50) },
    { label: "response p99", value: formatMs(times.response.p99) },
    { label: "response p99.9", value: formatMs(times.response.p999) },
    { label: "service p50", value: formatMs(times.service.p50) },
    { label: "service p99", value: formatMs(times.service.p99) },
  ];
}

function sparkLines(report: Report): readonly SparkLine[] {
  const { resources } = report;
  const { row } = leadingOf(report);
  const series = pointsOf(report);
  const { sliceSec } = report.run;
  const due = dueBySlice(report);
  const ofPoints = (
    label: string,
    value: (point: SeriesPoint) => number | null,
    format: (value: number | null) => string,
  ) => line(label, series.map(value), format);
  const rate = (n: number | null) =>
    n === null ? "not measured" : formatRate(n / sliceSec, `${row.many}/s`);
  const cpu = (resources?.samples ?? []).filter((s) => s.process === "relay" && s.t >= 0);
  return [
    ofPoints(row.doneWord, (p) => p.accepted, rate),
    line(
      `not ${row.doneWord}`,
      series.map((point, i) => refused(point) + (due[i]?.unsent ?? 0)),
      rate,
    ),
    ofPoints("response p50", (p) => p.p50, formatMs),
    ofPoints("response p99", (p) => p.p99, formatMs),
    ...(cpu.some((s) => s.cpuPercent !== null)
      ? [
          line(
            "relay CPU",
            cpu.map((s) => s.cpuPercent),
            (n) => (n === null ? "not measured" : `${n.toFixed(0)} %`),
          ),
        ]
      : []),
  ];
}

function line(
  label: string,
  values: readonly (number | null)[],
  format: (value: number | null) => string,
): SparkLine {
  const known = values.filter((v) => v !== null);
  return { label, values, most: format(known.length === 0 ? null : Math.max(...known)) };
}

function refused(p: SeriesPoint): number {
  return p.rejected + p.timedOut + p.lost + p.duplicate + p.superseded + p.unheard;
}
