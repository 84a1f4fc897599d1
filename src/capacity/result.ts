/**
 * What a search for the capacity gives: each trial as it was, and what all of them say together. This is the
 * JSON that tools read.
 */
import type { Finding, Report, ThresholdResult, VerdictState } from "../report/types.ts";

export const CAPACITY_SCHEMA = "k6-nostr/capacity@1";

/**
 * What a load is a number of: events or queries a second, open connections, those that subscribe, subscriptions of
 * each topic, or handshakes a second.
 */
export type Scale = "rate" | "query-rate" | "clients" | "subscribers" | "fanout" | "connect-rate";

/**
 * `warmup`: before all, not judged. `baseline`: the relay at the first load, at the start and again at the end.
 * `probe`: short, while the load doubles. `narrow`: between what held and what did not. `prove`: long, at the end.
 */
export type TrialRole = "warmup" | "baseline" | "probe" | "narrow" | "prove";

/** `void` is no failure of the relay: the trial says nothing about it. */
export type TrialVerdict = "pass" | "fail" | "void";

/** One threshold that was not met: `value` against `limit`, both in the threshold's unit. */
export interface FailedThreshold {
  /** `nostr_publish_response_time: p(99)<1000`, or `BACKLOG`. */
  readonly threshold: string;
  /** `null`: there was nothing to judge. */
  readonly value: number | null;
  readonly limit: number | null;
}

/** The threshold that every objective has: what is in flight must not grow over a trial. Its figure is a share of the load. */
export const BACKLOG = "growth of the backlog";

/** Every objective has this one too: what the relay left no room for was not tried at all, and no percentile knows of it. */
export const UNSENT = "due and never sent";

/** Where somebody subscribes: a subscription that the relay did not open, or never served, was not loaded at all. */
export const UNREADY = "subscriptions not ready";

export interface TrialFigures {
  /** A second, of what a capacity is told by: due, and accepted, answered or delivered. Of `connect` connections in all. */
  readonly offered: number;
  readonly done: number;
  /** Response times, ms; of `connect` times until usable. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Of what was due, 0 to 1. */
  readonly failedShare: number | null;
  /** Due and never sent, for want of a connection or of room on it. */
  readonly unsent: number;
  /** By which what was due and had no answer grew, as a share of the load: 0.05 of 2,000/s is 100 a second. */
  readonly backlogGrowth: number;
  /** Mean percent of one core. */
  readonly relayCpu: number | null;
  /** The most that was seen, bytes. */
  readonly relayMemory: number | null;
  /** Of the files that the relay holds open and wrote to; `null` where they can't be seen. */
  readonly databaseBytes: number | null;
  /** Load as a share of what this generator reaches; `null` where it was not calibrated. */
  readonly ceilingShare: number | null;
}

/** What a trial's report says of itself, in short. */
export type TrialFinding = Pick<Finding, "id" | "title" | "severity"> & {
  /** What to do about it. */
  readonly text: string;
};

export interface Trial {
  /** From 1, in the order in which they were carried out. */
  readonly number: number;
  readonly role: TrialRole;
  readonly load: number;
  /** With the first third, which settles and is not judged. */
  readonly lengthSec: number;
  readonly startedAt: string;
  /** Of a `warmup` it counts for nothing. */
  readonly verdict: TrialVerdict;
  /** In the order of the objective; the one that is missed by the largest factor first. */
  readonly failed: readonly FailedThreshold[];
  /** Every threshold as it came out, met or not. */
  readonly thresholds: readonly ThresholdResult[];
  /** Why it says nothing of the relay. */
  readonly voidReason?: string;
  /** The relay was gone behind it, in these words. */
  readonly died?: string;
  /** It began while the relay was not as at the baseline, though it had time to cool down. */
  readonly aged: boolean;
  /** Waited before it until the relay was as at the baseline, seconds. */
  readonly cooledSec: number;
  /** All of it: cooling down, signing, connecting, the trial, and what is read behind it. */
  readonly tookSec: number;
  /** Of it, signing events for this trial and for later ones; left out where nothing was signed. */
  readonly madeSec?: number;
  readonly seed: string;
  readonly generator: VerdictState;
  readonly figures: TrialFigures;
  readonly findings: readonly TrialFinding[];
  /** Its own report, from the folder of reports on; `null` where it ended without one. */
  readonly report: string | null;
}

/**
 * What bounds the result. `relay`: it failed at `firstFailing`. `generator`: this generator could not load it with
 * more. `to`: it passed at the highest load that was asked for. `below`: it failed at the lowest. `budget`: the
 * time was used up first. `died`: it was gone behind a trial. `interrupted`: by the user. `failed`: by an error that
 * is none of the relay's.
 */
