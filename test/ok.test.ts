import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { classifyOk, messagePrefix } from "../src/nostr/ok.ts";

describe("messagePrefix", () => {
  const table = [
    ["", "other"],
    ["blocked: you are banned", "blocked"],
    ["rate-limited: slow down there chief", "rate-limited"],
    ["pow: difficulty 26>=25 is required", "pow"],
    ["auth-required: we only accept events from registered users", "auth-required"],
    ["duplicate:", "duplicate"],
    ["replaced: have newer event", "replaced"],
    ["ERROR: bad event: invalid", "other"],
    ["ERROR: invalid: bad signature", "invalid"],
    ["error: could not connect to the database", "error"],
    ["no prefix at all", "other"],
    ["Blocked: capital", "other"],
    [" blocked: blank first", "other"],
    ["two words: here", "other"],
    [": nothing before", "other"],
    ["-: dash", "other"],
    ["blocked", "other"],
  ] as const;
  for (const [message, prefix] of table) {
    it(`is \`${prefix}\` for \`${message}\``, () => assert.equal(messagePrefix(message), prefix));
  }

  it("is a plain word, whatever a relay sends", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom("", ":", ": "), (text, end) => {
        assert.match(messagePrefix(text + end), /^[a-z][a-z-]*$/);
      }),
    );
  });
});

describe("classifyOk", () => {
  const table = [
    [true, "", "accepted"],
    [true, "pow: difficulty 25>=24", "accepted"],
    [true, "duplicate: already have this event", "duplicate"],
    [true, "replaced: odd", "accepted"],
    [false, "", "rejected"],
    [false, "blocked: you are banned", "rejected"],
    [false, "replaced: have newer event", "superseded"],
    [false, "duplicate: have this event", "duplicate"],
  ] as const;
  for (const [accepted, message, outcome] of table) {
    it(`takes ${accepted} with \`${message}\` as ${outcome}`, () => {
      assert.equal(classifyOk(accepted, message), outcome);
    });
  }
});
