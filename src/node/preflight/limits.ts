/** What a relay says of itself (NIP-11), held against the plan and its events. Pure. */
import { formatCount } from "../../report/format.ts";
import { advice, type Finding, ok, stop } from "./finding.ts";
import type { Information, Limitation } from "./information.ts";

/** Nobody sets a clock better than this without trying; a `Date` has whole seconds. */
const SKEW_ADVICE_MS = 2_000;

/** The events of a run, as far as relays limit them. */
export interface EventFacts {
  /** Bytes. */
  readonly largestFrame: number;
  readonly mostTags: number;
  /** Unicode characters. */
  readonly longestContent: number;
  /** Unix seconds. */
  readonly createdAt: { readonly min: number; readonly max: number };
}

export interface LimitsQuestion {
  readonly label: string;
  readonly information: Information;
  readonly events: EventFacts;
  readonly nowSec: number;
  /** The run may last so long from now on, seconds. */
  readonly runSec: number;
}

export function judgeLimits(question: LimitsQuestion): Finding[] {
  const { label, information, events } = question;
  const skew = judgeSkew(question);
  const { limitation } = information;
  if (limitation === null) {
    const what = `\`${label}\` serves no information document (${information.problem}); a probe asks instead`;
    return [ok("nip-11", what), ...skew];
  }
  const refusals = [
    ...judgeAdmission(label, limitation),
    ...judgeSizes(label, limitation, events),
    ...judgeAge(question, limitation),
  ];
  const software = information.software === null ? "" : ` (${information.software})`;
  const fine = ok("nip-11", `\`${label}\`${software} announces nothing that forbids the plan`);
  return [...(refusals.some(({ level }) => level === "stop") ? [] : [fine]), ...refusals, ...skew];
}

/**
 * Whether a relay would refuse events for their age some time in a run: by its announced limit and its
 * own clock. 0 means no limit.
 */
export function isTooOld(
  createdAtSec: number,
  { information, nowSec, runSec }: Pick<LimitsQuestion, "information" | "nowSec" | "runSec">,
): boolean {
  const limit = information.limitation?.created_at_lower_limit ?? 0;
  const relayNowSec = nowSec + (information.clockSkewMs ?? 0) / 1_000;
  return limit > 0 && createdAtSec < relayNowSec + runSec - limit;
}

function judgeAdmission(label: string, limitation: Limitation): Finding[] {
  const { auth_required, payment_required, min_pow_difficulty, restricted_writes } = limitation;
  const findings: Finding[] = [];
  if (auth_required === true) {
    findings.push(
      stop("auth", {
        what: `\`${label}\` requires AUTH (NIP-42)`,
        why: "it would refuse each event with `auth-required:`, and only refusals be measured",
        remedy: "switch `auth_required` off on the relay under test",
      }),
    );
  }
  if (payment_required === true) {
    findings.push(
      stop("payment", {
        what: `\`${label}\` requires payment`,
        why: "keys made for a test have paid for nothing: each event would be refused",
        remedy: "switch `payment_required` off on the relay under test",
      }),
    );
  }
  if (min_pow_difficulty !== undefined && min_pow_difficulty > 0) {
    findings.push(
      stop("pow", {
        what: `\`${label}\` requires proof of work: ${min_pow_difficulty} bits (NIP-13)`,
        why: "pools are signed without it: each event would be refused with `pow:`",
        remedy: "set `min_pow_difficulty` to 0 on the relay under test",
      }),
    );
  }
  if (restricted_writes === true) {
    findings.push(
      advice("writes", {
        what: `\`${label}\` restricts who may write`,
        why: "it may refuse the events of keys that it doesn't know",
        remedy: "let it take events of any key while it is under test",
      }),
    );
  }
  return findings;
}

function judgeSizes(label: string, limitation: Limitation, events: EventFacts): Finding[] {
  const { max_message_length, max_event_tags, max_content_length } = limitation;
  const rows: readonly (readonly [string, string, number, number | undefined])[] = [
    ["message-length", "bytes a message", events.largestFrame, max_message_length],
    ["event-tags", "tags an event", events.mostTags, max_event_tags],
    ["content-length", "characters of content", events.longestContent, max_content_length],
  ];
  return rows.flatMap(([id, what, needed, limit]) =>
    // 0, as in nostream's settings, is no limit.
    limit === undefined || limit <= 0 || needed <= limit
      ? []
      : [
          stop(id, {
            what: `\`${label}\` takes ${formatCount(limit)} ${what}, the largest needs ${formatCount(needed)}`,
            why: "it would refuse those events, or end the connection",
            remedy: "raise the relay's limit, or leave the large type out of --mix",
          }),
        ],
  );
}

/** The smallest of the relays' limits on a message in bytes; `undefined` when none announces one. */
export function mostFrameBytes(relays: readonly Information[]): number | undefined {
  const limits = relays.map(({ limitation }) => limitation?.max_message_length ?? 0);
  // 0 is no limit, as above.
  const least = Math.min(...limits.filter((limit) => limit > 0));
  return Number.isFinite(least) ? least : undefined;
}

function judgeAge(question: LimitsQuestion, limitation: Limitation): Finding[] {
  const { label, events, information, nowSec } = question;
  const findings: Finding[] = [];
  if (isTooOld(events.createdAt.min, question)) {
    findings.push(
      stop("created-at", {
        what: `\`${label}\` takes events of the last ${formatCount(limitation.created_at_lower_limit ?? 0)} s, the pool's oldest will be ${formatCount(nowSec + question.runSec - events.createdAt.min)} s old`,
        why: "it would refuse them as too old",
        remedy:
          "raise `created_at_lower_limit` on the relay, or make a younger pool: `k6-nostr pool --epoch SEC`",
      }),
    );
  }
  const upper = limitation.created_at_upper_limit ?? 0;
  const relayNowSec = nowSec + (information.clockSkewMs ?? 0) / 1_000;
  if (upper > 0 && events.createdAt.max > relayNowSec + upper) {
    findings.push(
      stop("created-at", {
        what: `the pool's newest event lies more than ${formatCount(upper)} s in the future for \`${label}\``,
        why: "it would refuse it as too new",
        remedy: "make an older pool: `k6-nostr pool --epoch SEC`, or set the clocks",
      }),
    );
  }
  return findings;
}

function judgeSkew({ label, information }: LimitsQuestion): Finding[] {
  const { clockSkewMs, limitation } = information;
  if (clockSkewMs === null) return [];
  const off = `the clock of \`${label}\` is ${(Math.abs(clockSkewMs) / 1_000).toFixed(0)} s ${clockSkewMs < 0 ? "behind" : "ahead"}`;
  if (Math.abs(clockSkewMs) <= SKEW_ADVICE_MS) {
    return [ok("clock", `the clocks of \`${label}\` and this machine agree within 2 s`)];
  }
  const limits = [limitation?.created_at_lower_limit ?? 0, limitation?.created_at_upper_limit ?? 0];
  const windowSec = Math.min(...limits.filter((limit) => limit > 0));
  const explanation = {
    what: off,
    why: "events are judged by the relay's clock, and its log can't be laid beside the report",
    remedy: "set both clocks by NTP",
  };
  const isOutside = Math.abs(clockSkewMs) / 1_000 > windowSec;
  return [isOutside ? stop("clock", explanation) : advice("clock", explanation)];
}
