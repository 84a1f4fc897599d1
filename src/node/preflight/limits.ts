/** What a relay says of itself (NIP-11), held against the plan and its events. Pure. */
import type { Reason } from "../../nostr/reason.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { formatCount } from "../../report/format.ts";
import { type AgeQuestion, announcedAges, type Events, isTooOld } from "./ages.ts";
import { advice, type Explanation, type Finding, ok, stop } from "./finding.ts";
import type { Information, Limitation } from "./information.ts";
import { frameBytes } from "./sample.ts";

/** Nobody sets a clock better than this without trying; a `Date` has whole seconds. */
const SKEW_ADVICE_MS = 2_000;

/** The events of a run, as far as relays limit them. */
interface EventFacts extends Events {
  /** Bytes. */
  readonly largestFrame: number;
  readonly mostTags: number;
  /** Unicode characters. */
  readonly longestContent: number;
}

export interface LimitsQuestion extends AgeQuestion {
  readonly label: string;
  readonly events: EventFacts;
  /** They are made when the run starts, with times that fit it. */
  readonly isFresh?: boolean;
  /** What it took of a probe, and what it refused others for; left out where it was not tried. */
  readonly tried?: {
    readonly taken: readonly NostrEvent[];
    readonly refusedFor: ReadonlySet<Reason>;
  };
}

export function judgeLimits(question: LimitsQuestion): Finding[] {
  const { label, information } = question;
  const skew = judgeSkew(question);
  const { limitation } = information;
  if (limitation === null) {
    const what = `\`${label}\` serves no information document (${information.problem}); a probe asks instead`;
    return [ok("nip-11", what), ...skew];
  }
  const refusals = [
    ...judgeAdmission(question, limitation),
    ...judgeSizes(question, limitation),
    ...judgeAge(question),
  ];
  const { software, version } = information;
  const name = [software, version].filter((part) => part !== null).join(", ");
  const fine = `\`${label}\`${name === "" ? "" : ` (${name})`} announces nothing that forbids the events`;
  return [...(refusals.length === 0 ? [ok("nip-11", fine)] : []), ...refusals, ...skew];
}

interface Announced extends Explanation {
  readonly id: string;
  /** Whether the relay refused the probe's events for just that: then it said so itself. */
  readonly isSaid: boolean;
  /** It took an event that it announces to refuse. */
  readonly isContradicted: boolean;
}

/** What is announced is believed, unless the relay took such an event a moment ago. */
function judgeAnnounced(announced: readonly Announced[]): Finding[] {
  return announced.flatMap(({ id, what, why, remedy, isSaid, isContradicted }) => {
    if (isSaid) return [];
    if (!isContradicted) return [stop(id, { what, why, remedy })];
    const doubt = "it took such an event of the probe all the same; it may refuse others";
    return [advice(id, { what, why: doubt, remedy })];
  });
}

function judgeAdmission({ label, tried }: LimitsQuestion, limitation: Limitation): Finding[] {
  const { auth_required, payment_required, min_pow_difficulty, restricted_writes } = limitation;
  const took = (tried?.taken.length ?? 0) > 0;
  const state = (reason: Reason) => ({
    isSaid: tried?.refusedFor.has(reason) === true,
    isContradicted: took,
  });
  const announced: Announced[] = [];
  if (auth_required === true) {
    announced.push({
      id: "auth",
      what: `\`${label}\` announces that it requires AUTH (NIP-42)`,
      why: "it would refuse each event with `auth-required:`, and only refusals be measured",
      remedy: "switch `auth_required` off on the relay under test",
      ...state("auth"),
    });
  }
  if (payment_required === true) {
    announced.push({
      id: "payment",
      what: `\`${label}\` announces that it requires payment`,
      why: "keys made for a test have paid for nothing: each event would be refused",
      remedy: "switch `payment_required` off on the relay under test",
      ...state("payment"),
    });
  }
  if (min_pow_difficulty !== undefined && min_pow_difficulty > 0) {
    announced.push({
      id: "pow",
      what: `\`${label}\` announces that it requires proof of work: ${min_pow_difficulty} bits (NIP-13)`,
      why: "pools are signed without it: each event would be refused with `pow:`",
      remedy: "set `min_pow_difficulty` to 0 on the relay under test",
      ...state("pow"),
    });
  }
  const writes =
    restricted_writes === true && tried?.refusedFor.has("policy") !== true
      ? [
          advice("writes", {
            what: `\`${label}\` announces that it restricts who may write`,
            why: took
              ? "it took events of keys made for the probe; it may refuse others"
              : "it may refuse the events of keys that it doesn't know",
            remedy: "let it take events of any key while it is under test",
          }),
        ]
      : [];
  return [...judgeAnnounced(announced), ...writes];
}

