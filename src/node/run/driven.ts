/** A run from what was asked to what came of it: each step adds what it found out. */

import type { MetricsSink } from "../../guard/metrics-sink.ts";
import type { KeptOptions } from "../../plan/kept-options.ts";
import type { Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import type { Epoch } from "../../pool/times.ts";
import type { CorpusReport, KnownEvents, Report, SlowReaders } from "../../report/types.ts";
import type { Readers } from "../audit/readers.ts";
import type { Counts } from "../audit/stored.ts";
import type { Calibration } from "../calibrate/figures.ts";
import type { CompanionResult } from "../companion/companion.ts";
import type { SideUrl } from "../companion/relay-metrics.ts";
import type { Admission } from "../guard/gate.ts";
import type { K6Outcome } from "../k6/supervise.ts";
import type { LiveRun } from "../live.ts";
import type { Builders } from "../pool/builders.ts";
import type { ReplayTimes } from "../pool/replay-event.ts";
import type { Preflight } from "../preflight/preflight.ts";
import type { Profiled, Profiler } from "../profile/profiler.ts";
import { SINK_SOFTWARE } from "../relay/sink.ts";
import type { K6Binary } from "../setup/attempt.ts";
import type { Terminal } from "../terminal.ts";
import type { PoolChoice, TakenPool } from "./pool.ts";

/** Opens the pool of a plan, or makes it. */
type TakePool = (plan: Plan, choice: PoolChoice) => Promise<TakenPool>;

export interface RunRequest {
  readonly plan: Plan;
  /** The options as they were given, for the report. */
  readonly kept: KeptOptions;
  readonly poolDir: string | undefined;
  /** When the events of a pool to be made were written; by default what the relays take. */
  readonly epoch?: Epoch | undefined;
  /** The most that pools made by runs may take together. */
  readonly mostPoolBytes: number;
  /** A person said how long the window is: a replay is not played longer. */
  readonly durationGiven: boolean;
  /** Makes `poolDir`, which is a file's, again: of those events whose ages the relays take. */
  readonly replay?: ((times: ReplayTimes) => Promise<string | undefined>) | undefined;
  /** The user's own builders, where the mix names them. */
  readonly builders?: Builders | undefined;
  readonly relayPid: number | undefined;
  /** Where the relay serves Prometheus text. */
  readonly relayMetrics?: string | undefined;
  /** A line for the shell that restarts the relay, where connections are to recover from that. */
  readonly restartRelay?: string | undefined;
  /** Takes a profile of the relay over the window. */
  readonly profiler?: Profiler | undefined;
  /**
   * Asks no relay beforehand, and starts on a machine that seems too small or at a rate that is near
   * its ceiling; the guard stays.
   */
  readonly force?: boolean;
  /** Measure this generator first when there are no figures of it; those kept are used anyway. */
  readonly mayCalibrate?: boolean;
  /** Certificates trusted beside the system's, PEM. */
  readonly ca?: string | undefined;
  /** Read back what the relay acknowledged, after the run. */
  readonly audit?: boolean;
  /** What a person says about the relay, for the report. */
  readonly relayNote?: string | null;
  /** Where k6 sends its metrics while it runs. */
  readonly metricsSink?: MetricsSink | null;
  /** Set where this is one run of several, each with a pool of its own. */
  readonly trial?: {
    /** Where what is published comes from. */
    readonly takePool: TakePool;
    /** Of the events that are asked about: they are the same in all of the runs. */
    readonly corpusSeed: string;
    /** Awaited when all is there, before anything is sent. */
    readonly onReady: () => Promise<void>;
  };
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Of a run that several share: which part this is, and who takes what it measured. */
export interface OwnPart {
  readonly index: number;
  readonly startAtMs: number | null;
  readonly onFigures: (line: string) => void;
}

export interface Drive extends Omit<RunRequest, "poolDir"> {
  readonly part?: OwnPart;
  readonly k6: K6Binary;
  readonly calibration: Calibration | null;
  readonly admissions: readonly Admission[];
  readonly preflight: Pick<Preflight, "answers" | "left" | "findings">;
  readonly metricsAt: SideUrl | null;
  /** `null` without a pool. */
  readonly poolDir: string | null;
  readonly pool: PoolManifest;
  readonly runId: string;
  readonly runDir: string;
  /** What the relays had of the pool already; `null` where none was asked. */
  readonly known: KnownEvents | null;
  /** What is asked about; `null` where nothing is. */
  readonly corpus: CorpusReport | null;
  /** Connections to read back by, held over the run where it is audited. */
  readonly readers: Readers;
  /** What the relays held of the pool's kinds before the run. */
  readonly before: Counts;
  readonly metricsUrl: string | null;
}

export interface Driven extends Drive {
  readonly live: LiveRun;
  readonly outcome: K6Outcome;
  readonly companion: CompanionResult;
  readonly profiled: Profiled;
  /** What relays said to handshakes of our own; `null` when none was made. */
  readonly handshakes: NonNullable<Report["handshakes"]> | null;
  /** `null` where the run had none. */
  readonly slowReaders: SlowReaders | null;
  readonly startedAtMs: number;
}

/** Why without an audit nothing is asked for behind the run; `null` where it is. */
export function whyNoSpots({ preflight: { answers } }: Pick<Drive, "preflight">): string | null {
  if (answers.length === 0) return "no relay was asked (--force, and no --audit)";
  const isSink = answers.some(({ information }) => information.software === SINK_SOFTWARE);
  return isSink ? "a sink keeps nothing" : null;
}

/** The kinds of a pool. */
export function kindsOf({ expected = {} }: PoolManifest): readonly number[] {
  return Object.keys(expected).map(Number);
}
