/** What a report says of one class of work. A class that the scenario does not do is not in the report. */
import type { ClassName, CountsOf, TimeOf } from "../measure/classes.ts";
import type { LagSummary, LatencySummary, PointTimes } from "./times.ts";

/** An identity as it came out. */
export interface IdentityReport {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly balances: boolean;
}

export interface ClassPoint<C extends ClassName = ClassName> {
  /** Seconds from the start of the window to the start of the slice. */
  readonly t: number;
  readonly counts: CountsOf<C>;
  /** In ms, of what ended in the slice. */
  readonly times: Readonly<Record<TimeOf<C>, PointTimes>>;
  /** Of the class's first time, by row; of classes that show it. */
  readonly rows?: Readonly<Record<string, Pick<PointTimes, "count" | "p50" | "p99">>>;
  /** Of the class's first time in coarse buckets, four to a doubling: index, count, index, count, … */
  readonly buckets: readonly number[];
  /** How late its schedule was, ms. */
  readonly lagP99: number | null;
  /** Of connections: how many were open at the slice's end; of those, with an answer or five seconds of life. */
  readonly open?: number;
  readonly proven?: number;
  /** Where connections lead: clients that could use the relay. */
  readonly usable?: number;
}

export interface ClassRowReport<C extends ClassName = ClassName> {
  readonly totals: CountsOf<C>;
  readonly times: Readonly<Record<TimeOf<C>, LatencySummary>>;
}

export interface ClassReport<C extends ClassName = ClassName> {
  readonly totals: CountsOf<C>;
  /** What the warm-up did, apart from the totals; of classes that have one. */
  readonly warmup: CountsOf<C> | null;
  readonly identities: readonly IdentityReport[];
  readonly times: Readonly<Record<TimeOf<C>, LatencySummary>>;
  /** How late its schedule was; `null` of classes without one. */
  readonly lag: LagSummary | null;
  /** A second: set by the plan (`null` where it sets none), sent, and done within the window. */
  readonly rate: { readonly target: number | null; readonly sent: number; readonly done: number };
  readonly rows: Readonly<Record<string, ClassRowReport<C>>>;
  readonly series: readonly ClassPoint<C>[];
}

/** Parts that settled sets of a type lack, the first being 0; the kinds that such a part may have. */
export interface LackingPart {
  readonly part: number;
  readonly kinds: readonly number[];
  readonly count: number;
}

/** Members that one class alone has. */
interface OwnMembers {
  readonly publish: {
    /** Service time by relay, in the order of `config.relays`; empty for one relay. */
    readonly byRelay: readonly { readonly relay: string; readonly service: LatencySummary }[];
  };
  readonly set: { readonly lacking: Readonly<Record<string, readonly LackingPart[]>> };
}

type ClassReportOf<C extends ClassName> = ClassReport<C> &
  (C extends keyof OwnMembers ? OwnMembers[C] : unknown);

/** Every run has connections. */
export type ClassReports = {
  readonly [C in Exclude<ClassName, "connection">]?: ClassReportOf<C>;
} & { readonly connection: ClassReportOf<"connection"> };
