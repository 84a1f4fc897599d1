/**
 * Events that the relay turned down, by what its words mean: a rule for each meaning, since each wants
 * something else to be done. Rate limits have a rule of their own.
 */

import type { Reason } from "../../nostr/reason.ts";
import { publishOf } from "../class-report.ts";
import type { Report, ReportError } from "../types.ts";
import { evidence, failureCost, type Rule, shareOf } from "./rule.ts";
import {
  countOf,
  errorsOf,
  kindsOf,
  percent,
  quoted,
  textEvidence,
  typeEvidence,
  typesOf,
} from "./words.ts";

interface Refusal {
  readonly id: string;
  readonly reasons: readonly Reason[];
  /** What the relay did to so many percent of the events. */
  readonly title: (share: string, met: Met) => string;
  readonly remedy: (met: Met) => string;
  readonly labels: readonly string[];
}

/** The events that were turned down. */
interface Met {
  readonly report: Report;
  readonly errors: readonly ReportError[];
  readonly types: readonly string[];
  readonly kinds: readonly number[];
}

const isReplay = ({ report }: Met) => "replay" in (report.config.pool.source ?? {});
const isEphemeral = (kind: number) => kind >= 20_000 && kind < 30_000;
const onlyEphemeral = ({ kinds }: Met) => kinds.length > 0 && kinds.every(isEphemeral);
const named = ({ types, kinds }: Met) =>
  kinds.length === 0 ? types.join(", ") : `${kinds.join(", ")} (${types.join(", ")})`;

const REFUSALS: readonly Refusal[] = [
  {
    id: "refused-by-policy",
    reasons: ["policy"],
    title: (share) => `A policy of the relay turned ${share} of the events down`,
    remedy: () =>
      "The relay takes events of some authors or contents only: a list of keys, a web of trust, NIP-05, a spam filter. Let the relay under test take events of any key, or load it with events of keys that it takes (--builders, --events).",
    labels: ["rejections", "policy"],
  },
  {
    id: "kind-refused",
    reasons: ["kind"],
    title: (share, met) =>
      met.types.length === 0
        ? `The relay refuses kinds of the mix: ${share} of the events`
        : `The relay refuses the ${met.kinds.length === 1 ? "kind" : "kinds"} ${named(met)}: ${share} of the events`,
    remedy: (met) =>
      `Allow ${met.kinds.length === 0 ? "these kinds" : `the kinds ${met.kinds.join(", ")}`} in the relay's configuration, or leave ${met.types.length === 0 ? "them" : met.types.join(", ")} out of --mix: the relay is not asked for what it was not built for.`,
    labels: ["rejections", "configuration"],
  },
  {
    id: "too-large",
    reasons: ["size"],
    title: (share) => `${share} of the events are larger than the relay takes`,
    remedy: () =>
      "Raise the relay's limit (strfry maxEventSize, nostr-rs-relay max_event_bytes, nostream content.maxLength) or load it with smaller events. A limit that refuses is to be announced in NIP-11: max_message_length and max_content_length, max_event_tags.",
    labels: ["rejections", "configuration"],
  },
  {
    id: "too-old",
    reasons: ["age-past"],
    title: (share, met) =>
      onlyEphemeral(met)
        ? `Ephemeral events are too old for the relay: ${share} of the events`
        : `${share} of the events are older than the relay takes`,
    remedy: (met) =>
      isReplay(met)
        ? "A replay keeps the times that its events were signed with, and events may have expired (NIP-40): raise the relay's limit on age for the test, or leave the old ones out."
        : `Events of a pool carry times of the past. ${onlyEphemeral(met) ? "Raise the relay's limit for ephemeral events (strfry rejectEphemeralEventsOlderThanSeconds)" : "Raise the relay's limit (strfry rejectEventsOlderThanSeconds, nostream createdAt.maxNegativeDelta)"}, or send a pool that is young enough: \`k6-nostr pool --epoch\` and --pool.`,
    labels: ["rejections", "configuration", "workload"],
  },
  {
    id: "too-new",
    reasons: ["age-future"],
    title: (share) => `${share} of the events lie in the relay's future`,
    remedy: () =>
      "Compare the clocks of both hosts first, then the pool's times (`pool inspect`) with the relay's limit: an epoch of today puts events ahead of now.",
    labels: ["rejections", "workload"],
  },
  {
    id: "storage-errors",
    reasons: ["storage"],
    title: (share) => `The relay could not store ${share} of the events`,
    remedy: () =>
      "Look at the relay's log and its disk: space, the map size of LMDB, locks, the database behind it. What it answered so is not stored; see whether the failures begin at a rate, at a size, or at a moment.",
    labels: ["storage", "reliability"],
  },
  {
    id: "busy-refusals",
    reasons: ["overload"],
    title: (share) => `The relay said that it is overloaded, and refused ${share} of the events`,
    remedy: () =>
      "It sheds load in words, as a relay should: what was let in is what it takes. Find what its queue waits for, or load it with less.",
    labels: ["performance", "capacity"],
  },
  {
    id: "auth-wanted",
    reasons: ["auth"],
    title: (share) => `The relay wants authentication (NIP-42) for ${share} of the events`,
    remedy: (met) =>
      isReplay(met)
        ? "This tool can't authenticate (NIP-42). Leave protected events (NIP-70, the tag `-`) out of the file, or let the relay under test take events without."
        : "This tool can't authenticate (NIP-42). Let the relay under test take events without authentication.",
    labels: ["rejections", "configuration"],
  },
  {
    id: "payment-wanted",
    reasons: ["payment"],
    title: (share) => `The relay wants to be paid for ${share} of the events`,
    remedy: () =>
      "Switch payments and admission off in the relay under test, or admit the keys of the pool.",
    labels: ["rejections", "configuration"],
  },
  {
    id: "proof-of-work-wanted",
    reasons: ["pow"],
    title: (share) => `The relay wants proof of work (NIP-13) for ${share} of the events`,
    remedy: () =>
      "Lower what it asks for during the test, or send events that have it (--builders, --events).",
    labels: ["rejections", "configuration"],
  },
  {
    id: "relay-stopping",
    reasons: ["shutdown"],
    title: (share) => `The relay was shutting down, and refused ${share} of the events`,
    remedy: () =>
      "Somebody or something stopped or restarted it during the run: look at its log and at what supervises it (out of memory, a health check, a deployment), and run again.",
    labels: ["reliability"],
  },
  {
    id: "signatures-refused",
    reasons: ["signature"],
    title: (share) => `The relay calls ids or signatures of ${share} of the events wrong`,
    remedy: () =>
      "`k6-nostr pool verify` checks every id and signature of the pool. Where it finds none wrong, the relay reads or serialises events differently: compare one that it names, byte by byte, with NIP-01.",
    labels: ["rejections", "requires-security-review"],
  },
  {
    id: "unheard-kinds",
    reasons: ["unheard"],
    title: (share, met) =>
      `The relay treats events as ephemeral that are not: ${share}${met.kinds.length === 0 ? "" : `, kinds ${met.kinds.join(", ")}`}`,
    remedy: () =>
      "`mute:` says that nobody listened, which is right for the kinds 20000 to 29999 only. Store the others, or refuse them by a prefix that says why.",
    labels: ["protocol", "rejections"],
  },
  {
    id: "rejected",
    reasons: ["other", "malformed", "unsupported", "subscriptions", "replaced", "duplicate"],
    title: (share, { errors }) =>
      `The relay rejected ${share} of the events, mostly with ${quoted(errors[0]?.example ?? "")}`,
    remedy: ({ errors }) => remedyFor(errors[0]?.code ?? ""),
    labels: ["rejections"],
  },
];

