/** What a rule is: figures of one report in, at most one supported finding out. */
import type { ClassName } from "../../measure/classes.ts";
import { leadingOf } from "../class-report.ts";
import type { Evidence, Finding, Report } from "../types.ts";
import type { RunView } from "./view.ts";

/** A finding before it has its place among the others. */
export interface Draft extends Omit<Finding, "rank" | "id" | "page"> {
  /** Of the rule's `explains`, what this one does not explain, where its evidence says so. */
  readonly sparing?: readonly string[];
}

export interface Rule {
  readonly id: string;
  /** Rules whose findings are symptoms of this one, where both have one. */
  readonly explains: readonly string[];
  /** The classes of work that it is about: looked at in a run that does one of them. Publishing, if left out. */
  readonly of?: readonly ClassName[];
  /** Of causes it comes first, whatever the others cost: without it figures are of something else. */
  readonly isFirst?: true;
  /** It may find why nothing was sent at all, where the others have nothing to look at. */
  readonly ofNoData?: true;
  /** `null`: the evidence does not support it. */
  readonly find: (view: RunView) => Draft | null;
}

/** What an event that failed counts in ms of waiting. */
const FAILED_MS = 1_000;

/** Cost of events (or queries) that failed, in ms of waiting of a scheduled one. */
export function failureCost(events: number, report: Report): number {
  return shareOf(events, report) * FAILED_MS;
}

export function evidence(
  metric: string,
  value: Evidence["value"],
  reference: Evidence["reference"] = null,
): Evidence {
  return { metric, value: rounded(value), reference: rounded(reference) };
}

function rounded(value: Evidence["value"]): Evidence["value"] {
  return typeof value === "number" ? Math.round(value * 1_000) / 1_000 : value;
}

/** Share of what was due of the class that the scenario is about. */
export function shareOf(events: number, report: Report): number {
  const { row, totals } = leadingOf(report);
  const due = totals[row.due] ?? 0;
  return due === 0 ? 0 : events / due;
}

/** The first so many errors of a class, as evidence with their texts. */
export function errorEvidence(
  { errors }: Report,
  isMeant: (errorClass: string, code: string) => boolean,
): readonly Evidence[] {
  return errors
    .filter((error) => isMeant(error.class, error.code))
    .slice(0, 4)
    .map((e) => evidence(`errors.${e.class}/${e.code}`, e.count, e.example));
}

export function countErrors(
  { errors }: Report,
  isMeant: (errorClass: string, code: string) => boolean,
): number {
  return errors
    .filter((error) => isMeant(error.class, error.code))
    .reduce((sum, error) => sum + error.count, 0);
}
