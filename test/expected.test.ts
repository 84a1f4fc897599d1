import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EventTemplate } from "../src/nostr/wire.ts";
import { type AddressChange, AddressSet, hashAddress } from "../src/pool/address-set.ts";
import { ExpectedCounter, markEvent } from "../src/pool/expected.ts";

const AUTHOR = "a".repeat(64);
const OTHER = "b".repeat(64);

type Sent = readonly [
  pubkey: string,
  event: Pick<EventTemplate, "kind" | "tags"> & { readonly created_at?: number },
];

/** Events without a time of their own are a second apart. */
function count(events: readonly Sent[]) {
  const counter = new ExpectedCounter();
  for (const [i, [pubkey, event]] of events.entries()) {
    counter.add(markEvent(pubkey, { created_at: 1_000 + i, ...event }));
  }
  return counter.finish();
}

const post = (d: string): Sent => [AUTHOR, { kind: 30_078, tags: [["d", d]] }];
const deletion = (kind: number, d: string, by = AUTHOR): Sent => {
  return [by, { kind: 5, tags: [["a", `${kind}:${AUTHOR}:${d}`]] }];
};
const at = ([pubkey, event]: Sent, created_at: number): Sent => [pubkey, { ...event, created_at }];

describe("what a relay should hold", () => {
  it("is every regular event, one for each address, nothing ephemeral", () => {
    const events: readonly Sent[] = [
      [AUTHOR, { kind: 1, tags: [] }],
      [AUTHOR, { kind: 1, tags: [] }],
      [AUTHOR, { kind: 0, tags: [["d", "x"]] }],
      [AUTHOR, { kind: 0, tags: [] }],
      [OTHER, { kind: 0, tags: [] }],
      [AUTHOR, { kind: 20_001, tags: [] }],
      post("x"),
      post("y"),
      post("x"),
      [OTHER, { kind: 30_078, tags: [["d", "x"]] }],
      [OTHER, { kind: 30_078, tags: [] }],
    ];
    assert.deepEqual(count(events), {
      "0": { class: "replaceable", events: 3, stored: 2, deleted: 0 },
      "1": { class: "regular", events: 2, stored: 2, deleted: 0 },
      "20001": { class: "ephemeral", events: 1, stored: 0, deleted: 0 },
      "30078": { class: "addressable", events: 5, stored: 4, deleted: 0 },
    });
    assert.deepEqual(Object.keys(count(events)), ["0", "1", "20001", "30078"]);
  });

  it("says how much of it is deleted, by its own author, and not when it is published again", () => {
    const posts = [post("x"), post("y"), post("z")];
    const deleted = (...then: Sent[]) => count([...posts, ...then])["30078"]?.deleted;
    assert.equal(deleted(deletion(30_078, "x")), 1);
    assert.equal(deleted(deletion(30_078, "x"), deletion(30_078, "x")), 1);
    assert.equal(deleted(deletion(30_078, "x", OTHER)), 0);
    assert.equal(deleted(deletion(30_078, "unknown")), 0);
    assert.equal(deleted(deletion(30_078, "x"), deletion(30_078, "y")), 2);
    assert.equal(deleted(deletion(30_078, "x"), post("x")), 0);
    const profile: Sent = [AUTHOR, { kind: 0, tags: [] }];
    assert.equal(count([profile, deletion(0, "")])["0"]?.deleted, 1);
  });

  it("is the same in whatever order the events come: a deletion covers what is not newer", () => {
    const cases: readonly (readonly [events: readonly Sent[], deleted: number])[] = [
      [[at(post("x"), 10), at(deletion(30_078, "x"), 20)], 1],
      [[at(post("x"), 20), at(deletion(30_078, "x"), 20)], 1],
      [[at(post("x"), 21), at(deletion(30_078, "x"), 20)], 0],
      [[at(post("x"), 10), at(post("x"), 30), at(deletion(30_078, "x"), 20)], 0],
      [[at(post("x"), 0), at(deletion(30_078, "x"), 0)], 1],
      [[at(post("x"), 2 ** 40), at(deletion(30_078, "x"), 2 ** 41)], 1],
    ];
    for (const [events, deleted] of cases) {
      for (const order of [events, events.toReversed()]) {
        const { stored, deleted: counted } = count(order)["30078"] ?? {};
        assert.deepEqual([stored, counted], [1, deleted], JSON.stringify(order));
      }
    }
  });

  it("counts an address that is known to come once without remembering it", () => {
    const [pubkey, event] = post("x");
    const mark = markEvent(pubkey, { ...event, created_at: 9 }, true);
    assert.deepEqual(mark, [30_078, 0, 9]);
    const counter = new ExpectedCounter();
    counter.add(mark);
    assert.equal(counter.finish()["30078"]?.stored, 1);
  });
});

describe("AddressSet", () => {
  it("agrees with a map, however many addresses come", () => {
    const step = fc.tuple(
      fc.boolean(),
      fc.integer({ min: 0, max: 3_000 }),
      fc.integer({ min: 0, max: 9 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 5_000, size: "max" }), (steps) => {
        const set = new AddressSet();
        const known = new Map<number, { newest: number; until: number }>();
        for (const [isDeletion, number, time] of steps) {
          const hash = hashAddress(`30078:${AUTHOR}:${number}`);
          const before = known.get(number) ?? { newest: -1, until: -1 };
          const after = isDeletion
            ? { ...before, until: Math.max(before.until, time) }
            : { ...before, newest: Math.max(before.newest, time) };
          known.set(number, after);
          const change = isDeletion ? set.delete(hash, time) : set.add(hash, time);
          assert.equal(change, changeOf(before, after));
        }
      }),
      { numRuns: 20 },
    );
  });

  it("keeps 100,000 addresses that differ in a digit apart", () => {
    const set = new AddressSet();
    for (let i = 0; i < 100_000; i++) {
      const address = `30078:${AUTHOR}:1767225600${String(i).padStart(6, "0")}-x`;
      assert.equal(set.add(hashAddress(address), i), "new", address);
    }
  });
});

interface Times {
  readonly newest: number;
  readonly until: number;
}

function changeOf(before: Times, after: Times): AddressChange {
  const isDeleted = ({ newest, until }: Times) => newest >= 0 && newest <= until;
  if (before.newest < 0 && after.newest >= 0) return isDeleted(after) ? "new-deleted" : "new";
  if (isDeleted(before) === isDeleted(after)) return "same";
  return isDeleted(after) ? "deleted" : "restored";
}
