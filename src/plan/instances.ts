/**
 * A run of several k6 processes, the instances: each loads one of N equal parts of the plan, which k6 cuts by
 * its execution segment. Without the sequence of all segments k6 lets parts overlap, and without any segment
 * each instance would send the whole plan: both are found here (k6 lib/execution_segment.go).
 */
import { ConfigError } from "../errors.ts";
import { clip, type OptionTexts, optionLabel, readNumber } from "./options.ts";

/** Pods of one Indexed Job, and lines of one report: more is a typo. */
const MOST_INSTANCES = 10_000;

/** How many instances a plan is for. */
export function readInstances(texts: OptionTexts): number {
  return readNumber(texts, "instances", { min: 1, max: MOST_INSTANCES, integer: true });
}

/**
 * Which instance this is: as given, else as Kubernetes numbers the pods of an Indexed Job; `null` where neither
 * says so. Throws `ConfigError` where the number does not belong to the plan.
 */
export function readInstance(
  given: string | undefined,
  jobIndex: string | undefined,
  instances: number,
): number | null {
  const [text, label] = given
    ? [given, optionLabel("instance")]
    : [jobIndex || undefined, "JOB_COMPLETION_INDEX"];
  if (text === undefined) return null;
  const index = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (index < instances) return index;
  throw new ConfigError(
    `${label} must be a whole number from 0 to ${instances - 1}, one below ${optionLabel("instances")}, got \`${clip(text)}\``,
  );
}

/** k6's options for an instance; none where the plan is for one. */
export function segmentOptions(instances: number, index: number | null): object {
  if (instances === 1 || index === null) return {};
  return {
    executionSegment: `${index}/${instances}:${index + 1}/${instances}`,
    executionSegmentSequence: Array.from(
      { length: instances + 1 },
      (_, place) => `${place}/${instances}`,
    ).join(","),
  };
}

/** k6's options as far as they cut a test into parts, as k6 consolidated them from script and flags. */
interface Consolidated {
  readonly executionSegment?: string | null;
  readonly executionSegmentSequence?: string | null;
}

/** Which of the instances k6 was given the part of; `null` where it is none of N equal parts. */
export function instanceOf(consolidated: unknown, instances: number): number | null {
  const { executionSegment = null } = consolidated as Consolidated;
  if (instances === 1) return executionSegment === null ? 0 : null;
  const ends = executionSegment?.split(":").map((end) => placeOf(end, instances)) ?? [];
  const [from = null, to = null] = ends;
  return ends.length === 2 && from !== null && to === from + 1 ? from : null;
}

/** Why k6 would load another part of the plan than this instance's; empty where it would not. */
export function findSegmentFaults(
  consolidated: unknown,
  instances: number,
  index: number | null,
): readonly string[] {
  const { executionSegment = null, executionSegmentSequence = null } = consolidated as Consolidated;
  if (instances === 1) {
    if (executionSegment === null && executionSegmentSequence === null) return [];
    return [
      `k6 was given the segment ${executionSegment ?? "0:1"} of the test, and the plan is for one generator: set ${optionLabel("instances")} to the number of parts, or remove \`--execution-segment\` and \`--execution-segment-sequence\``,
    ];
  }
  if (executionSegment === null) {
    return [
      `the plan is for ${instances} instances and k6 was told none: it would send the whole plan; set ${optionLabel("instance")}`,
    ];
  }
  const part = instanceOf(consolidated, instances);
  if (part === null) {
    return [`k6's segment ${executionSegment} is none of ${instances} equal parts of the test`];
  }
  if (index !== null && part !== index) {
    return [
      `k6's segment ${executionSegment} is that of instance ${part}, and this is instance ${index}: remove \`--execution-segment\`, or ${optionLabel("instance")}`,
    ];
  }
  const places = executionSegmentSequence?.split(",").map((end) => placeOf(end, instances)) ?? [];
  const isWhole = places.length === instances + 1 && places.every((place, i) => place === i);
  if (isWhole) return [];
  return [
    `k6's \`executionSegmentSequence\` is ${executionSegmentSequence ?? "not set"}, and not ${instances} equal parts: shares would overlap`,
  ];
}

/** A fraction in its lowest terms, or `0` or `1`, as so many of N parts; `null` where it is none. */
function placeOf(fraction: string, instances: number): number | null {
  const match = /^(\d{1,9})(?:\/(\d{1,9}))?$/.exec(fraction);
  const place = (Number(match?.[1] ?? Number.NaN) * instances) / Number(match?.[2] ?? 1);
  return Number.isInteger(place) ? place : null;
}
