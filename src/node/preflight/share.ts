/** Which part of a run's events a relay would treat like some of a probe's, in words. Pure. */
import type { Reason } from "../../nostr/reason.ts";
import { formatCount } from "../../report/format.ts";
import type { Sample } from "./sample.ts";
import { describeType, describeTypes, type Failed, isAlike, isFine, type Tried } from "./tried.ts";

export interface ShareQuestion {
  readonly sample: Sample;
  /** All of the probe that was published. */
  readonly tried: readonly Tried[];
  readonly outcome: Failed;
  readonly reason: Reason;
  /** Of those, what failed alike. */
  readonly failed: readonly Tried[];
}

/** Which part of the run's events fail like these, and which they are. */
export function describeShare(question: ShareQuestion): string {
  const { sample, tried, outcome, reason, failed } = question;
  if (outcome === "refused" && reason === "rate-limit") {
    const place = tried.findIndex(({ event }) => event === failed[0]?.event) + 1;
    return `the ${ordinal(place)} of the probe's events`;
  }
  if (failed.length === tried.length) {
    return outcome === "ended"
      ? `each that was tried, ${describeTypes(failed)}`
      : `all of the run's events (${describeTypes(failed)})`;
  }
  const wholly = failed.filter(
    (one) => !tried.some((other) => isAlike(one, other) && isFine(other)),
  );
  const share = sample.events
    .filter(({ event, type }) =>
      wholly.some((one) => one.type === type && one.event.kind === event.kind),
    )
    .reduce((sum, one) => sum + one.share, 0);
  const partly = failed.filter((one) => !wholly.includes(one));
  const parts = [
    ...(wholly.length > 0
      ? [
          `${formatShare(share)} of the run's events: ${describeTypes(wholly)}${describeSize(wholly, question)}`,
        ]
      : []),
    ...partly.map((one) => describePart(one, sample, tried)),
  ];
  return parts.join(", and ");
}

/** Where size tells what failed from what was taken. */
function describeSize(of: readonly Tried[], { tried, outcome, reason }: ShareQuestion): string {
  if (reason !== "size" && outcome !== "ended") return "";
  const least = Math.min(...of.map(({ bytes }) => bytes));
  const most = Math.max(...tried.filter(isFine).map(({ bytes }) => bytes));
  return Number.isFinite(most) && least > most
    ? `, of ${formatCount(least)} bytes, while it took ${formatCount(most)}`
    : "";
}

/** An event whose like was taken: it is larger, or older. */
function describePart(one: Tried, sample: Sample, tried: readonly Tried[]): string {
  const { event, bytes } = one;
  const taken = tried.filter((other) => isAlike(one, other) && isFine(other));
  const most = Math.max(...taken.map((other) => other.bytes));
  const what = `${describeType(one)} of ${formatCount(bytes)} bytes, created ${dayOf(event.created_at)}`;
  if (bytes <= most) return what;
  const share = sample.events
    .filter((other) => other.bytes > most && other.type === one.type)
    .reduce((sum, other) => sum + other.share, 0);
  return `${what}, while it took ${formatCount(most)} bytes (up to ${formatShare(share)} of the run's events are larger)`;
}

function formatShare(share: number): string {
  const percent = share * 100;
  return percent < 1 ? "less than 1 %" : `${Math.round(percent)} %`;
}

function ordinal(place: number): string {
  const endings: Readonly<Record<number, string>> = { 1: "st", 2: "nd", 3: "rd" };
  const ending = place % 100 > 10 && place % 100 < 14 ? "th" : (endings[place % 10] ?? "th");
  return `${place}${ending}`;
}

function dayOf(sec: number): string {
  return new Date(sec * 1_000).toISOString().slice(0, 10);
}
