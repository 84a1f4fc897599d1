import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EventStore } from "../src/node/relay/store.ts";
import { compareNewestFirst, matchesFilter } from "../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../src/nostr/wire.ts";
import { ACCEPTED, NOW, openClient, run, sign, stringify } from "./relay-client.ts";

describe("REQ and COUNT", () => {
  it("gives newest first, ties by lowest id, each event once", async (t) => {
    const { client } = await run(t);
    const events = [3, 1, 2, 2, 2, 1].map((age, at) =>
      sign({ created_at: NOW - age, content: `${at}`, kind: at % 2 }, at + 1),
    );
    for (const event of events) await client.publish(event);
    const ids = events.sort(compareNewestFirst).map((event) => event.id);
    assert.deepEqual(await client.query({}), ids);
    assert.deepEqual(await client.query({ kinds: [0] }, { kinds: [1] }, { ids }), ids);
    assert.deepEqual(await client.query({ limit: 2 }), ids.slice(0, 2));
    assert.deepEqual(await client.query({ limit: 0 }), []);
    assert.equal(await client.count({ kinds: [0] }, { ids }), ids.length);
    assert.equal(await client.count({ kinds: [0], limit: 1 }), 3);
  });

  it("sends an event as it came", async (t) => {
    const { client } = await run(t);
    const { id, sig, ...rest } = sign({ content: "ü/\u2028", tags: [["t", "é"]] });
    const raw = JSON.stringify({ sig, ...rest, id }, null, 1).replace("ü", "\\u00fc");
    client.send(` [ "EVENT" , ${raw} ] `);
    assert.deepEqual(await client.next(), ["OK", id, true, ""]);
    const message = once(client.socket, "message");
    client.send(["REQ", "s", { "#t": ["é"] }]);
    assert.equal(String((await message)[0]), `["EVENT","s",${raw}]`);
  });

  it("passes on the seven members only", async (t) => {
    const { client } = await run(t);
    const event = sign({});
    client.send(JSON.stringify(["EVENT", { ...event, seen: "here" }, "more"]));
    await client.next();
    client.send(["REQ", "s", {}]);
    assert.deepEqual(await client.next(), ["EVENT", "s", event]);
  });

  it("selects as matchesFilter does, for stored and for live events", async (t) => {
    const store = new EventStore(":memory:", NOW);
    t.after(() => store.close());
    const value = fc.constantFrom("", "a", "b", "a\0b", "a\0c", "\ud800", "\ud801", '"', "é");
    const hex = fc.constantFrom("1", "2", "3").map((digit) => digit.repeat(64));
    const letter = fc.constantFrom("t", "T", "d", "x");
    const list = <T>(item: fc.Arbitrary<T>) => fc.uniqueArray(item, { maxLength: 3 });
    const time = fc.integer({ min: NOW, max: NOW + 5 });
    const events: NostrEvent[] = fc
      .sample(
        fc.record({
          pubkey: hex,
          kind: fc.constantFrom(1, 7, 1_000),
          created_at: time,
          tags: fc.array(fc.tuple(letter, value), { maxLength: 4 }),
        }),
        { numRuns: 200, seed: 7 },
      )
      .map((fields, at) => ({
        ...fields,
        id: at.toString(16).padStart(64, "0"),
        content: "",
        sig: "f".repeat(128),
      }));
    store.writeAll(events.map((event) => ({ event, raw: JSON.stringify(event) })));
    const filter: fc.Arbitrary<Filter> = fc
      .record(
        {
          ids: list(fc.constantFrom(...events.map((event) => event.id))),
          authors: list(hex),
          kinds: list(fc.constantFrom(1, 7, 1_000, 2)),
          since: time,
          until: time,
          tags: fc.dictionary(letter, list(value), { maxKeys: 2 }),
        },
        { requiredKeys: [] },
      )
      .map(({ tags = {}, ...rest }) => ({
        ...rest,
        ...Object.fromEntries(Object.entries(tags).map(([name, values]) => [`#${name}`, values])),
      }));
    const limits = { max_limit: 1_000, default_limit: 1_000 };
    fc.assert(
      fc.property(fc.array(filter, { minLength: 1, maxLength: 3 }), (filters) => {
        const expected = events
          .filter((event) => filters.some((one) => matchesFilter(one, event)))
          .sort(compareNewestFirst)
          .map((event) => event.id);
        const found = store.query(filters, limits, NOW).events.map(({ id }) => id);
        assert.deepEqual(found, expected);
        assert.equal(store.count(filters, NOW), expected.length);
      }),
    );
  });
});

