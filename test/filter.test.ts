import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseEvent } from "../src/nostr/event-check.ts";
import { compareNewestFirst, matchesFilter, parseFilter } from "../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../src/nostr/wire.ts";

const EVENT: NostrEvent = {
  id: "a".repeat(64),
  pubkey: "b".repeat(64),
  created_at: 1_700_000_000,
  kind: 30_078,
  tags: [["d", "one", "ignored"], ["t", "cats"], ["t", "dogs"], ["title", "cats"], ["e"]],
  content: "",
  sig: "c".repeat(128),
};

describe("matchesFilter", () => {
  const table: readonly [filter: Filter, expected: boolean][] = [
    [{}, true],
    [{ limit: 0 }, true],
    [{ ids: [EVENT.id] }, true],
    [{ ids: ["d".repeat(64), EVENT.id] }, true],
    [{ ids: ["d".repeat(64)] }, false],
    [{ ids: [] }, false],
    [{ authors: [EVENT.pubkey] }, true],
    [{ authors: [EVENT.id] }, false],
    [{ kinds: [1, 30_078] }, true],
    [{ kinds: [1] }, false],
    [{ since: 1_700_000_000, until: 1_700_000_000 }, true],
    [{ since: 1_700_000_001 }, false],
    [{ until: 1_699_999_999 }, false],
    [{ "#t": ["birds", "dogs"] }, true],
    [{ "#t": ["birds"] }, false],
    [{ "#t": ["cats"], "#d": ["one"] }, true],
    [{ "#t": ["cats"], "#d": ["two"] }, false],
    [{ "#d": ["ignored"] }, false],
    [{ "#e": ["a".repeat(64)] }, false],
    [{ "#T": ["cats"] }, false],
    [{ kinds: [30_078], authors: [EVENT.id] }, false],
    [{ search: "cats" }, false],
  ];
  for (const [filter, expected] of table) {
    it(`${expected ? "takes" : "refuses"} the event for ${JSON.stringify(filter)}`, () => {
      assert.equal(matchesFilter(filter, EVENT), expected);
    });
  }
});

describe("parseFilter", () => {
  for (const filter of [
    {},
    { ids: [], authors: [EVENT.pubkey], kinds: [0, 65_535], since: 0, until: 1, limit: 0 },
    { "#e": [EVENT.id], "#p": [EVENT.pubkey], "#d": [""], "#Z": ["anything"] },
  ]) {
    it(`takes ${JSON.stringify(filter)}`, () => {
      assert.deepEqual(parseFilter(filter), { filter });
    });
  }

  const refused: readonly [value: unknown, problem: RegExp][] = [
    [null, /^invalid: a filter/],
    [[], /^invalid: a filter/],
    ["{}", /^invalid: a filter/],
    [{ ids: EVENT.id }, /^invalid: .*"ids"/],
    [{ ids: ["A".repeat(64)] }, /^invalid: .*"ids"/],
    [{ authors: ["abcd"] }, /^invalid: .*"authors"/],
    [{ "#e": ["abcd"] }, /^invalid: .*"#e"/],
    [{ "#p": [""] }, /^invalid: .*"#p"/],
    [{ "#t": [1] }, /^invalid: .*"#t"/],
    [{ kinds: [1.5] }, /^invalid: .*"kinds"/],
    [{ kinds: [65_536] }, /^invalid: .*"kinds"/],
    [{ kinds: ["1"] }, /^invalid: .*"kinds"/],
    [{ since: "1" }, /^invalid: .*"since"/],
    [{ until: -1 }, /^invalid: .*"until"/],
    [{ limit: 1.5 }, /^invalid: .*"limit"/],
    [{ limit: null }, /^invalid: .*"limit"/],
    [{ search: 1 }, /^invalid: .*"search"/],
    [{ query: "cats" }, /^unsupported: .*"query"/],
    [{ "#title": ["cats"] }, /^unsupported: .*"#title"/],
    [JSON.parse('{"__proto__":{}}'), /^unsupported: .*"__proto__"/],
  ];
  for (const [value, problem] of refused) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      const parsed = parseFilter(value);
      assert.ok("problem" in parsed);
      assert.match(parsed.problem, problem);
    });
  }
});

describe("compareNewestFirst", () => {
  it("puts the newest first and the lowest id first among equals", () => {
    const event = (created_at: number, id: string) => ({ created_at, id });
    const sorted = [event(1, "a"), event(2, "b"), event(2, "a")].sort(compareNewestFirst);
    assert.deepEqual(sorted, [event(2, "a"), event(2, "b"), event(1, "a")]);
    assert.equal(compareNewestFirst(event(1, "a"), event(1, "a")), 0);
  });
});

describe("parseEvent", () => {
  it("takes an event and leaves other members out", () => {
    assert.deepEqual(parseEvent({ ...EVENT, seen: true }), { event: EVENT });
  });

  const refused: readonly [member: string, values: readonly unknown[]][] = [
    ["id", [undefined, 1, "a".repeat(63), "A".repeat(64), `${"a".repeat(64)}\n`]],
    ["pubkey", [undefined, "b".repeat(65), "g".repeat(64)]],
    ["created_at", [undefined, "1", 1.5, -1, 2 ** 53]],
    ["kind", [undefined, "1", -1, 65_536, 0.5]],
    ["tags", [undefined, {}, [[]], [[1]], ["t"], [["t", null]]]],
    ["content", [undefined, null, 1]],
    ["sig", [undefined, "c".repeat(127), "C".repeat(128)]],
  ];
  for (const [member, values] of refused) {
    for (const value of values) {
      it(`refuses ${member} ${JSON.stringify(value)}`, () => {
        const parsed = parseEvent({ ...EVENT, [member]: value });
        assert.ok("problem" in parsed);
        assert.match(parsed.problem, new RegExp(member));
      });
    }
  }

  for (const value of [null, [], "x", 1, undefined]) {
    it(`refuses ${JSON.stringify(value)} for an event`, () => {
      assert.ok("problem" in parseEvent(value));
    });
  }
});