export type Limit =
  | "relay"
  | "generator"
  | "to"
  | "below"
  | "budget"
  | "died"
  | "interrupted"
  | "failed";

/** A trial that passed above a load that failed by the majority of its trials. */
export interface Inversion {
  readonly trial: number;
  readonly passed: number;
  readonly failed: number;
}

export interface CapacityResult {
  /** The highest load that held below all that failed; `null` where none did. */
  readonly lastPassing: number | null;
  /** The lowest load that failed, the generator's limit, or where the relay died. */
  readonly firstFailing: number | null;
  readonly limit: Limit;
  /** The error that ended it, where `limit` is `failed`. */
  readonly failure?: string;
  /** What failed first at `firstFailing`; `null` where nothing of the relay did. */
  readonly failedThreshold: string | null;
  /** The capacity lies in it; `null` for no upper end. */
  readonly interval: readonly [number, number | null];
  /** `lastPassing` held in every trial of its proof, and `firstFailing` did not. */
  readonly proven: boolean;
  /** Why the result is to be doubted; `null` where nothing speaks against it. */
  readonly suspect: string | null;
  readonly inversions: readonly Inversion[];
  /** The last proof, in its order. */
  readonly proof: readonly { readonly load: number; readonly verdict: TrialVerdict }[];
}

/** How the search went about it. */
export interface SearchSettings {
  readonly scale: Scale;
  readonly from: number;
  /** The highest load to try; `null`: until something fails. */
  readonly to: number | null;
  /** Beyond it the generator would be measured, as its calibration says; `null` without one. */
  readonly ceiling: number | null;
  /** Not below this, where `from` fails. */
  readonly least: number;
  /** First failing over last passing − 1 at most, 0.05 for 5 %. */
  readonly precision: number;
  readonly trialSec: number;
  readonly probeSec: number;
  readonly proveSec: number;
  /** Trials at a load at most while it narrows; the majority decides. */
  readonly repeats: number;
  readonly budgetSec: number;
  /** What one trial takes beside its own length, seconds, until some were seen. */
  readonly betweenSec: number;
  /** An estimate only. */
  readonly quick: boolean;
  /** What the part of a trial that is judged must have at least, as its percentiles ask for: else it is longer. */
  readonly judges?: Judges;
  /** The relay was emptied before each trial. */
  readonly fresh?: boolean;
  /** What a load is a number of, and what stays the same at any, in words. Reports from before have none. */
  readonly meaning?: string;
  /** Why this generator can't load with more than `ceiling`, where that is no matter of its calibration. */
  readonly ceilingWhy?: string;
  /** So many of a load's connections come a second, ahead of what a trial's length is for. */
  readonly comesPerSec?: number;
}

export interface Judges {
  /** Events or queries. */
  readonly least: number;
  /** So many a second, where the load is no number of them; `null` where it is. */
  readonly perSec: number | null;
  /** Seconds, for percentiles of what is looked at once a second; left out where there are none. */
  readonly sec?: number;
}

/** The relay at the first load, before and after: what it lost or gained meanwhile. Times in ms. */
export interface Baseline {
  readonly load: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly endP50: number | null;
  readonly endP99: number | null;
  /** `endP50` over `p50` − 1; `null` where one of them is missing. */
  readonly change: number | null;
}

/** The objective with its limits on times taken times `factor`, judged from the trials that were made. */
export interface AtLimit {
  readonly factor: number;
  readonly lastPassing: number | null;
  readonly firstFailing: number | null;
}

export interface CapacityReport {
  readonly schema: typeof CAPACITY_SCHEMA;
  readonly run: {
    readonly id: string;
    readonly startedAt: string;
    readonly endedAt: string;
    readonly scenario: string;
    readonly tool: string;
    readonly k6: string | null;
    /** In the order of `config.relays`. */
    readonly relays: NonNullable<Report["run"]["relays"]>;
    readonly relayNote: string | null;
    readonly sameHost: boolean | null;
    readonly host: Report["run"]["host"];
  };
  readonly config: {
    readonly relays: readonly string[];
    /** What `--config` reads, so that it is the same search: option → text. */
    readonly options: Readonly<Record<string, string>>;
    readonly withheld: readonly string[];
  };
  /** `metric: expression`, in the order in which they were given, `BACKLOG` last. */
  readonly objective: readonly string[];
  readonly search: SearchSettings;
  readonly result: CapacityResult;
  /** All of them in their order, void ones too. */
  readonly trials: readonly Trial[];
  readonly baseline: Baseline | null;
  readonly atLimits: readonly AtLimit[];
  /** What this generator reaches; `null` where it was not calibrated. */
  readonly generator: { readonly ceiling: number | null };
  /** The other relay of --against: its trials were made in turn with these. */
  readonly against?: Omit<CapacityReport, "against"> | null;
}