describe("live subscriptions", () => {
  it("delivers each new event once to every connection that asks for it, until CLOSE", async (t) => {
    const { relay, client } = await run(t);
    const reader = await openClient(t, relay);
    const event = sign({ tags: [["t", "x"]], content: "live" });
    const filters: Filter[] = [
      { "#t": ["x"] },
      { authors: [event.pubkey] },
      { kinds: [1] },
      { ids: [event.id] },
      {},
    ];
    for (const [at, filter] of filters.entries()) reader.send(["REQ", `${at}`, filter]);
    reader.send(["REQ", "all", ...filters]);
    reader.send(["REQ", "none", { "#t": ["x"], kinds: [7] }, { since: NOW + 1 }]);
    for (let i = 0; i < filters.length + 2; i++) assert.equal((await reader.next())[0], "EOSE");
    await client.publish(event);
    const delivered = [];
    for (let i = 0; i < filters.length + 1; i++) delivered.push(await reader.next());
    const expected = ["0", "1", "2", "3", "4", "all"].map((id) => ["EVENT", id, event]);
    assert.deepEqual(new Set(delivered.map(stringify)), new Set(expected.map(stringify)));
    for (const id of ["0", "1", "2", "3", "4", "none"]) reader.send(["CLOSE", id]);
    assert.equal(await reader.count({}), 1);
    const next = sign({ tags: [["t", "x"]], content: "after CLOSE" });
    await client.publish(next);
    assert.deepEqual(await reader.next(), ["EVENT", "all", next]);
    assert.equal(await reader.count({}), 2);
  });

  it("replaces a subscription that is asked for again", async (t) => {
    const { client } = await run(t, { limits: { max_subscriptions: 1 } });
    client.send(["REQ", "s", { kinds: [1] }]);
    client.send(["REQ", "s", { kinds: [7] }]);
    for (let i = 0; i < 2; i++) assert.deepEqual(await client.next(), ["EOSE", "s"]);
    assert.deepEqual(await client.publish(sign({ kind: 1 })), ACCEPTED);
    const event = sign({ kind: 7 });
    assert.deepEqual(await client.publish(event), ACCEPTED);
    assert.deepEqual(await client.next(), ["EVENT", "s", event]);
  });

  it("finds in a REQ what was published right before it", async (t) => {
    const { client } = await run(t);
    const event = sign({});
    client.send(["EVENT", event]);
    client.send(["REQ", "s", { ids: [event.id] }]);
    assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    assert.deepEqual(await client.next(), ["EVENT", "s", event]);
    assert.deepEqual(await client.next(), ["EOSE", "s"]);
  });

  it("sends many large events to a reader at the reader's pace", async (t) => {
    const { client } = await run(t, { verify: false });
    const content = "x".repeat(60_000);
    const template = sign({ content });
    for (let at = 0; at < 100; at++) {
      await client.publish({ ...template, id: at.toString(16).padStart(64, "0") });
    }
    assert.equal((await client.query({})).length, 100);
  });

  it("cuts off a reader that lets 32 MiB pile up, and goes on", async (t) => {
    const { relay, client } = await run(t, { verify: false });
    const reader = await openClient(t, relay);
    reader.send(["REQ", "live", { kinds: [20_000] }]);
    assert.deepEqual(await reader.next(), ["EOSE", "live"]);
    reader.socket.pause();
    const event = sign({ kind: 20_000, content: "x".repeat(65_000) });
    for (let i = 0; i < 800; i++) await client.publish(event);
    const closed = once(reader.socket, "close");
    reader.socket.resume();
    assert.equal((await closed)[0], 1006);
    assert.equal(await client.count({}), 0);
  });
});
