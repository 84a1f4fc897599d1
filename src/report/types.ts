/** The report: the JSON that tools read. `schema.json` beside this file says the same as JSON Schema. */
import type { ClassName } from "../measure/classes.ts";
import type { Reason } from "../nostr/reason.ts";
import type { ConnectPlan } from "../plan/connect.ts";
import type { FanoutPlan } from "../plan/fanout.ts";
import type { Pacing } from "../plan/pacing.ts";
import type { QueryPlan } from "../plan/query.ts";
import type { CorpusFacts, PoolSource } from "../pool/format.ts";
import type { LeftOut } from "../pool/left-out.ts";
import type { ClassReports } from "./class-types.ts";
import type { ConnectionCosts, KernelCounts } from "./cost-types.ts";
import type { LagSummary, LatencySummary, LoopPoint } from "./times.ts";

export const REPORT_SCHEMA = "k6-nostr/report@2";

/** Lowest and highest of a figure over equal parts of the window; `null` when a part had no answer. */
export type Band = readonly [lowest: number, highest: number] | null;

/**
 * How far figures moved within the run: over tenths of the window. A run with the same seed against the
 * same relay in the same state is expected within; what lies beyond is a difference.
 */
export interface Noise {
  readonly parts: number;
  readonly classes: Partial<Readonly<Record<ClassName, ClassNoise>>>;
}

export interface ClassNoise {
  /** Of the class's first time, ms. */
  readonly responseP50: Band;
  readonly responseP99: Band;
  readonly donePerSec: Band;
}

export interface ReportError {
  readonly class: string;
  readonly code: string;
  /** What the relay's words mean; `null` where it said none. Reports from before texts were read have none. */
  readonly reason?: Reason | null;
  readonly count: number;
  /** Share of the scheduled events; of the connections tried for class `connect` and `close`. */
  readonly share: number | null;
  readonly firstAtSec: number;
  readonly example: string;
  readonly stack: string | null;
  /** Of errors of single events: how many of each type. Reports from before have none. */
  readonly byType?: Readonly<Record<string, number>>;
}

/** One look at a process tree or at the host; what could not be had is `null`. */
export interface ResourceSample {
  /** Seconds from the start of the measured window; negative before it. */
  readonly t: number;
  /** `proxy`: what holds the relay's port for it. */
  readonly process: "relay" | "generator" | "host" | "proxy";
  /** Percent of one core, for `host` of all cores together. */
  readonly cpuPercent: number | null;
  /** Of the thread with the most, percent of one core. Reports from before it was looked at have none. */
  readonly busiestThreadPercent?: number | null;
  /** Time in which this same thread was ready to run and had no processor. */
  readonly waitedForCpuPercent?: number | null;
  readonly rssBytes: number | null;
  /** Of it, what is of no file: without the pages of a store that is mapped. */
  readonly anonBytes?: number | null;
  readonly openFiles: number | null;
  readonly threads: number | null;
  readonly diskWriteBytesPerSec: number | null;
  readonly contextSwitchesPerSec: number | null;
  /** Received, over all interfaces; of the relay only where its network is not the host's. */
  readonly networkBytesPerSec: number | null;
  /** Share of time in which some task waited for it, percent; of the host. */
  readonly pressure: {
    readonly cpu: number | null;
    readonly io: number | null;
    readonly memory: number | null;
  } | null;
}

