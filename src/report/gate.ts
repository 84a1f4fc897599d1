/** What a CI gate shows of a report or a comparison: items that passed, failed or want attention. */
import type { Comparison } from "./compare/types.ts";
import { formatMs, formatPercent } from "./format.ts";
import { describeStored } from "./stored.ts";
import type { Audit, Report } from "./types.ts";
import { keptAll, lackingKinds } from "./verdict.ts";

export interface GateItem {
  readonly group: "verdict" | "threshold" | "audit" | "finding" | "comparison";
  readonly name: string;
  /** `skipped`: could not be judged and fails nothing. */
  readonly state: "passed" | "failed" | "warning" | "notice" | "skipped";
  readonly message: string;
}

export function gateOfReport(report: Report): readonly GateItem[] {
  const { generator: g, run, audit } = report;
  const invalid = g.verdict === "invalid" || !run.complete;
  const thresholds = report.thresholds.map(
    ({ metric, expression, value, ok }): GateItem => ({
      group: "threshold",
      name: `${metric}: ${expression}`,
      state: invalid ? "skipped" : ok === true ? "passed" : "failed",
      message: invalid
        ? "not judged: the run is invalid or incomplete"
        : `${ok === true ? "met" : ok === null ? "no data" : "crossed"}, value ${value === null ? "no data" : Number(value.toFixed(4))}`,
    }),
  );
  const reasons = [...g.reasons, ...(run.complete ? [] : [run.stopReason ?? "incomplete"])];
  return [
    {
      group: "verdict",
      name: `the run is ${run.complete ? g.verdict : "incomplete"}`,
      state: invalid ? "failed" : g.verdict === "suspect" ? "warning" : "passed",
      message: reasons.join("; ") || "the figures may be believed",
    },
    ...thresholds,
    {
      group: "audit",
      name: "acknowledged events are stored",
      state: audit === null ? "skipped" : keptAll(audit) ? "passed" : "failed",
      message:
        audit === null
          ? "not measured"
          : `${audit.missingCount} missing of ${audit.checked} read back${storedLine(audit)}`,
    },
    ...report.findings.map(
      (f): GateItem => ({
        group: "finding",
        name: f.title,
        state: f.severity === "info" ? "notice" : "warning",
        message: `${f.severity}: ${f.remediation}`,
      }),
    ),
  ];
}

function storedLine(audit: Audit): string {
  const { stored } = audit;
  return stored === undefined || lackingKinds(audit).length === 0
    ? ""
    : `; ${describeStored(stored)}`;
}

/** The items of repeated runs, each named by its place; a finding once, with how many runs it is in. */
export function gateOfSet(reports: readonly Report[]): readonly GateItem[] {
  const all = reports.map((report) => gateOfReport(report));
  const findings = all.flat().filter(({ group }) => group === "finding");
  const once = findings.filter(({ name }, i) => findings.findIndex((f) => f.name === name) === i);
  return [
    ...all.flatMap((items, i) =>
      items
        .filter(({ group }) => group !== "finding")
        .map((item) => ({ ...item, name: `run ${i + 1}: ${item.name}` })),
    ),
    ...once.map((item) => {
      const runs = findings.filter(({ name }) => name === item.name).length;
      return { ...item, message: `in ${runs} of ${reports.length} runs; ${item.message}` };
    }),
  ];
}

/** One item for all and one a figure; figures that don't compare are skipped. */
export function gateOfComparison(c: Comparison): readonly GateItem[] {
  const overall = {
    worse: "failed",
    better: "passed",
    same: "passed",
    notComparable: "failed",
  } as const;
  const states = { ...overall, notComparable: "skipped" } as const;
  return [
    {
      group: "verdict",
      name: `compared with ${c.base.label}: ${c.verdict === "notComparable" ? "not comparable" : c.verdict}`,
      state: overall[c.verdict],
      message: c.obstacles.join("; ") || `noise from ${c.noise}`,
    },
    ...c.figures.map((f): GateItem => {
      const value = (v: number | null) => (f.unit === "ms" ? formatMs(v) : String(v));
      const change = f.change === null ? "" : ` (change ${signedPercent(f.change)})`;
      const values =
        f.unit === "share"
          ? `${formatPercent(f.base)} then ${formatPercent(f.next)}`
          : `${value(f.base)} then ${value(f.next)}${change}`;
      return {
        group: "comparison",
        name: f.name,
        state: states[f.verdict],
        message: `${f.verdict}: ${values}, ${f.why}`,
      };
    }),
  ];
}

function signedPercent(change: number): string {
  return `${change < 0 ? "−" : "+"}${(Math.abs(change) * 100).toFixed(1)} %`;
}
