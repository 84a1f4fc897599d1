/** What a relay did about the probe's events, as findings: which part of the run it would refuse, and why. Pure. */
import { formatMix, type Mix } from "../../events/mix.ts";
import { type Reason, reasonOf } from "../../nostr/reason.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { advice, type Finding, ok, stop } from "./finding.ts";
import type { Probe, ProbeAnswer } from "./probe.ts";
import { judgeGone, judgeTurnedAway, judgeUnreached } from "./reachability.ts";
import { remedyFor } from "./remedies.ts";
import { frameBytes, type Sample } from "./sample.ts";
import { describeShare } from "./share.ts";
import {
  describeTypes,
  type Failed,
  isEphemeral,
  isFine,
  isKnown,
  isUnheard,
  type Tried,
} from "./tried.ts";

export interface ProbeQuestion {
  readonly label: string;
  readonly probe: Probe;
  readonly sample: Sample;
  /** `null`: the events are there, and no mix can leave any out. */
  readonly mix: Mix | null;
  /** Such events were tried beside the run's, which it refuses all: it took one. */
  readonly takes?: string | null;
}

export interface Judged {
  readonly findings: readonly Finding[];
  /** It took these. */
  readonly taken: readonly NostrEvent[];
  /** Of those, what it had not before. */
  readonly kept: readonly NostrEvent[];
  readonly refusedFor: ReadonlySet<Reason>;
  /** It refused events that are not ephemeral for an age that younger ones would not have. */
  readonly refusesAge: boolean;
  /** It took none of the events, for their kinds or whose they are: others may be taken. */
  readonly refusesAll: boolean;
}

/** One way in which events failed, and the events. */
interface Failure {
  readonly outcome: Failed;
  readonly reason: Reason;
  readonly message: string;
  readonly tried: readonly Tried[];
}

/** Whether the rest of a probe would only use up what a limit leaves the run. */
export function isRateLimit({ outcome, message }: ProbeAnswer): boolean {
  return outcome === "refused" && reasonOf(message) === "rate-limit";
}

export function judgeProbe(question: ProbeQuestion): Judged {
  const { label, probe, sample } = question;
  const none = {
    taken: [],
    kept: [],
    refusedFor: new Set<Reason>(),
    refusesAge: false,
    refusesAll: false,
  };
  if (probe.status === "unreached")
    return { ...none, findings: [judgeUnreached(label, probe.reason)] };
  const reached = ok("reachable", `\`${label}\` opens connections`);
  if (probe.turnedAway !== null && probe.answers.every(({ outcome }) => outcome === "untried")) {
    return { ...none, findings: [judgeTurnedAway(label, probe.turnedAway)] };
  }
  const byId = new Map(sample.probes.map((one) => [one.event.id, one]));
  const tried = probe.answers.flatMap((answer): Tried[] => {
    const { type = "", bytes = frameBytes(answer.event) } = byId.get(answer.event.id) ?? {};
    return answer.outcome === "untried" ? [] : [{ ...answer, type, bytes }];
  });
  const failures = groupFailures(tried.filter((one) => !isFine(one)));
  const context = { ...question, tried, isAll: tried.length > 0 && !tried.some(isFine) };
  const unheard = tried.filter((one) => one.outcome === "refused" && isUnheard(one));
  const taken = tried.filter((one) => isFine(one) && !isUnheard(one));
  return {
    findings: [
      reached,
      ...(taken.length > 0 ? [ok("probe", `\`${label}\` took ${describeTypes(taken)}`)] : []),
      ...(unheard.length > 0 ? [judgeUnheard(label, unheard)] : []),
      ...(probe.challenged && taken.length > 0
        ? [
            ok(
              "auth",
              `\`${label}\` sends a challenge (NIP-42), and takes events without an answer`,
            ),
          ]
        : []),
      ...failures.map((failure) => judgeFailure(context, failure)),
      ...judgeWrongIds(label, tried),
      ...(probe.gone === null ? [] : [judgeGone(label, probe.gone)]),
    ],
    taken: taken.map(({ event }) => event),
    kept: taken.filter((one) => !isKnown(one)).map(({ event }) => event),
    refusedFor: new Set(failures.flatMap((f) => (f.outcome === "refused" ? [f.reason] : []))),
    refusesAge: failures.some(
      ({ outcome, reason, tried: of }) =>
        outcome === "refused" && reason === "age-past" && of.some((one) => !isEphemeral(one)),
    ),
    refusesAll:
      context.isAll && failures.every(({ reason }) => reason === "kind" || reason === "policy"),
  };
}

