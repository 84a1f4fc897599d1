/** What a relay's answers to the probes mean for the run, whose events they are like. Pure. */
import { classifyOk } from "../../nostr/ok.ts";
import { type Reason, reasonOf } from "../../nostr/reason.ts";
import { classifyKind } from "../../nostr/wire.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import { advice, type Finding, ok, stop } from "./finding.ts";
import type { Probe, ProbeAnswer } from "./probe.ts";

type Refused = Extract<ProbeAnswer, { readonly status: "refused" }>;

/** What the relay does for a while only, or to many events at once: the run is there to measure it. */
const PASSING: readonly Reason[] = ["rate-limit", "overload", "shutdown", "unheard"];

/** How the relay answered, over all probes. */
export interface ProbeOutcome {
  readonly findings: readonly Finding[];
  /** It took an event like the run's; `null`: none was tried. */
  readonly takesEvents: boolean | null;
  /** Events that it may hold now, by kind. */
  readonly left: ReadonlyMap<number, number>;
  /**
   * It turned events down for being too old. An ephemeral one that has to be of this minute does not count: no
   * pool that is signed a day before would do.
   */
  readonly isTooOld: boolean;
}

export function judgeProbes(label: string, probe: Probe, nowSec: number): ProbeOutcome {
  const { answers } = probe;
  const taken = answers.filter(isTaken);
  const left = new Map<number, number>();
  for (const { probe: one } of answers.filter(({ status }) => status !== "refused")) {
    const { kind } = one.event;
    if (classifyKind(kind) !== "ephemeral") left.set(kind, (left.get(kind) ?? 0) + 1);
  }
  const refusals = answers.filter((answer): answer is Refused => isRefusal(answer));
  return {
    takesEvents: answers.length === 0 ? null : taken.length > 0,
    left,
    isTooOld: refusals.some(
      ({ text, probe: { event } }) =>
        reasonOf(text) === "age-past" && classifyKind(event.kind) !== "ephemeral",
    ),
    findings: [
      ...judgeAddress(label, probe),
      ...judgeTaken(label, probe, taken),
      ...judgeRefusals(label, refusals, { taken, nowSec }),
      ...judgeEnds(label, answers, taken),
      ...judgeSilence(label, answers, taken),
    ],
  };
}

function isTaken(answer: ProbeAnswer): boolean {
  return answer.status === "accepted" || (answer.status === "refused" && !isRefusal(answer));
}

/** An OK false that is none for the run: it has a newer version, or nobody listens to an ephemeral event. */
function isRefusal(answer: ProbeAnswer): boolean {
  if (answer.status !== "refused") return false;
  if (isUnheard(answer)) return false;
  return answer.form !== "ok" || classifyOk(false, answer.text) === "rejected";
}

function isUnheard(answer: ProbeAnswer): boolean {
  return (
    answer.status === "refused" &&
    answer.form === "ok" &&
    classifyKind(answer.probe.event.kind) === "ephemeral" &&
    reasonOf(answer.text) === "unheard"
  );
}

function judgeAddress(label: string, { address, passed, challenged }: Probe): Finding[] {
  const where = passed.length === 0 ? "" : ` at ${address}, not at ${passed.join(", ")}`;
  return [
    ok("reachable", `\`${label}\` opens connections${where}`),
    ...(challenged
      ? [ok("auth", `\`${label}\` sends an AUTH challenge, which is not answered`)]
      : []),
  ];
}

function judgeTaken(label: string, { answers, unsent }: Probe, taken: readonly ProbeAnswer[]) {
  if (taken.length === 0 || taken.length < answers.length || unsent > 0) return [];
  const unheard = answers.filter(isUnheard);
  const note =
    unheard.length === 0
      ? ""
      : `; it says \`${textOf(unheard[0])}\` to ${describeEvents(unheard)}, which counts as unheard and is no failure`;
  return [
    ok(
      "probe",
      `\`${label}\` took ${formatCount(taken.length)} events, one of each kind of the run's${note}`,
    ),
  ];
}

interface Beside {
  readonly taken: readonly ProbeAnswer[];
  readonly nowSec: number;
}

/** One finding for each reason: what it refuses, how much of the run that is, in its own words. */
function judgeRefusals(label: string, refusals: readonly Refused[], beside: Beside): Finding[] {
  const byReason = new Map<string, Refused[]>();
  for (const refusal of refusals) {
    const key = `${reasonOf(refusal.text)} ${refusal.form}`;
    byReason.set(key, [...(byReason.get(key) ?? []), refusal]);
  }
  return [...byReason.values()].map((group) => judgeGroup(label, group, beside));
}

function judgeGroup(label: string, group: readonly Refused[], { taken, nowSec }: Beside): Finding {
  const [first] = group;
  if (first === undefined) throw new Error("a group of refusals is empty");
  const reason = reasonOf(first.text);
  const how = first.form === "notice" ? "by NOTICE and without an OK" : "";
  const words = [...new Set(group.map(({ text }) => `\`${text}\``))].slice(0, 2).join(", ");
  const isAll = taken.length === 0;
  const explanation = {
    what: `\`${label}\` refused ${describeEvents(group)}${how === "" ? "" : ` ${how}`}: ${words}`,
    why: isAll
      ? "it would refuse the run's events alike, and only refusals be measured"
      : `${describeShare(group)} of the run's events will be refused alike`,
    remedy: `${remedyFor(reason, group, nowSec)}${formNote(first)}`,
  };
  const mayStop = !PASSING.includes(reason);
  return isAll && mayStop ? stop("probe", explanation) : advice("probe", explanation);
}

