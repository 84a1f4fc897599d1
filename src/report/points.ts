/** A run over time as charts and findings look at it: what the classes did in each slice, side by side. */

import type { ClassPoint } from "./class-types.ts";
import type { Report } from "./types.ts";
import { zerosOf } from "./zeros.ts";

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
  /** Backpressure, no connection and an exhausted pool together. */
  readonly unsent: number;
  readonly connectionsOpen: number;
  /** Of those, with an answer or five seconds of life. */
  readonly connectionsProven: number;
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

/** One point a slice, of the class that the scenario is about; queries in the places of publishes where there are none. */
export function pointsOf(report: Pick<Report, "classes" | "generator">): readonly SeriesPoint[] {
  const { publish, query } = report.classes;
  const queries = query?.series ?? [];
  const series = publish?.series ?? queries;
  return report.classes.connection.series.map((connection, i) => {
    const point = series[i];
    const { response, service } = point?.times ?? {};
    return {
      t: connection.t,
      ...(publish === undefined ? ofQueries(queries[i]) : ofPublishes(publish.series[i])),
      connectionsOpen: connection.open ?? 0,
      connectionsProven: connection.proven ?? 0,
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

function ofPublishes(point: ClassPoint<"publish"> | undefined): Outcomes {
  const { backpressure, noConnection, poolExhausted, ...outcomes } =
    point?.counts ?? zerosOf("publish");
  return { ...outcomes, unsent: backpressure + noConnection + poolExhausted };
}

function ofQueries(point: ClassPoint<"query"> | undefined): Outcomes {
  const c = point?.counts ?? zerosOf("query");
  return {
    scheduled: c.scheduled,
    attempted: c.sent,
    accepted: c.eose,
    duplicate: 0,
    superseded: 0,
    unheard: 0,
    rejected: c.closed + c.refusedByNotice,
    timedOut: c.timedOut,
    lost: c.lost,
    unsent: c.backpressure + c.noConnection + c.exhausted,
  };
}