function groupFailures(failed: readonly Tried[]): readonly Failure[] {
  const groups = new Map<string, Failure & { tried: Tried[] }>();
  for (const one of failed) {
    const { outcome, message } = one;
    if (outcome === "accepted" || outcome === "untried") continue;
    const reason = outcome === "ended" ? "other" : reasonOf(message);
    // One relay may refuse what is old in general, and ephemeral events far earlier.
    const key = `${outcome} ${reason} ${reason === "age-past" && isEphemeral(one)}`;
    const group = groups.get(key) ?? { outcome, reason, message, tried: [] };
    groups.set(key, group);
    group.tried.push(one);
  }
  return [...groups.values()];
}

const WHATS: Readonly<Record<Failed, (label: string, events: string, message: string) => string>> =
  {
    refused: (label, events, message) =>
      `\`${label}\` refuses ${events}: ${message === "" ? "without a word" : `\`${message}\``}`,
    silent: (label, events, message) =>
      message === ""
        ? `\`${label}\` gives no OK for ${events}`
        : `\`${label}\` answers with a NOTICE in place of an OK to ${events}: \`${message}\``,
    ended: (label, events, message) =>
      `\`${label}\`: the connection ended when an event was published (${message}): ${events}`,
  };

/** Where nothing was taken, and where only some was not. */
const WHYS: Readonly<Record<Failed, readonly [all: string, some: string]>> = {
  refused: [
    "only refusals would be measured",
    "the report counts them as refused, and judges its thresholds with them",
  ],
  silent: [
    "each publish would be a timeout, and nothing be measured",
    "each is counted as timed out, and holds a place on its connection for so long",
  ],
  ended: [
    "each connection of the run would end at its first event",
    "what is on its way on that connection is lost with it",
  ],
};

type Context = ProbeQuestion & { readonly tried: readonly Tried[]; readonly isAll: boolean };

function judgeFailure(context: Context, failure: Failure): Finding {
  const { label, isAll, mix, takes } = context;
  const { outcome, reason, message } = failure;
  const shareText = describeShare({
    sample: context.sample,
    tried: context.tried,
    outcome,
    reason,
    failed: failure.tried,
  });
  const isWhole = context.tried.length === failure.tried.length;
  const explanation = {
    what: WHATS[outcome](label, shareText, message),
    why: WHYS[outcome][isWhole ? 0 : 1],
    remedy: remedyFor({
      outcome,
      reason,
      isEphemeral: failure.tried.every(isEphemeral),
      isWhole,
      kinds: [...new Set(failure.tried.map(({ event }) => event.kind))],
      mixWithout: mix === null ? null : mixWithout(mix, failedTypes(context, failure)),
      isReplay: mix === null,
      takes: takes ?? null,
    }),
  };
  // Whose events a relay takes is not told by another key's.
  const isOfKey = reason === "policy" && mix === null && context.sample.isOwnKey;
  // A rate that is left for the run can't be told from here; an OK that never comes can.
  const isSure = outcome !== "refused" || (reason !== "rate-limit" && !isOfKey);
  const stops = isAll && isSure;
  return stops ? stop("probe", explanation) : advice("probe", explanation);
}

/** Types of which nothing was taken. */
function failedTypes({ tried }: Context, { tried: failed }: Failure): readonly string[] {
  const types = new Set(failed.map(({ type }) => type));
  return [...types].filter((type) => !tried.some((one) => one.type === type && isFine(one)));
}

/** `null`: nothing would be left, or nothing left out. */
function mixWithout(mix: Mix, types: readonly string[]): string | null {
  const left = Object.entries(mix).filter(([name]) => !types.includes(name));
  if (left.length === 0 || types.length === 0) return null;
  return formatMix(Object.fromEntries(left));
}

function judgeUnheard(label: string, unheard: readonly Tried[]): Finding {
  const words = unheard[0]?.message ?? "";
  return ok(
    "unheard",
    `\`${label}\` answers ${describeTypes(unheard)} with \`${words}\`: nobody listened, which is no failure`,
  );
}

function judgeWrongIds(label: string, tried: readonly Tried[]): Finding[] {
  if (!tried.some(({ wrongId }) => wrongId)) return [];
  return [
    advice("ok-id", {
      what: `\`${label}\` answers an event with an OK that names no event, or another one`,
      why: "here one event was on its way; in a run nobody can tell which event such an OK is for, and it times out",
      remedy: "let each OK bear the id of its event (NIP-01), refusals too",
    }),
  ];
}
