import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { NOTED_ID_LENGTH, noteEvery } from "../src/measure/acknowledged.ts";
import { Recorder } from "../src/measure/recorder.ts";
import { type Excuse, Witnesses } from "../src/node/audit/excuse.ts";
import { type ReadBackOptions, readBack } from "../src/node/audit/read-back.ts";
import { Unanswered } from "../src/node/audit/relay-reader.ts";
import { matchesFilter } from "../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../src/nostr/wire.ts";

const NOW = 1_750_000_000;
const ME = "a".repeat(64);
const SIG = "0".repeat(128);

/** An unsigned event; the number is its id. */
function eventOf(id: number, members: Partial<NostrEvent> = {}): NostrEvent {
  const own = { id: id.toString(16).padStart(64, "0"), pubkey: ME, sig: SIG };
  return { ...own, kind: 1, created_at: NOW, tags: [], content: "", ...members };
}

function eventsOf(count: number): readonly NostrEvent[] {
  return Array.from({ length: count }, (_, id) => eventOf(id));
}

describe("what is noted", () => {
  it("is all of a small run, and about 10,000 of a larger one", () => {
    for (const [events, every] of [
      [0.5, 1],
      [10_000, 1],
      [10_001, 2],
      [600_000, 60],
    ] as const) {
      assert.equal(noteEvery(events), every, String(events));
    }
  });

  it("leaves the recorder by relay, once, as the starts of ids", () => {
    const recorder = new Recorder({}, 2);
    recorder.noteAccepted(1, "b".repeat(64));
    recorder.noteAccepted(1, "c".repeat(64));
    const starts = ["b", "c"].map((digit) => digit.repeat(NOTED_ID_LENGTH));
    assert.deepEqual(recorder.take().accepted, [[], starts]);
    assert.equal(recorder.take().accepted, undefined);
  });
});

describe("an absent event", () => {
  const d = (value: string) => ["d", value] as const;
  const profile = eventOf(5, { kind: 0 });
  const item = eventOf(5, { kind: 30_078, tags: [d("x")] });
  const table: readonly (readonly [
    name: string,
    event: NostrEvent,
    seen: readonly NostrEvent[],
    excuse: Excuse | null,
  ])[] = [
    ["of a regular kind", eventOf(5), [eventOf(6, { created_at: NOW + 1 })], null],
    ["of an ephemeral kind", eventOf(5, { kind: 20_001 }), [], "ephemeral"],
    ["expired now", eventOf(5, { tags: [["expiration", String(NOW)]] }), [], "expired"],
    ["that expires later", eventOf(5, { tags: [["expiration", String(NOW + 1)]] }), [], null],
    ["with no time to expire", eventOf(5, { tags: [["expiration", "soon"]] }), [], null],
    ["with no newer version", profile, [profile, { ...profile, created_at: NOW - 1 }], null],
    ["with a newer version", profile, [{ ...profile, created_at: NOW + 1 }], "replaced"],
    ["tied with a lower id", profile, [{ ...profile, id: eventOf(4).id }], "replaced"],
    ["tied with a higher id", profile, [{ ...profile, id: eventOf(6).id }], null],
    ["with another author's newer", profile, [eventOf(6, { kind: 0, pubkey: "b" })], null],
    ["with a newer one of its `d`", item, [{ ...item, created_at: NOW + 1 }], "replaced"],
    ["with a newer one of another", item, [{ ...item, created_at: NOW + 1, tags: [d("y")] }], null],
    [
      "its author asked to delete",
      eventOf(5),
      [eventOf(9, { kind: 5, tags: [["e", eventOf(5).id]] })],
      "deleted",
    ],
    [
      "another one asked to delete",
      eventOf(5),
      [eventOf(9, { kind: 5, pubkey: "b", tags: [["e", eventOf(5).id]] })],
      null,
    ],
    [
      "deleted by its address",
      item,
      [eventOf(9, { kind: 5, tags: [["a", `30078:${ME}:x`]] })],
      "deleted",
    ],
    [
      "published after the deletion of its address",
      item,
      [eventOf(9, { kind: 5, created_at: NOW - 1, tags: [["a", `30078:${ME}:x`]] })],
      null,
    ],
  ];
  for (const [name, event, seen, excuse] of table) {
    it(`${name} is ${excuse ?? "missing"}`, () => {
      const witnesses = new Witnesses();
      for (const other of seen) witnesses.add(other);
      assert.equal(witnesses.excuseOf(event, NOW), excuse);
    });
  }
});

interface Shelf {
  readonly events: readonly NostrEvent[];
  /** Most events returned for a REQ, whatever its `limit`. */
  readonly limit?: number;
  /** Turns down a filter with more ids. */
  readonly mostIds?: number;
}

