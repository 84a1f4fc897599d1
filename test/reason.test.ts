import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Reason, reasonOf } from "../src/nostr/reason.ts";
import { HELD_OUT } from "./fixtures/held-out-wordings.ts";
import { UNKNOWN_WORDINGS } from "./fixtures/unknown-wordings.ts";

/** What relays send, by the source that has it: OK, CLOSED and NOTICE alike. */
const KNOWN: readonly (readonly [relay: string, text: string, reason: Reason])[] = [
  ["strfry", "duplicate: have this event", "duplicate"],
  ["strfry", "replaced: have newer event", "replaced"],
  ["strfry", "deleted: user requested deletion", "replaced"],
  ["strfry", "blocked: event marked as protected", "policy"],
  ["strfry", "invalid: bad event id", "signature"],
  ["strfry", "invalid: bad signature", "signature"],
  ["strfry", "invalid: event too large: 70001", "size"],
  ["strfry", "invalid: too many tags: 5", "size"],
  ["strfry", "invalid: unexpected size for fixed-size tag: e", "malformed"],
  ["strfry", "invalid: created_at too early", "age-past"],
  ["strfry", "invalid: created_at too late", "age-future"],
  ["strfry", "invalid: ephemeral event expired", "age-past"],
  ["strfry", "invalid: event expired", "age-past"],
  ["strfry", "Write error: MDB_MAP_FULL", "storage"],
  ["strfry", "Write error: unexpected", "storage"],
  ["strfry", "error: internal error", "other"],
  ["strfry", "ERROR: too many concurrent REQs", "subscriptions"],
  ["strfry", "ERROR: bad req: total filter items too large", "subscriptions"],
  ["strfry", "ERROR: bad msg: unparseable message", "malformed"],
  ["strfry", "ERROR: negentropy error: bad state", "other"],
  ["strfry", "error: relay needs serviceUrl to be configured before AUTH can work", "auth"],
  ["nostr-rs-relay", "duplicate: ", "duplicate"],
  ["nostr-rs-relay", "blocked: pubkey is not allowed to publish to this relay", "policy"],
  ["nostr-rs-relay", "blocked: event kind is blocked by relay", "kind"],
  ["nostr-rs-relay", "rate-limited: ", "rate-limit"],
  ["nostr-rs-relay", "invalid: Event invalid id", "signature"],
  ["nostr-rs-relay", "invalid: Event invalid signature", "signature"],
  [
    "nostr-rs-relay",
    "invalid: The event created_at field is out of the acceptable range (+1800sec) for this relay.",
    "age-future",
  ],
  ["nostr-rs-relay", "invalid: The event has already expired", "age-past"],
  ["nostr-rs-relay", "invalid: Command unknown", "unsupported"],
  [
    "nostr-rs-relay",
    "error: relay experienced an error trying to publish the latest event",
    "other",
  ],
  ["nostr-rs-relay", "event exceeded max size", "size"],
  ["nostr-rs-relay", "message too large (262145 > 262144)", "size"],
  ["nostr-rs-relay", "could not parse command", "malformed"],
  [
    "nostr-rs-relay",
    "Subscription error: Maximum concurrent subscription count reached",
    "subscriptions",
  ],
  ["nostr-rs-relay", "Maximum concurrent subscription count reached", "subscriptions"],
  ["nostream", "event is expired", "age-past"],
  ["nostream", "rejected: content is longer than 102400 bytes", "size"],
  ["nostream", "rejected: created_at is more than 900 seconds in the past", "age-past"],
  ["nostream", "rejected: created_at is more than 900 seconds in the future", "age-future"],
  ["nostream", "pow: difficulty 3<20", "pow"],
  ["nostream", "pow: pubkey difficulty 0<8", "pow"],
  ["nostream", "blocked: pubkey not allowed", "policy"],
  // Where an admission fee is set; a plain list of keys may be told in the same words, and whoever is on it is let in.
  ["nostream", "blocked: pubkey not admitted", "policy"],
  ["nostream", "blocked: insufficient balance", "payment"],
  ["nostream", "blocked: event kind 30078 not allowed", "kind"],
  ["nostream", "rate-limited: slow down", "rate-limit"],
  ["nostream", "rate limited", "rate-limit"],
  ["nostream", "error: event not supported", "kind"],
  ["nostream", "error: unable to process event", "other"],
  ["nostream", "invalid: event id does not match", "signature"],
  ["nostream", "invalid: event signature verification failed", "signature"],
  ["nostream", "auth-required: this event may only be published by its author", "auth"],
  [
    "nostream",
    "Subscription rejected: Too many subscriptions: Number of subscriptions must be less than or equal to 10",
    "subscriptions",
  ],
  ["nostream fork", "restricted: payment required - 21 sats", "payment"],
  ["nostream fork", "Free tier: 10 free events remaining. Pay to go on.", "payment"],
  ["nostr-relay-nestjs", "rate-limited: slow down there chief", "rate-limit"],
  ["khatru", "mute: no one was listening for this", "unheard"],
  ["khatru", "invalid: id is computed incorrectly", "signature"],
  ["khatru", "invalid: signature is invalid", "signature"],
  ["khatru", "error: failed to verify signature", "signature"],
  ["khatru", "error: failed to authenticate", "auth"],
  ["khatru", "auth-required: must be published by authenticated event author", "auth"],
  ["khatru", "blocked: must be published by event author", "policy"],
  ["khatru", "blocked: can't repost nip70 protected", "policy"],
  ["khatru", "blocked: event too old", "age-past"],
  ["khatru", "blocked: event too much in the future", "age-future"],
  ["khatru", "rate-limited: slow down, please", "rate-limit"],
  ["khatru", "unsupported: this relay does not support NIP-45", "unsupported"],
  ["khatru", "failed to parse envelope: invalid character", "malformed"],
  ["nostr-relay (npm)", "invalid: id is wrong", "signature"],
  ["nostr-relay (npm)", "invalid: signature is wrong", "signature"],
  ["nostr-relay (npm)", "reject: event is expired", "age-past"],
  ["nostr-relay (npm)", "duplicate: the event already exists", "duplicate"],
  [
    "nostr-relay (npm)",
    'invalid: must be less than or equal to 102400 chars at "[1].content"',
    "size",
  ],
  ["nostr-relay (PyPI)", "invalid: 1767225600 is too old", "age-past"],
  ["nostr-relay (PyPI)", "duplicate: exists", "duplicate"],
  ["rnostr", "rate-limited: ", "rate-limit"],
  ["a public relay", "rate-limited: you are noting too much", "rate-limit"],
  ["clients' tests", "rate-limit: you note too much", "rate-limit"],
  ["clients' tests", "banned: too …", "rate-limit"],
  ["clients' tests", "rate limited by relay", "rate-limit"],
  ["nos.lol", "pow: 28 bits needed", "pow"],
  [
    "nostr.wine",
    "restricted: sign up at https://nostr.wine to write events to this relay",
    "policy",
  ],
  ["nostr.wine", "blocked: not an active paid member", "payment"],
  ["others", "blocked: spam not permitted", "policy"],
  ["others", "blocked: read-only relay", "policy"],
  ["others", "blocked: you do not have a verified NIP-05.", "policy"],
  ["others", "blocked: only certain pubkeys are allowed to post here", "policy"],
  ["openagents", "invalid: relay URL mismatch", "auth"],
  ["booger", "Blocked: too many filters", "subscriptions"],
  ["divine", "rate-limited: too many subscriptions (max 100)", "subscriptions"],
  ["fonstr", "Rate limit exceeded. Please slow down.", "rate-limit"],
  ["NIP-01", "blocked: you are banned from posting here", "policy"],
  [
    "NIP-01",
    "blocked: please register your pubkey at https://my-expensive.relay.example",
    "policy",
  ],
  ["NIP-01", "rate-limited: slow down there chief", "rate-limit"],
  ["NIP-01", "invalid: event creation date is too far off from the current time", "age-past"],
  ["NIP-01", "pow: difficulty 26 is less than 30", "pow"],
  ["NIP-01", "restricted: not allowed to write.", "policy"],
  ["NIP-01", "error: could not connect to the database", "storage"],
  ["NIP-01", "error: shutting down idle subscription", "shutdown"],
  ["NIP-42", "auth-required: we only accept events from registered users", "auth"],
  ["NIP-42", "restricted: we do not accept events from unauthenticated users", "auth"],
  ["wide use", "error: no space left on device", "storage"],
];

