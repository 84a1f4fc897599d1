/** A run over time as charts and findings look at it: what the classes did in each slice, side by side. */

import type { ClassOfWork } from "../measure/class-of-work.ts";
import { leadingOf, serviceOf } from "./class-report.ts";
import type { ClassPoint } from "./class-types.ts";
import type { PointTimes } from "./times.ts";
import type { Report } from "./types.ts";

export interface SeriesPoint {
  /** Seconds from the start of the window to the start of the slice. */
  readonly t: number;
  readonly scheduled: number;
  readonly attempted: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly unheard: number;
  readonly rejected: number;
  readonly timedOut: number;
  readonly lost: number;
  /** Backpressure, no connection and an exhausted pool together, as far as the class has them. */
  readonly unsent: number;
  readonly connectionsOpen: number;
  /** Of those, with an answer or five seconds of life. */
  readonly connectionsProven: number;
  /** Clients that could use the relay; `null` where nobody asked. */
  readonly connectionsUsable: number | null;
  /** Response time in ms of what was answered in the slice; `null` when nothing was. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  /** Service time in ms of what was answered in the slice. */
  readonly serviceP50: number | null;
  readonly serviceP99: number | null;
  /** How late the generator was, in ms: to send what was due, to see what had come. */
  readonly scheduleLagP99: number | null;
  readonly loopLagP99: number | null;
  /** Queries by row that were answered in the slice. */
  readonly queryTimes: NonNullable<ClassPoint["rows"]>;
  /** Response times in coarse buckets, four to a doubling: index, count, index, count, … */
  readonly responseBuckets: readonly number[];
}

/** One point a slice, of the class that the scenario is about: what it did stands in the places of publishes. */
export function pointsOf(
  report: Pick<Report, "classes" | "generator" | "run">,
): readonly SeriesPoint[] {
  const { name, row } = leadingOf(report);
  const series = report.classes[name]?.series ?? [];
  const queries = report.classes.query?.series ?? [];
  const outcomesOf = readOutcomes(row);
  return report.classes.connection.series.map((connection, i) => {
    const point = series[i];
    const { response, ...times }: Partial<Readonly<Record<string, PointTimes>>> =
      point?.times ?? {};
    const service = serviceOf(times);
    return {
      t: connection.t,
      ...outcomesOf(point?.counts ?? {}),
      connectionsOpen: connection.open ?? 0,
      connectionsProven: connection.proven ?? 0,
      connectionsUsable: connection.usable ?? null,
      p50: response?.p50 ?? null,
      p90: response?.p90 ?? null,
      p95: response?.p95 ?? null,
      p99: response?.p99 ?? null,
      p999: response?.p999 ?? null,
      serviceP50: service?.p50 ?? null,
      serviceP99: service?.p99 ?? null,
      scheduleLagP99: point?.lagP99 ?? null,
      loopLagP99: report.generator.series[i]?.loopLagP99 ?? null,
      queryTimes: queries[i]?.rows ?? {},
      responseBuckets: point?.buckets ?? [],
    };
  });
}

type Outcomes = Pick<
  SeriesPoint,
  | "scheduled"
  | "attempted"
  | "accepted"
  | "duplicate"
  | "superseded"
  | "unheard"
  | "rejected"
  | "timedOut"
  | "lost"
  | "unsent"
>;

/** By the table: what was due and never sent, and what failed of the rest with an answer or without. */
function readOutcomes(row: ClassOfWork): (counts: Readonly<Record<string, number>>) => Outcomes {
  const { due, sent, done, fine, failed, identities } = row;
  const whole = identities.find(({ left }) => left === due)?.right ?? [];
  const unsent = whole.filter((column) => column !== sent);
  const unanswered = ["timedOut", "lost", ...unsent];
  const refused = failed.filter((column) => !unanswered.includes(column));
  return (counts) => {
    const sum = (columns: readonly string[]) =>
      columns.reduce((n, column) => n + (counts[column] ?? 0), 0);
    // A query has a column of this name too, of rows.
    const ifFine = (column: string) => (fine.includes(column) ? sum([column]) : 0);
    return {
      scheduled: sum([due]),
      attempted: sum([sent]),
      accepted: sum([done]),
      duplicate: ifFine("duplicate"),
      superseded: ifFine("superseded"),
      unheard: ifFine("unheard"),
      rejected: sum(refused),
      timedOut: sum(["timedOut"]),
      lost: sum(["lost"]),
      unsent: sum(unsent),
    };
  };
}
