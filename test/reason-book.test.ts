import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createReasonBook } from "../src/nostr/reason-book.ts";

describe("the book of reasons", () => {
  it("knows a text again, whatever ids and figures it has", () => {
    const reasonOf = createReasonBook();
    for (let n = 0; n < 5_000; n++) {
      const id = n.toString(16).padStart(64, "a");
      assert.equal(reasonOf(`rate-limited: wait ${n} ms for ${id}`), "rate-limit");
    }
    assert.equal(reasonOf("blocked: kind 7 not allowed"), "kind");
  });

  it("tells one status of HTTP from another", () => {
    const reasonOf = createReasonBook();
    assert.equal(reasonOf("HTTP 429"), "rate-limit");
    assert.equal(reasonOf("HTTP 402"), "payment");
    assert.equal(reasonOf("HTTP 503"), "overload");
  });

  it("takes the prefix for it once it is full, and stays small", () => {
    const reasonOf = createReasonBook();
    const word = (n: number) =>
      [...String(n)].map((digit) => "abcdefghij".charAt(Number(digit))).join("");
    for (let n = 0; n < 600; n++) reasonOf(`blocked: pubkey of ${word(n)}`);
    assert.equal(reasonOf("blocked: something not seen before"), "policy");
    assert.equal(reasonOf("odd, and not seen before"), "other");
    assert.equal(reasonOf("blocked: pubkey of a"), "policy");
  });

  it("reads no more of a text than its beginning", () => {
    assert.equal(createReasonBook()(`blocked: kind ${"x".repeat(1_000_000)}`), "kind");
  });
});
