/** The result of a search in one sentence, and what of its trials stands behind it. */
import type { CapacityReport, Trial } from "../../capacity/result.ts";
import { type SharedFinding, sharedFindings } from "./by-load.ts";
import { formatLoad, formatNumber, type LoadUnit, loadUnit, wordsOf } from "./words.ts";

/** A report, or the part of one that is about the other relay. */
export type Searched = Omit<CapacityReport, "against">;

/** What ended a search that has no result yet. */
const ENDED = {
  budget: "The time was used up",
  interrupted: "The search was stopped",
  failed: "An error ended the search",
} as const;

/** Without its full stop. */
export function answerOf(report: Searched): string {
  const { search, result } = report;
  const sentence = result.suspect === null ? certain(report) : doubted(report);
  const { lastPassing, limit } = result;
  const isLabelled = limit in ENDED;
  if (!search.quick || lastPassing === null || isLabelled) return sentence;
  return `An estimate: ${decapitalized(sentence)}`;
}

function certain(report: Searched): string {
  const { result, search, run } = report;
  const { lastPassing: lo, firstFailing: hi, limit } = result;
  const unit = loadUnit(search.scale, run.scenario);
  const told = (load: number) => formatLoad(load, unit);
  const relay = subjectOf(report);
  const takes = lo === null ? null : `takes ${told(lo)} within the objective`;
  switch (limit) {
    case "relay": {
      const held = `${relay} ${takes ?? "meets the objective at no load that was tried"}`;
      return hi === null
        ? held
        : `${held}; at ${formatNumber(hi)} ${firstFailure(report) ?? "it is not met"}`;
    }
    case "below": {
      const why = firstFailure(report);
      const at = told(hi ?? search.least);
      return `${relay} does not meet the objective even at ${at}${why === null ? "" : `: ${why}`}`;
    }
    case "to":
      return `${relay} takes at least ${told(lo ?? search.from)} within the objective, the most that was asked for`;
    case "generator":
      return ofGenerator(relay, { lo, hi, unit });
    case "died":
      return `${relay} died${hi === null ? "" : ` at ${told(hi)}`}${takes === null ? "" : `; it ${takes}`}`;
    case "budget":
    case "interrupted":
    case "failed": {
      const why = ENDED[limit];
      const label = search.quick ? ", as an estimate," : "";
      // What this generator could not load with is no bound of the relay's.
      const isUnloaded = hi !== null && result.interval[1] === null;
      const held = within({ lo, hi: isUnloaded ? null : hi, unit });
      const more = isUnloaded ? `; this generator could not load it with ${formatNumber(hi)}` : "";
      return `${why}: so far${label} ${decapitalized(relay)} ${held}${more}`;
    }
  }
}

interface Bounds {
  readonly lo: number | null;
  readonly hi: number | null;
  readonly unit: LoadUnit;
}

/** A result that its own trials contradict is the interval and no more. */
function doubted(report: Searched): string {
  const { result, search, run } = report;
  const [least, hi] = result.interval;
  const unit = loadUnit(search.scale, run.scenario);
  return `${subjectOf(report)} ${within({ lo: least > 0 ? least : null, hi, unit })}, and the trials contradict each other`;
}

function subjectOf({ config }: Searched): string {
  return config.relays.length > 1 ? "This set of relays" : "This relay";
}

function ofGenerator(relay: string, { lo, hi, unit }: Bounds): string {
  if (lo === null) {
    const load = hi === null ? "" : ` with ${formatLoad(hi, unit)}`;
    return `This generator could not load the relay${load}: nothing is known of what the relay takes`;
  }
  const beyond = hi === null ? "beyond that" : `at ${formatNumber(hi)}`;
  return `${relay} takes at least ${formatLoad(lo, unit)} within the objective; ${beyond} the limit is this generator, not the relay`;
}

function within({ lo, hi, unit }: Bounds): string {
  const objective = "within the objective";
  if (lo === null) {
    return hi === null
      ? "was loaded in no trial that counts"
      : `takes less than ${formatLoad(hi, unit)} ${objective}`;
  }
  return hi === null
    ? `takes at least ${formatLoad(lo, unit)} ${objective}`
    : `takes at least ${formatNumber(lo)} and less than ${formatLoad(hi, unit)} ${objective}`;
}

/** `response p99 fails first, and the relay is bound by one thread`. */
function firstFailure(report: Searched): string | null {
  const { failedThreshold } = report.result;
  if (failedThreshold === null) return null;
  const { name } = wordsOf(failedThreshold, report.run.scenario);
  const cause = causeOf(report);
  return `${name} fails first${cause === null ? "" : `, and ${decapitalized(cause)}`}`;
}

/** That it is at its limit says no more than the trial that failed. */
const NO_CAUSE = "overload";

function causeOf(report: Searched): string | null {
  return mainFinding(report, (id) => id !== NO_CAUSE)?.title ?? null;
}

/** What most of the failing trials say first; what is only worth knowing is none, nor what a few say. */
export function mainFinding(
  report: Searched,
  mayBe: (id: string) => boolean = () => true,
): SharedFinding | null {
  const failing = failingTrials(report);
  const found = sharedFindings(failing).find(
    ({ id, severity, trials }) =>
      severity !== "info" && mayBe(id) && trials.length * 2 > failing.length,
  );
  return found ?? null;
}

/** The trials that failed where the search found its upper bound, or behind which the relay was gone. */
export function failingTrials({ trials, result }: Searched): readonly Trial[] {
  return trials.filter(
    ({ load, role, verdict, died }) =>
      load === result.firstFailing &&
      role !== "warmup" &&
      (verdict === "fail" || died !== undefined),
  );
}

/** Why it was this generator, as far as it is known: what it lacks, or what its trials say of themselves. */
export function generatorReasons({ trials, result, search }: Searched): readonly string[] {
  const { limit, firstFailing, interval } = result;
  const isItsBound = limit === "generator" || (firstFailing !== null && interval[1] === null);
  if (!isItsBound) return [];
  if (firstFailing === null) return search.ceilingWhy === undefined ? [] : [search.ceilingWhy];
  const reasons = trials.flatMap(({ load, role, voidReason }) =>
    load === firstFailing && role !== "warmup" ? (voidReason ?? []) : [],
  );
  return [...new Set(reasons)];
}

/** The trials that held at the result. */
export function passingTrials({ trials, result }: Searched): readonly Trial[] {
  return trials.filter(
    ({ load, role, verdict }) =>
      load === result.lastPassing && role !== "warmup" && verdict === "pass",
  );
}

/** Titles begin with a common word, and may have a colon of their own; what is no word (`NOTICE`) stays. */
function decapitalized(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z]*\b)/, (letter) => letter.toLowerCase());
}