/** What must not be taken for what it looks like, and forms of a prefix. */
const FORMS: readonly (readonly [text: string, reason: Reason])[] = [
  ["", "other"],
  ["blocked", "policy"],
  ["blocked:", "policy"],
  ["BLOCKED: KIND 1 ONLY", "kind"],
  ["invalid:", "malformed"],
  ["error:", "other"],
  ["ERROR: invalid: created_at too early", "age-past"],
  ["error: rate-limited: slow down", "rate-limit"],
  ["Rate-Limited: no", "rate-limit"],
  ["rate_limited: no", "rate-limit"],
  ["POW: 20", "pow"],
  ["constructor: odd", "other"],
  ["duplicate: have a newer one", "replaced"],
  ["blocked: you are not admitted to this relay", "policy"],
  ["restricted: admission by invitation", "policy"],
  ["we admit our members' keys alone", "policy"],
  ["restricted: pay the admission fee first", "payment"],
  ["blocked: no admission without payment", "payment"],
  ["mute: this pubkey is muted here", "policy"],
  ["error: no write permission", "policy"],
  ["blocked: network error", "policy"],
  ["error: payload too large", "size"],
  ["blocked: kind 1 is too old", "age-past"],
  ["blocked: event author is not on the list", "policy"],
  ["welcome to the relay", "other"],
  ["connection accepted", "other"],
];

describe("reasonOf", () => {
  for (const [relay, text, reason] of KNOWN) {
    it(`is ${reason} for ${relay}'s \`${text}\``, () => assert.equal(reasonOf(text), reason));
  }
  for (const [text, reason] of FORMS) {
    it(`is ${reason} for \`${text}\``, () => assert.equal(reasonOf(text), reason));
  }

  it("looks at no letter's case", () => {
    for (const [, text, reason] of KNOWN) {
      assert.equal(reasonOf(text.toUpperCase()), reason, text);
    }
  });

  for (const list of [UNKNOWN_WORDINGS, HELD_OUT]) {
    for (const [reason, texts] of Object.entries(list)) {
      it(`knows nine in ten of ${texts.length} wordings of ${reason} that no relay is known for`, () => {
        const wrong = texts.filter((text) => reasonOf(text) !== reason);
        assert.ok(wrong.length <= texts.length / 10, wrong.join("\n"));
      });
    }
  }

  it("takes whatever a relay sends, in bounded time", () => {
    fc.assert(fc.property(fc.string(), (text) => typeof reasonOf(text) === "string"));
    for (const word of ["too many ", "created_at ", "error: ", "no ", "a".repeat(30)]) {
      assert.equal(typeof reasonOf(word.repeat(200)), "string");
    }
  });
});