/** A relay as a function, and how many ids it was asked for each time. */
function askShelf({ events, limit = 1_000, mostIds = 1_000 }: Shelf) {
  const sizes: number[] = [];
  const ask: ReadBackOptions["ask"] = (filters: readonly Filter[]) => {
    sizes.push(filters[0]?.ids?.length ?? 0);
    if (filters.some(({ ids = [] }) => ids.length > mostIds)) {
      return Promise.resolve({ status: "refused", text: "invalid: too many ids" });
    }
    const matching = events.filter((event) => filters.some((f) => matchesFilter(f, event)));
    return Promise.resolve({ status: "complete", events: matching.slice(0, limit) });
  };
  return { sizes, options: { ask, nowSec: () => NOW, pauseMs: 0 } };
}

describe("readBack", () => {
  it("asks for at most a hundred ids at once", async () => {
    const events = eventsOf(250);
    const { sizes, options } = askShelf({ events });
    const found = { checked: 250, found: 250, excused: 0, missing: [] };
    assert.deepEqual(await readBack(events, options), found);
    assert.deepEqual(sizes, [100, 100, 50]);
  });

  it("names exactly what is not there, whatever the relay limits", async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 300 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 299 }), { maxLength: 300 }),
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 1, max: 120 }),
      async (count, gone, limit, mostIds) => {
        const events = eventsOf(count);
        const kept = events.filter((_, i) => !gone.includes(i));
        const { options } = askShelf({ events: kept, limit, mostIds });
        const missing = events.filter((_, i) => gone.includes(i)).map(({ id }) => id);
        assert.deepEqual(await readBack(events, options), {
          checked: count,
          found: kept.length,
          excused: 0,
          missing,
        });
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("asks a second time before it calls an event missing", async () => {
    const events = eventsOf(3);
    let asked = 0;
    const { missing, found } = await readBack(events, {
      ask: async () => ({ status: "complete", events: asked++ < 2 ? events.slice(0, 2) : events }),
      nowSec: () => NOW,
      pauseMs: 0,
    });
    assert.deepEqual([found, missing], [3, []]);
  });

  it("does not ask for ephemeral events, and excuses what was replaced or deleted since", async () => {
    const item = (id: number, at: number) =>
      eventOf(id, { kind: 30_078, created_at: at, tags: [["d", "x"]] });
    const published = [
      eventOf(1, { kind: 20_000 }),
      item(2, NOW),
      eventOf(3),
      eventOf(4),
      item(6, NOW - 1),
    ];
    const newer = item(7, NOW + 1);
    const deletion = eventOf(8, { kind: 5, tags: [["e", eventOf(3).id]] });
    const { options, sizes } = askShelf({ events: [newer, deletion] });
    assert.deepEqual(await readBack(published, options), {
      checked: 5,
      found: 0,
      excused: 4,
      missing: [eventOf(4).id],
    });
    assert.equal(sizes[0], 4);
  });

  it("excuses what was deleted by its address alone, up to the time of the deletion", async () => {
    const post = (id: number, d: string, created_at = NOW) =>
      eventOf(id, { kind: 30_078, created_at, tags: [["d", d]] });
    const published = [post(1, "x"), post(2, "y", NOW + 9), eventOf(3), post(4, "z")];
    // An edit that the pool deletes by the address: the deletion names an older version, or none.
    const deletion = (id: number, d: string, pubkey = ME) =>
      eventOf(id, { kind: 5, pubkey, tags: [["a", `30078:${ME}:${d}`]] });
    const others = deletion(9, "z", "b".repeat(64));
    const { options } = askShelf({ events: [deletion(7, "x"), deletion(8, "y"), others] });
    const { excused, missing } = await readBack(published, options);
    assert.equal(excused, 1);
    assert.deepEqual(
      missing,
      [2, 3, 4].map((id) => eventOf(id).id),
    );
  });

  it("asks with at most ten filters at once", async () => {
    let most = 0;
    const posts = Array.from({ length: 40 }, (_, id) =>
      eventOf(id, { kind: 30_078, tags: [["d", String(id)]] }),
    );
    const { missing } = await readBack(posts, {
      ask: async (filters) => {
        most = Math.max(most, filters.length);
        return { status: "complete", events: [] };
      },
      nowSec: () => NOW,
      pauseMs: 0,
    });
    assert.deepEqual([most, missing.length], [10, 40]);
  });

  it("waits when it is told to slow down, and gives up when it is told again and again", async () => {
    const events = eventsOf(3);
    let told = 0;
    const slow = (times: number): ReadBackOptions["ask"] => {
      told = 0;
      return async () =>
        told++ < times
          ? { status: "refused", text: "rate-limited: slow down" }
          : { status: "complete", events };
    };
    const options = { nowSec: () => NOW, pauseMs: 0, slowDownMs: 0 };
    assert.equal((await readBack(events, { ...options, ask: slow(5) })).found, 3);
    assert.equal(told, 6);
    await assert.rejects(readBack(events, { ...options, ask: slow(1_000) }), Unanswered);
    assert.ok(told < 20, `asked ${told} times`);
  });

  it("gives up when a single event is turned down", async () => {
    const { options } = askShelf({ events: [], mostIds: 0 });
    await assert.rejects(readBack(eventsOf(5), options), Unanswered);
  });
});