/** A figure of the relay's own metrics, by its Prometheus name with labels: first and last look. */
export interface RelayMetric {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/** Seconds from the start of the window; `null`: from before it, until behind its end. */
interface ProcessSpan {
  readonly pid: number;
  readonly fromSec: number | null;
  readonly untilSec: number | null;
}

export interface PortProxy {
  readonly name: string;
  readonly pids: readonly number[];
}

/**
 * The relay's port, tried while no connection was open, seconds from the start of the window; `null`: it was
 * never refused, or took no connection any more.
 */
interface PortLooks {
  readonly firstRefusedSec: number | null;
  readonly lastRefusedSec: number | null;
  readonly firstOpenSec: number | null;
}

export interface Resources {
  readonly samples: readonly ResourceSample[];
  /** Which process was taken for the relay, and how it was found. */
  readonly relayProcess: string | null;
  /** The processes in its place, one after another where it was started again. Reports from before have none. */
  readonly relayProcesses?: readonly ProcessSpan[];
  /** What takes the connections and hands them on to the relay; `null` where nothing was seen to. */
  readonly proxy?: PortProxy | null;
  /** Open files that the relay's process may have; `null`: it was not seen. Reports from before have none. */
  readonly relayFileLimit?: number | null;
  /** Times in which no connection was open, as the relay's port was then. Reports from before have none. */
  readonly portLooks?: readonly PortLooks[];
  readonly relayMetrics: readonly RelayMetric[];
  /** `null`: it does not say. Reports from before it was asked have none. */
  readonly kernel?: KernelCounts | null;
  readonly notMeasured: readonly { readonly what: string; readonly why: string }[];
}

/** Where a process spent its CPU time, by a profiler. */
export interface Profile {
  readonly source: "inspector" | "pprof" | "cpuprofile" | "perf";
  readonly process: string;
  readonly samples: number;
  /** By self time, the most first. */
  readonly functions: readonly {
    readonly name: string;
    readonly file: string | null;
    readonly selfPercent: number;
  }[];
}

export type VerdictState = "valid" | "suspect" | "invalid";

/** One signal of the verdict: what was measured, what it was held against, what it says. */
export interface Signal {
  readonly id: string;
  readonly value: number | null;
  readonly unit: string;
  readonly suspectAbove: number | null;
  readonly invalidAbove: number | null;
  readonly state: VerdictState | "notMeasured";
  readonly text: string;
}

export interface GeneratorReport {
  readonly verdict: VerdictState;
  readonly reasons: readonly string[];
  readonly signals: readonly Signal[];
  /** Of all schedules together; each class has its own. */
  readonly scheduleLag: LagSummary;
  readonly loopLag: LagSummary;
  readonly series: readonly LoopPoint[];
  readonly cpuPercent: {
    readonly generator: number | null;
    readonly host: number | null;
  };
  /** Publishes in flight on average, counted; and as Little's law has it: rate × mean service time. */
  readonly inFlight: { readonly mean: number | null; readonly littlesLaw: number | null };
  /** Share of the looks at a connection that found more than one frame not yet written to it. */
  readonly sendBacklog: number | null;
  readonly clockDriftMs: number | null;
  /** Times that came out below zero. */
  readonly clockViolations: number;
  readonly startSkewMs: number | null;
  /** Highest rate this generator reached against the sink; `null` when not calibrated. */
  readonly ceilingEps: number | null;
  /** Most that it read of the sink's rows; `null` when not measured. */
  readonly receive?: ReceiveFigures | null;
  readonly floorMs: number | null;
  /** Of runs that several k6 processes shared. */
  readonly several?: Several;
}

/** A report before its generator is judged, and what it is judged by. */
export type Measured = Omit<Report, "generator">;
export type Figures = Omit<GeneratorReport, "verdict" | "reasons" | "signals">;

/** One of several k6 processes that shared the load. */
export interface InstanceReport {
  readonly index: number;
  /** All that it handed out is there. */
  readonly complete: boolean;
  /** Start of its k6, ms behind the first one's by their clocks; `null` where it handed out nothing. */
  readonly startedMs: number | null;
  /** How long before the agreed start its last VU was ready; `null` without such a start. */
  readonly slackMs: number | null;
  readonly scheduleLag: LagSummary;
  readonly loopLag: LagSummary;
  readonly clockDriftMs: number | null;
  /** Its clock against the relay's; `null` where it was not held against it. */
  readonly clock: ClockReading | null;
  readonly host: Report["run"]["host"];
  readonly cpuPercent: GeneratorReport["cpuPercent"];
  readonly ceilingEps: number | null;
  readonly receive: ReceiveFigures | null;
}

/** A relay's clock, by the `Date` of its answers, minus one's own, and by how much that may be wrong. */
export interface ClockReading {
  readonly aheadMs: number;
  readonly uncertainMs: number;
}

/** Of a run that several k6 processes shared. */
export interface Several {
  readonly expected: number;
  /** Of which nothing is there, by index. */
  readonly missing: readonly number[];
  /** Of which two processes loaded the relay. */
  readonly twice: readonly number[];
  readonly each: readonly InstanceReport[];
}

/** What was found before a run, and what to do about it. */
interface Advice {
  readonly id: string;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

export interface ReceiveFigures {
  readonly rowsPerSec: number;
  readonly bytesPerSec: number;
}

/** A figure and what it was held against. */
export interface Evidence {
  readonly metric: string;
  readonly value: number | string | null;
  readonly reference: number | string | null;
}

export interface Finding {
  readonly rank: number;
  readonly id: string;
  readonly severity: "critical" | "major" | "minor" | "info";
  /** How sure it is that this is the cause; lower where evidence that could contradict is missing. */
  readonly confidence: "high" | "medium" | "low";
  readonly title: string;
  readonly evidence: readonly Evidence[];
  /** What would speak against it, and was looked at. */
  readonly counterEvidence: readonly Evidence[];
  readonly remediation: string;
  readonly labels: readonly string[];
  /**
   * For the ranking: ms of waiting of a scheduled event that go to its account; an event that failed
   * counts as a second.
   */
  readonly cost: number;
  /** The page about it, in the project. */
  readonly page: string;
}

export interface ThresholdResult {
  readonly metric: string;
  readonly expression: string;
  readonly value: number | null;
  /** `null`: there was nothing to judge, which fails the run. */
  readonly ok: boolean | null;
}

export interface Audit {
  readonly checked: number;
  readonly found: number;
  /** The first hundred ids; `missingCount` is the number of all. */
  readonly missing: readonly string[];
  readonly missingCount: number;
  /** Acknowledged events that need not be there: ephemeral, expired, replaced by a newer version. */
  readonly excused: number;
  /** Acknowledged in all; `checked` is a stated sample when it is smaller. */
  readonly acknowledged: number;
  /** Some ids only, since no audit was asked for. */
  readonly spot?: boolean;
  /** What came to be stored, kind by kind. Reports from before it was counted have none. */
  readonly stored?: Stored;
}

/** Events of the pool that the relays were asked for before the run. */
export interface KnownEvents {
  readonly asked: number;
  readonly found: number;
  /** Why a relay did not say; `null` when all did. */
  readonly why: string | null;
}

export interface Stored {
  /** By kind, the lowest first; `null` where it could not be counted: `why` says why. */
  readonly kinds: readonly StoredKind[] | null;
  readonly why: string | null;
}

export interface StoredKind {
  readonly kind: number;
  /** Accepted publishes. */
  readonly accepted: number;
  /** What they leave on a relay that deletes nothing (NIP-01). */
  readonly expectedStored: number;
  /** So many of those are gone on a relay that deletes (NIP-09). */
  readonly deleted: number;
  /** By so many that may be more or less, where accepted events are known by a sample. */
  readonly margin?: number;
  /** What the relays hold more than before. */
  readonly counted: number;
  /** How far that is from what is expected, with or without deletions; 0 when it is as expected. */
  readonly delta: number;
}

/** A dedicated relay's consent as it was read before the run. */
export interface ConsentProof {
  readonly host: string;
  /** Last day, `YYYY-MM-DD`, UTC. */
  readonly until: string;
  readonly source: "well-known" | "nip-11";
  /** SHA-256 of what was read, hex. */
  readonly digest: string;
}

/** Who was tested, as far as it says so itself (NIP-11). */
export interface TestedRelay {
  readonly label: string;
  /** The address that was dialled. */
  readonly address: string | null;
  readonly software: string | null;
  readonly version: string | null;
  /** Limits on questions that it announces (NIP-11), `null` for none. Missing where it was not asked. */
  readonly limits?: Readonly<Record<QueryLimit, number | null>>;
}

type QueryLimit = "max_subscriptions" | "max_filters" | "max_limit";

/** Connections that the relay, or what stands before it, ended. */
export interface Ends {
  /** Before an answer or five seconds of life; of those, with an event in flight. */
  readonly unproven: number;
  readonly onPublish: number;
  /** With nothing in flight: how long before their end the last frame from the relay, and to it. */
  readonly quiet: LatencySummary;
  readonly unused: LatencySummary;
  /** From opening to end. */
  readonly life: LatencySummary;
  /** So many answers came on so many connections; the most frequent ones. */
  readonly answers: readonly { readonly answers: number; readonly count: number }[];
  /** Seconds into the window of the first and the last end; negative before it. */
  readonly firstAtSec: number;
  readonly lastAtSec: number;
}

/** Handshakes that the CLI made itself when k6's failed or were slow: k6 tells neither the HTTP status nor the parts of a time. */
interface Handshakes {
  readonly asked: number;
  readonly answers: readonly {
    /** 101: the connection was opened; `null`: no answer of HTTP. */
    readonly status: number | null;
    /** The relay's words, where a redirect leads, or why there was no answer. */
    readonly text: string;
    /** What the answer says that it comes from, whether its text is of that too, and what it passed on its way. */
    readonly by?: string;
    readonly isOwn?: true;
    readonly via?: string;
    readonly count: number;
  }[];
  /** Medians of those that led to a connection, ms; left out where none did. */
  readonly parts?: {
    readonly count: number;
    readonly tcp: number;
    /** `null` without TLS. */
    readonly tls: number | null;
    readonly upgrade: number;
  };
}

/** Peers that subscribed and hardly read, which the command line made: k6 can't. */
export interface SlowReaders {
  readonly readers: number;
  /** Read by each of them; 0: nothing. */
  readonly bytesPerSec: number;
  /** All of the run's topics, and those that each of them subscribed to, so many times over. */
  readonly topics: number;
  readonly topicsEach: number;
  readonly subscriptions: number;
  /** When they had their EOSE and read slowly from then on, seconds of the window; `null`: none got so far. */
  readonly fromSec: number | null;
  readonly opened: number;
  /** Why others were not. */
  readonly refused: readonly { readonly how: string; readonly count: number }[];
  /** Bytes that they took while it went on, and behind its end, when they read all that was still there. */
  readonly bytes: number;
  readonly drainedBytes: number;
  /** EVENT frames in all of them. */
  readonly frames: number;
  /** Most that the system held for all of them at once, at both ends; `null` where it does not say. */
  readonly heldBytes: number | null;
  /** Connections that were cut: seconds of the window, `null` where only the end showed it. */
  readonly ends: readonly {
    readonly how: string;
    readonly count: number;
    readonly firstSec: number | null;
    readonly lastSec: number | null;
  }[];
}

/** The events that a run asked about, and how they came into the relays; sums over all relays. */
export interface CorpusReport extends CorpusFacts {
  /** `null` where the relays were asked about what they held: nothing was sent. */
  readonly loading: {
    /** Events that were published before the run and new to the relay. */
    readonly loaded: number;
    /** Events that did not have to be. */
    readonly alreadyThere: number;
    /** By relay, whether its COUNTs can count nothing but the corpus; left out where nothing is counted. */
    readonly ownCounts?: readonly boolean[];
    /** Left out of what is expected, by the relay's words. */
    readonly refused: readonly { readonly reason: string; readonly count: number }[];
    readonly loadSec: number;
  } | null;
}

export interface Report {
  readonly schema: typeof REPORT_SCHEMA;
  readonly run: {
    readonly id: string;
    readonly scenario: string;
    readonly startedAt: string;
    readonly endedAt: string;
    /** Length of the measured window as it was, seconds. */
    readonly durationSec: number;
    /** Length of a slice: points of series are so far apart. */
    readonly sliceSec: number;
    /** Every planned VU handed in its last slice. */
    readonly complete: boolean;
    readonly stopReason: string | null;
    /** Of a run that was cut off, by class and column: what was under way, where it stands as a failure. */
    readonly cutOff?: Partial<Readonly<Record<ClassName, Readonly<Record<string, number>>>>>;
    readonly sameHost: boolean | null;
    readonly tool: string;
    readonly k6: string | null;
    readonly planHash: string;
    /** What a person said about the relay: image, version, limits; nobody checked it. */
    readonly relayNote: string | null;
    /** In the order of `config.relays`. Reports from before it was asked have none. */
    readonly relays?: readonly TestedRelay[];
    /** Proofs of consent that this run rested on; empty for relays that need none. */
    readonly proofs: readonly ConsentProof[];
    readonly host: {
      readonly cpus: number | null;
      readonly memoryBytes: number | null;
      readonly platform: string | null;
    };
  };
  readonly config: {
    /** What `--config` reads, so that it is the same run: option → text. Reports from before have none. */
    readonly options?: Readonly<Record<string, string>>;
    /** Options that were given too, and are not kept: secrets, paths of one machine, consent. */
    readonly withheld?: readonly string[];
    /** What was asked; `null` where queries do not lead. */
    readonly query?: QueryPlan | null;
    /** Who subscribed; `null`: nobody. Reports from before have none. */
    readonly fanout?: FanoutPlan | null;
    /** What connections did, where they lead. */
    readonly connect?: ConnectPlan;
    readonly relays: readonly string[];
    readonly clients: number;
    readonly durationSec: number;
    readonly warmupSec: number;
    readonly rateEps: number;
    readonly mix: Readonly<Record<string, number>>;
    readonly seed: string;
    readonly arrival: string;
    readonly maxInFlight: number;
    readonly connectConcurrency: number;
    readonly ackTimeoutMs: number;
    /** Each connection is pinged so often, 0: never. Reports from before these three have none. */
    readonly pingSec?: number;
    /** Names of the user's own headers. */
    readonly headers?: readonly string[];
    readonly clientIpHeader?: string | null;
    /** Addresses that connections could come from; 0: where the system has them come from. Later ones have it. */
    readonly localIps?: number;
    /** permessage-deflate was offered. Later ones have it. */
    readonly compression?: boolean;
    readonly vus: number;
    /** How closely it kept to its schedule (`src/plan/pacing.ts`). Reports from before have none. */
    readonly pacing?: Pacing;
    readonly pool: {
      readonly id: string;
      readonly events: number;
      readonly bytes: number;
      /** Where events come from that are not the kit's own; `null` when all are. */
      readonly source: PoolSource | null;
      /** What of a replayed file was not sent; empty for other pools. Reports from before have none. */
      readonly leftOut?: readonly LeftOut[];
      /** By type: kinds that its events may have, empty where the pool doesn't know; mean size of its frames. */
      readonly types: Readonly<
        Record<string, { readonly kinds: readonly number[]; readonly meanBytes: number | null }>
      >;
    };
  };
  /** What was done, by class of work. */
  readonly classes: ClassReports;
  /** Frames of the relay that answer nothing that was asked. */
  readonly frames: {
    readonly notices: number;
    readonly malformed: number;
    readonly unknownOk: number;
    readonly lateOk: number;
  };
  readonly noise: Noise;
  readonly errors: readonly ReportError[];
  /** `null` when the relay ended none. Reports from before it was looked at have none. */
  readonly ends?: Ends | null;
  /** `null` when none was made. Reports from before there were any have none. */
  readonly handshakes?: Handshakes | null;
  /** Where there were some. */
  readonly slowReaders?: SlowReaders;
  readonly resources: Resources | null;
  /** Of runs that are about connections; `null` where nothing was sampled. Reports from before have none. */
  readonly connectionCosts?: ConnectionCosts | null;
  readonly generator: GeneratorReport;
  readonly profile: Profile | null;
  readonly findings: readonly Finding[];
  readonly thresholds: readonly ThresholdResult[];
  readonly audit: Audit | null;
  /** `null`: no relay was asked beforehand. Reports from before it was asked have none. */
  readonly known?: KnownEvents | null;
  /** `null` where nothing is asked about. Reports of k6 alone have none. */
  readonly corpus?: CorpusReport | null;
  /** Events that preflight published, by kind, and what it said that stopped no run; `null` where it asked no relay. */
  readonly preflight?: {
    readonly probes: readonly { readonly kind: number; readonly count: number }[];
    readonly advice?: readonly Advice[];
  } | null;
}