export const refusals: readonly Rule[] = REFUSALS.map(
  ({ id, reasons, title, remedy, labels }): Rule => ({
    id,
    explains: id === "rejected" || id === "busy-refusals" ? [] : ["sets-cut"],
    find({ report }) {
      const errors = errorsOf(report, "reject", (r) => r !== null && reasons.includes(r));
      const count = countOf(errors);
      if (count === 0) return null;
      const types = typesOf(errors).map(([type]) => type);
      const met: Met = { report, errors, types, kinds: kindsOf(report, types) };
      return {
        severity: shareOf(count, report) >= 0.01 ? "major" : "minor",
        confidence: "high",
        title: title(percent(shareOf(count, report)), met),
        evidence: [...textEvidence(errors), ...typeEvidence(report, errors)],
        counterEvidence: [
          evidence(
            "publish.totals.accepted",
            publishOf(report).totals.accepted,
            publishOf(report).totals.scheduled,
          ),
          evidence("publish.totals.rejected", publishOf(report).totals.rejected, count),
          evidence("frames.malformed", report.frames.malformed, 0),
        ],
        remediation: remedy(met),
        labels,
        cost: failureCost(count, report),
      };
    },
  }),
);

/** Where the words say nothing that is known. */
function remedyFor(prefix: string): string {
  switch (prefix) {
    case "invalid":
      return "The relay calls signed, valid events invalid: compare its text with its announced limits (NIP-11) and with the clock; `k6-nostr pool verify` checks the events.";
    case "error":
      return "The relay failed while it took these events: its own log has the reason. Look at the storage first, and at what happens at this rate only.";
    case "blocked":
    case "restricted":
    case "rejected":
      return "A rule of the relay turns these events down: allow the kinds and keys of the pool, or leave them out of the mix.";
    case "other":
      return "Read the texts above and the relay's log. Clients can't act on a reason without a prefix of NIP-01: give it one.";
    default:
      return "Read the texts above and the relay's log.";
  }
}
