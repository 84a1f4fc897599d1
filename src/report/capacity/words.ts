/** Loads and thresholds in the words of a sentence. */
import {
  BACKLOG,
  type FailedThreshold,
  type Scale,
  UNREADY,
  UNSENT,
} from "../../capacity/result.ts";
import { subjectOf, timeOf } from "../../capacity/subject.ts";
import type { ClassOfWork } from "../../measure/class-of-work.ts";
import { CLASS_NAMES, classOf } from "../../measure/classes.ts";
import { isScenario, SCENARIOS } from "../../plan/scenarios.ts";
import { formatBytes, formatCount, formatMs, formatPercent } from "../format.ts";

/** What a load is a number of, by its scale and what leads the scenario. */
export type LoadUnit = "connections" | "subscribers" | "subscriptions a topic" | `${string}/s`;

export function loadUnit(scale: Scale, scenario: string): LoadUnit {
  switch (scale) {
    case "clients":
      return "connections";
    case "subscribers":
      return "subscribers";
    case "fanout":
      return "subscriptions a topic";
    case "connect-rate":
      return "handshakes/s";
    case "query-rate":
      return "queries/s";
    case "rate":
      return `${leadOf(scenario).many}/s`;
  }
}

/** Of what is offered and done, whatever the load is a number of. */
export function doneUnit(scenario: string): `${string}/s` | "connections" {
  const { many } = classOf(subjectOf(scenario));
  return many === "connections" ? many : `${many}/s`;
}

/** What this generator reaches, where it was calibrated. */
export function ceilingUnit(scenario: string): `${string}/s` {
  return `${leadOf(scenario).many}/s`;
}

/** The time that is shown beside a load, as a sentence has it: `response`, or `time until usable`. */
export function timeWords(scenario: string): string {
  return TIMES[timeOf(subjectOf(scenario))] ?? "";
}

/** Whose time it is, where that has to be said. */
export function ofSubject(scenario: string): string {
  const subject = subjectOf(scenario);
  if (subject === "connection") return " until usable";
  return subject === "delivery" ? " of deliveries" : "";
}

/** Times by their names in a class. */
const TIMES: Readonly<Record<string, string>> = {
  response: "response",
  usable: "time until usable",
  connect: "handshake",
};

/** `2,140 events/s`; a load below a hundred keeps the digits that it was tried with. */
export function formatLoad(load: number, unit: LoadUnit): string {
  return `${formatNumber(load)} ${unit}`;
}

export function formatNumber(load: number): string {
  return load < 100 ? String(Number(load.toFixed(2))) : formatCount(load);
}

/** What was done, under a heading that has the unit. */
export function formatDone(perSec: number): string {
  return perSec < 100 ? perSec.toFixed(1) : formatCount(perSec);
}

type Kind = "ms" | "share" | "count" | "bytes" | "percent" | "number";

interface ThresholdWords {
  /** `response p99`, as a sentence has it. */
  readonly name: string;
  readonly kind: Kind;
}

/** What a threshold of an objective is about: `metric: expression`, or the growth of the backlog. */
export function wordsOf(threshold: string, scenario: string): ThresholdWords {
  if (threshold === UNSENT) {
    return { name: `the number of ${leadOf(scenario).many} never sent`, kind: "count" };
  }
  if (threshold === UNREADY) {
    return { name: "the number of subscriptions that were not ready", kind: "count" };
  }
  if (threshold === BACKLOG) return { name: BACKLOG, kind: "share" };
  const [, metric = threshold, tag, expression = ""] =
    /^([^{:]+)(?:\{[^:]*:([^}]*)\})?:\s*(.*)$/.exec(threshold) ?? [];
  const aggregation = aggregationOf(expression);
  for (const name of CLASS_NAMES) {
    const row = classOf(name);
    const { trends, counters, failed } = row.metrics;
    // Of what it is told by nobody has to be told of what.
    const of = tag ? ` of ${tag}` : name === subjectOf(scenario) ? "" : ` of ${row.many}`;
    const time = keyOf(trends, metric);
    if (time !== null) return { name: `${TIMES[time] ?? time} ${aggregation}${of}`, kind: "ms" };
    if (metric === failed) return { name: `the share of failed ${row.many}`, kind: "share" };
    const column = keyOf(counters, metric);
    if (column !== null) {
      const kind = /^rate\b/.test(expression) ? "number" : "count";
      const what = column === "unanswered" ? "probes" : row.many;
      return { name: `the number of ${what} ${spaced(column)}`, kind };
    }
  }
  const kind = metric.endsWith("_bytes")
    ? "bytes"
    : metric.endsWith("_percent")
      ? "percent"
      : "number";
  return { name: `${metric} ${aggregation}`.trim(), kind };
}

/** `1.31 s, limit 1.00 s`. */
export function describeMiss(
  { threshold, value, limit }: FailedThreshold,
  scenario: string,
): string {
  const { kind } = wordsOf(threshold, scenario);
  const told = value === null ? "no data" : formatKind(value, kind);
  return limit === null ? told : `${told}, limit ${formatKind(limit, kind)}`;
}

export function formatKind(value: number, kind: Kind): string {
  switch (kind) {
    case "ms":
      return formatMs(value);
    case "share":
      return formatPercent(value);
    case "count":
      return formatCount(value);
    case "bytes":
      return formatBytes(value);
    case "percent":
      return `${value.toFixed(1)} %`;
    default:
      return String(Number(value.toFixed(2)));
  }
}

function leadOf(scenario: string): ClassOfWork {
  return classOf(isScenario(scenario) ? SCENARIOS[scenario].leads : "publish");
}

function aggregationOf(expression: string): string {
  const [, percent, name = ""] = /^(?:p\(([\d.]+)\)|([a-z]+))/.exec(expression) ?? [];
  if (percent !== undefined) return `p${percent}`;
  return { med: "p50", avg: "mean", max: "maximum", min: "minimum" }[name] ?? name;
}

function keyOf(names: Readonly<Record<string, string>>, wanted: string): string | null {
  return Object.entries(names).find(([, name]) => name === wanted)?.[0] ?? null;
}

function spaced(column: string): string {
  return column.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