function judgeSizes(
  { label, events, tried }: LimitsQuestion,
  { max_message_length, max_event_tags, max_content_length }: Limitation,
): Finding[] {
  const rows: readonly (readonly [
    id: string,
    what: string,
    needed: number,
    limit: number | undefined,
    of: (event: NostrEvent) => number,
  ])[] = [
    ["message-length", "bytes a message", events.largestFrame, max_message_length, frameBytes],
    ["event-tags", "tags an event", events.mostTags, max_event_tags, ({ tags }) => tags.length],
    [
      "content-length",
      "characters of content",
      events.longestContent,
      max_content_length,
      ({ content }) => Array.from(content).length,
    ],
  ];
  return judgeAnnounced(
    rows.flatMap(([id, what, needed, limit, of]) =>
      // 0, as in nostream's settings, is no limit.
      limit === undefined || limit <= 0 || needed <= limit
        ? []
        : [
            {
              id,
              what: `\`${label}\` announces to take ${formatCount(limit)} ${what}, the largest needs ${formatCount(needed)}`,
              why: "it would refuse those events, or end the connection",
              remedy: "raise the relay's limit, or leave the large type out of --mix",
              isSaid: false,
              isContradicted: tried?.taken.some((event) => of(event) > limit) === true,
            },
          ],
    ),
  );
}

/** The smallest of the relays' limits on a message in bytes; `undefined` when none announces one. */
export function mostFrameBytes(relays: readonly Information[]): number | undefined {
  const limits = relays.map(({ limitation }) => limitation?.max_message_length ?? 0);
  // 0 is no limit, as above.
  const least = Math.min(...limits.filter((limit) => limit > 0));
  return Number.isFinite(least) ? least : undefined;
}

function judgeAge(question: LimitsQuestion): Finding[] {
  const { label, events, information, nowSec, laterSec, isFresh = false } = question;
  const findings: Finding[] = [];
  if (isTooOld(events, question)) {
    const limit = information.limitation?.created_at_lower_limit ?? 0;
    const ageSec = nowSec + laterSec - events.createdAt.min;
    findings.push(
      stop("created-at", {
        what: `\`${label}\` takes events of the last ${formatCount(limit)} s, the pool's oldest will be ${formatCount(Math.ceil(ageSec))} s old`,
        why: "it would refuse them as too old",
        remedy: isFresh
          ? `raise \`created_at_lower_limit\` on the relay to ${Math.ceil(ageSec / 10) * 10} or more: so long it takes to sign the events and to connect`
          : "raise `created_at_lower_limit` on the relay, or leave out --pool or --events: a pool whose times fit is made then",
      }),
    );
  }
  const { newestSec } = announcedAges(information, nowSec, events.kinds);
  if (newestSec !== null && events.createdAt.max > newestSec + (isFresh ? laterSec : 0)) {
    findings.push(
      stop("created-at", {
        what: `the pool's newest event lies more than ${formatCount(information.limitation?.created_at_upper_limit ?? 0)} s in the future for \`${label}\``,
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