function formNote({ form }: Refused): string {
  if (form === "unnamed")
    return "; its OK lacks the event's id, so clients can't tell what it is about";
  if (form === "notice") return "; NIP-01 wants an OK for each EVENT, so clients wait in vain";
  return "";
}

function remedyFor(reason: Reason, group: readonly Refused[], nowSec: number): string {
  const kinds = [...new Set(group.map(({ probe }) => probe.event.kind))].sort((a, b) => a - b);
  const oldest = Math.min(...group.map(({ probe }) => probe.event.created_at));
  switch (reason) {
    case "auth":
      return "this tool can't authenticate (NIP-42): switch AUTH off on the relay under test";
    case "payment":
      return "keys made for a test have paid for nothing: switch payment off on the relay under test";
    case "pow":
      return "pools are signed without proof of work (NIP-13): set its difficulty to 0 on the relay under test";
    case "kind":
      return `let the relay under test take the kinds ${kinds.join(", ")}, or give a --mix of kinds that it takes`;
    case "policy":
      return "let the relay under test take events of any key and kind";
    case "size":
      return "raise the relay's limit on size, or leave the large types out of --mix";
    case "age-past":
      return `raise the relay's limit on age (the event was ${formatCount(Math.max(0, nowSec - oldest))} s old), or give younger events: --epoch now`;
    case "age-future":
      return "set both clocks by NTP, or make an older pool: --epoch SEC";
    case "signature":
      return "ids and signatures of these events are right: look at how the relay checks them, and at its log";
    case "storage":
      return "the relay can't store: look at its disk and its log";
    case "rate-limit":
      return "the relay limits the rate: raise its limit for one address, or mean to measure it";
    case "overload":
    case "shutdown":
      return "let the relay come to rest, then try again";
    default:
      return "look at the relay's limits and its log; the report will count refusals by reason";
  }
}

/** An event that ends the connection takes along whatever else is in flight on it. */
function judgeEnds(label: string, answers: readonly ProbeAnswer[], taken: readonly ProbeAnswer[]) {
  const ended = answers.filter(({ status }) => status === "ended");
  const [first] = ended;
  if (first === undefined) return [];
  const least = Math.min(...ended.map(({ probe }) => probe.bytes));
  const most = Math.max(0, ...taken.map(({ probe }) => probe.bytes));
  const isSize = taken.length > 0 && least > most;
  const size = isSize
    ? `; it took events of up to ${formatBytes(most)}, and none of ${formatBytes(least)} or more`
    : "";
  return [
    stop("probe", {
      what: `\`${label}\`: the connection ended when an event was published: ${describeEvents(ended)}, ${textOf(first)}${size}`,
      why: "each such event of the run would end its connection, with all that is in flight on it",
      remedy: isSize
        ? "raise the relay's limit on a message or an event (and a proxy's before it), or leave the large types out of --mix"
        : "look at the relay's log for a crash or a refusal at this event; --force goes on",
    }),
  ];
}

function judgeSilence(
  label: string,
  answers: readonly ProbeAnswer[],
  taken: readonly ProbeAnswer[],
): Finding[] {
  const silent = answers.filter(({ status }) => status === "silent");
  if (silent.length === 0) return [];
  const isAll = silent.length === answers.length;
  const explanation = {
    what: `\`${label}\` did not answer ${describeEvents(silent)}: no OK in time, no NOTICE`,
    why: isAll
      ? "without an OK there is nothing to measure: each event would be timed out"
      : `${describeShare(silent)} of the run's events may be timed out alike, and hold a place for so long`,
    remedy: "NIP-01 wants an OK for each EVENT: look at the relay's log; --force goes on",
  };
  return [isAll || taken.length === 0 ? stop("probe", explanation) : advice("probe", explanation)];
}

/** `typing (kind 20002, 511 B), read-receipt (kind 20001, 480 B)`. */
function describeEvents(answers: readonly ProbeAnswer[]): string {
  const shown = answers.slice(0, 4).map(({ probe: { type, event, bytes } }) => {
    return `${type === "" ? "an event" : `\`${type}\``} (kind ${event.kind}, ${formatBytes(bytes)})`;
  });
  const more = answers.length - shown.length;
  return `${[...new Set(shown)].join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function describeShare(answers: readonly ProbeAnswer[]): string {
  const share = answers.reduce((sum, { probe }) => sum + probe.share, 0) * 100;
  // One that stands for its age alone: how many are as old is not known.
  if (share === 0) return "some";
  return `${share < 1 ? share.toFixed(1) : share.toFixed(0)} %`;
}

function textOf(answer: ProbeAnswer | undefined): string {
  return answer !== undefined && "text" in answer ? answer.text : "";
}
