/** The report: the JSON that tools read. `schema.json` beside this file says the same as JSON Schema. */
import type { HistogramData } from "../measure/histogram.ts";

export const REPORT_SCHEMA = "k6-nostr/report@1";

/** Durations of one kind, with the histogram they come from; percentiles are `null` without data. */
export interface LatencySummary {
  readonly unit: "ms";
  readonly count: number;
  readonly min: number | null;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
  readonly histogram: HistogramData;
}

export interface Totals {
  readonly scheduled: number;
  readonly attempted: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly rejected: number;
  readonly timedOut: number;
  readonly lost: number;
  readonly lateOk: number;
  readonly unsent: {
    readonly backpressure: number;
    readonly noConnection: number;
    readonly poolExhausted: number;
  };
  readonly connections: {
    readonly attempted: number;
    readonly opened: number;
    readonly failed: number;
    readonly dropped: number;
    readonly reconnected: number;
  };
  readonly notices: number;
  readonly malformedFrames: number;
  readonly unknownOk: number;
}

export interface SeriesPoint {
  /** Seconds from the start of the window to the start of the slice. */
  readonly t: number;
  readonly scheduled: number;
  readonly attempted: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly rejected: number;
  readonly timedOut: number;
  readonly lost: number;
  /** Backpressure, no connection and an exhausted pool together. */
  readonly unsent: number;
  readonly connectionsOpen: number;
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
  /** Response times in coarse buckets, four to a doubling: index, count, index, count, … */
  readonly responseBuckets: readonly number[];
}

/** Lowest and highest of a figure over equal parts of the window; `null` when a part had no answer. */
export type Band = readonly [lowest: number, highest: number] | null;

/**
 * How far figures moved within the run: over tenths of the window. A run with the same seed against the
 * same relay in the same state is expected within; what lies beyond is a difference.
 */
export interface Noise {
  readonly parts: number;
  readonly responseP50: Band;
  readonly responseP99: Band;
  readonly acceptedEps: Band;
}

export interface ReportError {
  readonly class: string;
  readonly code: string;
  readonly count: number;
  /** Share of the scheduled events; of the connections tried for class `connect` and `close`. */
  readonly share: number | null;
  readonly firstAtSec: number;
  readonly example: string;
  readonly stack: string | null;
}

export interface ResourceSample {
  /** Seconds from the start of the measured window; negative before it. */
  readonly t: number;
  readonly process: "relay" | "generator" | "host";
  /** Percent of one core, for `host` of all cores together. */
  readonly cpuPercent: number | null;
  readonly rssBytes: number | null;
}

export type VerdictState = "valid" | "suspect" | "invalid";

export interface LagSummary {
  readonly unit: "ms";
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly histogram: HistogramData;
}

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
  readonly scheduleLag: LagSummary;
  readonly loopLag: LagSummary;
  readonly cpuPercent: {
    readonly generator: number | null;
    readonly host: number | null;
  };
  /** Publishes in flight on average, counted; and as Little's law has it: rate × mean service time. */
  readonly inFlight: { readonly mean: number | null; readonly littlesLaw: number | null };
  /** Share of the looks at a connection that found more than one frame not yet written to it. */
  readonly sendBacklog: number | null;
  readonly clockDriftMs: number | null;
  readonly startSkewMs: number | null;
  /** Highest rate this generator reached against the sink; `null` when not calibrated. */
  readonly ceilingEps: number | null;
  readonly floorMs: number | null;
}

export interface Finding {
  readonly rank: number;
  readonly id: string;
  readonly severity: "critical" | "major" | "minor" | "info";
  readonly title: string;
  readonly evidence: readonly {
    readonly metric: string;
    readonly value: number | string | null;
    readonly reference: number | string | null;
  }[];
  readonly remediation: string;
  readonly labels: readonly string[];
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
  /** What came to be stored, kind by kind. Reports from before it was counted have none. */
  readonly stored?: Stored;
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

/** Multi-part sets of one type. started = complete + partial + failed + cutOff. */
export interface SetFigures {
  readonly started: number;
  /** Every part was accepted, or was known already. */
  readonly complete: number;
  readonly partial: number;
  /** No part was accepted. */
  readonly failed: number;
  /** The run ended before all parts were due or had their outcome. */
  readonly cutOff: number;
  /** From when the first part was due to the last OK, of complete sets. */
  readonly completion: LatencySummary;
  /** Parts that settled sets lack, the first being 0; the kinds that such a part may have. */
  readonly lacking: readonly {
    readonly part: number;
    readonly kinds: readonly number[];
    readonly count: number;
  }[];
}

/** Queries of one name. scheduled = sent + noConnection; sent = eose + closed + timedOut + lost. */
interface QueryFigures {
  readonly scheduled: number;
  readonly sent: number;
  readonly noConnection: number;
  readonly eose: number;
  readonly closed: number;
  readonly timedOut: number;
  readonly lost: number;
  /** Events that came before EOSE. */
  readonly events: number;
  /** From when it was due, and from when it was sent, to EOSE. */
  readonly response: LatencySummary;
  readonly service: LatencySummary;
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
    /** Every planned VU handed in its last slice. */
    readonly complete: boolean;
    readonly stopReason: string | null;
    readonly sameHost: boolean | null;
    readonly tool: string;
    readonly k6: string | null;
    readonly planHash: string;
    /** What a person said about the relay: image, version, limits; nobody checked it. */
    readonly relayNote: string | null;
    /** Proofs of consent that this run rested on; empty for relays that need none. */
    readonly proofs: readonly ConsentProof[];
    readonly host: {
      readonly cpus: number | null;
      readonly memoryBytes: number | null;
      readonly platform: string | null;
    };
  };
  readonly config: {
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
    readonly vus: number;
    readonly pool: { readonly id: string; readonly events: number; readonly bytes: number };
  };
  readonly totals: Totals;
  /** What the warm-up sent, apart from the totals. */
  readonly warmup: {
    readonly scheduled: number;
    readonly attempted: number;
    readonly accepted: number;
  };
  readonly latency: {
    readonly response: LatencySummary;
    readonly service: LatencySummary;
    readonly connect: LatencySummary;
    readonly byEvent: Readonly<
      Record<
        string,
        {
          readonly accepted: number;
          readonly response: LatencySummary;
          readonly service: LatencySummary;
        }
      >
    >;
  };
  /** By event type; `null` when no set of several events was begun. */
  readonly sets: Readonly<Record<string, SetFigures>> | null;
  /** By name; `null` when nothing was asked. */
  readonly queries: Readonly<Record<string, QueryFigures>> | null;
  readonly throughput: {
    readonly targetEps: number;
    readonly attemptedEps: number;
    readonly acceptedEps: number;
    readonly sliceSec: number;
    readonly series: readonly SeriesPoint[];
  };
  readonly noise: Noise;
  readonly errors: readonly ReportError[];
  readonly resources: { readonly samples: readonly ResourceSample[] } | null;
  readonly generator: GeneratorReport;
  readonly profile: null;
  readonly findings: readonly Finding[];
  readonly thresholds: readonly ThresholdResult[];
  readonly audit: Audit | null;
}
