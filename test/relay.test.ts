import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { initNostrWasm } from "nostr-wasm";
import { WebSocket } from "ws";
import { ConfigError } from "../src/errors.ts";
import { type RelayOptions, type RunningRelay, startRelay } from "../src/node/relay/relay.ts";
import { EventStore } from "../src/node/relay/store.ts";
import { compareNewestFirst, matchesFilter } from "../src/nostr/filter.ts";
import type {
  ClientMessage,
  EventTemplate,
  Filter,
  NostrEvent,
  RelayMessage,
  Tag,
} from "../src/nostr/wire.ts";

const NOW = 1_750_000_000;
const OTHER_ID = "0".repeat(64);

type Sign = (template: Partial<EventTemplate>, author?: number) => NostrEvent;
let sign: Sign;

before(async () => {
  const wasm = await initNostrWasm();
  sign = (template, author = 1) => {
    const { kind = 1, created_at = NOW, tags = [], content = "" } = template;
    const event = { id: "", pubkey: "", sig: "", kind, created_at, content, tags: copyTags(tags) };
    wasm.finalizeEvent(event, new Uint8Array(32).fill(author));
    return { ...event, tags };
  };
});

function copyTags(tags: readonly Tag[]): string[][] {
  return tags.map((tag) => [...tag]);
}

/** Events with one address and one time, lowest id first. */
function signVersions(template: Partial<EventTemplate>): [lowest: NostrEvent, highest: NostrEvent] {
  const [a, b] = [sign({ ...template, content: "a" }), sign({ ...template, content: "b" })];
  return a.id < b.id ? [a, b] : [b, a];
}

class Client {
  readonly socket: WebSocket;
  readonly #inbox: RelayMessage[] = [];
  #wake: (() => void) | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (data) => {
      this.#inbox.push(JSON.parse(String(data)));
      this.#wake?.();
    });
  }

  send(message: ClientMessage | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async next(): Promise<RelayMessage> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The accepted flag and the text of the next message, an OK for this event. */
  async publish(event: NostrEvent): Promise<[accepted: boolean, message: string]> {
    this.send(["EVENT", event]);
    const answer = await this.next();
    assert.ok(answer[0] === "OK" && answer[1] === event.id, JSON.stringify(answer));
    return [answer[2], answer[3]];
  }

  /** The ids of the stored events, in the order they came. */
  async query(...filters: Filter[]): Promise<string[]> {
    this.send(["REQ", "query", ...filters]);
    const ids: string[] = [];
    for (;;) {
      const message = await this.next();
      if (message[0] === "EOSE") break;
      assert.ok(message[0] === "EVENT" && message[1] === "query", JSON.stringify(message));
      ids.push(message[2].id);
    }
    this.send(["CLOSE", "query"]);
    return ids;
  }

  async count(...filters: Filter[]): Promise<number> {
    this.send(["COUNT", "count", ...filters]);
    const answer = await this.next();
    assert.ok(answer[0] === "COUNT", JSON.stringify(answer));
    return answer[2].count;
  }
}

async function openClient(t: TestContext, relay: RunningRelay): Promise<Client> {
  const client = new Client(relay.url);
  t.after(() => client.socket.terminate());
  await once(client.socket, "open");
  return client;
}

async function run(t: TestContext, options: Partial<RelayOptions> = {}) {
  const relay = await startRelay({ port: 0, file: ":memory:", nowSec: () => NOW, ...options });
  t.after(() => relay.close());
  return { relay, client: await openClient(t, relay) };
}

async function makeFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "relay-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "events.db");
}

const ACCEPTED = [true, ""];
const SUPERSEDED = [true, "duplicate: have a newer version"];
const DELETED = [false, "blocked: its author deleted it"];

describe("the relay's address", () => {
  for (const host of ["0.0.0.0", "::", "localhost", "192.0.2.1", ""]) {
    it(`refuses to listen on ${JSON.stringify(host)}`, async () => {
      await assert.rejects(startRelay({ host, port: 0, file: ":memory:" }), ConfigError);
    });
  }

  it("refuses a port that is taken, and one that is none", async (t) => {
    const { relay } = await run(t);
    for (const port of [relay.port, -1, 65_536, 1.5]) {
      await assert.rejects(startRelay({ port, file: ":memory:" }), ConfigError);
    }
  });

  it("refuses a file that another relay holds, and one in no folder", async (t) => {
    const file = await makeFile(t);
    await run(t, { file });
    await assert.rejects(startRelay({ port: 0, file }), /ConfigError: .*locked/s);
    await assert.rejects(startRelay({ port: 0, file: join(file, "x") }), ConfigError);
  });
});

describe("the relay information document (NIP-11)", () => {
  const accept = "application/nostr+json";

  it("announces the limits in force", async (t) => {
    const { relay } = await run(t, { limits: { max_subscriptions: 7 } });
    const response = await fetch(relay.url.replace("ws", "http"), { headers: { accept } });
    assert.equal(response.headers.get("content-type"), accept);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    const { supported_nips, limitation } = JSON.parse(await response.text());
    assert.deepEqual(supported_nips, [1, 9, 11, 40, 45, 70]);
    assert.equal(limitation.max_subscriptions, 7);
    assert.equal(limitation.max_limit, 1_000);
    assert.equal(limitation.auth_required, false);
  });

  it("lists NIP-42 only where authentication is required", async (t) => {
    const { relay } = await run(t, { authRequired: true });
    const response = await fetch(relay.url.replace("ws", "http"), { headers: { accept } });
    const { supported_nips, limitation } = JSON.parse(await response.text());
    assert.ok(supported_nips.includes(42));
    assert.equal(limitation.auth_required, true);
  });

  it("answers other requests over HTTP without it", async (t) => {
    const { relay } = await run(t);
    const url = relay.url.replace("ws", "http");
    assert.match(await (await fetch(url)).text(), /WebSocket/);
    assert.equal((await fetch(url, { method: "OPTIONS" })).status, 204);
    assert.equal((await fetch(url, { method: "POST" })).status, 405);
  });
});

describe("kinds (NIP-01)", () => {
  it("keeps every event of a regular kind", async (t) => {
    const { relay, client } = await run(t);
    for (const kind of [1, 2, 7, 22, 1_063, 45_000]) {
      for (const content of ["a", "b"]) {
        assert.deepEqual(await client.publish(sign({ kind, content })), ACCEPTED);
      }
    }
    assert.equal(relay.stored(), 12);
  });

  for (const kind of [0, 3, 10_002, 30_078]) {
    it(`keeps the newest event of kind ${kind}`, async (t) => {
      const { relay, client } = await run(t);
      const tags: Tag[] = [["d", "x"]];
      const [old, kept, late] = [-2, 0, -1].map((offset) =>
        sign({ kind, tags, created_at: NOW + offset }),
      );
      assert.ok(old && kept && late);
      assert.deepEqual(await client.publish(old), ACCEPTED);
      assert.deepEqual(await client.publish(kept), ACCEPTED);
      assert.deepEqual(await client.publish(late), SUPERSEDED);
      assert.deepEqual(await client.publish(old), SUPERSEDED);
      assert.deepEqual(await client.query({ "#d": ["x"] }), [kept.id]);
      assert.equal(relay.stored(), 1);
    });

    it(`keeps the lowest id of kind ${kind} among equal times, in either order`, async (t) => {
      const { client } = await run(t);
      for (const created_at of [NOW - 1, NOW]) {
        const [lowest, highest] = signVersions({ kind, created_at });
        const isLowestFirst = created_at === NOW;
        const order = isLowestFirst ? [lowest, highest] : [highest, lowest];
        const answers = [];
        for (const event of order) answers.push(await client.publish(event));
        assert.deepEqual(answers, [ACCEPTED, isLowestFirst ? SUPERSEDED : ACCEPTED]);
        assert.deepEqual(await client.query({ kinds: [kind] }), [lowest.id]);
      }
    });
  }

  it("tells addresses apart by kind, author and first d tag; none is an empty one", async (t) => {
    const { relay, client } = await run(t);
    const publish = async (kind: number, tags: Tag[], author: number, created_at: number) => {
      assert.deepEqual(await client.publish(sign({ kind, tags, created_at }, author)), ACCEPTED);
      return relay.stored();
    };
    assert.equal(await publish(30_078, [["d", "a"]], 1, NOW), 1);
    assert.equal(await publish(30_079, [["d", "a"]], 1, NOW), 2);
    assert.equal(await publish(30_078, [["d", "a"]], 2, NOW), 3);
    assert.equal(await publish(30_078, [["d", "b"]], 1, NOW), 4);
    assert.equal(await publish(30_078, [["d", "c\0d"]], 1, NOW), 5);
    assert.equal(await publish(30_078, [["d", "c\0e"]], 1, NOW), 6);
    assert.equal(await publish(30_078, [], 1, NOW), 7);
    assert.equal(await publish(30_078, [["d", ""]], 1, NOW + 1), 7);
    assert.equal(await publish(30_078, [["d"]], 1, NOW + 2), 7);
    const tags: Tag[] = [
      ["d", "a"],
      ["d", "z"],
    ];
    assert.equal(await publish(30_078, tags, 1, NOW + 3), 7);
  });

  it("passes ephemeral events on and does not keep them", async (t) => {
    const { relay, client } = await run(t);
    client.send(["REQ", "live", { kinds: [20_001] }]);
    assert.deepEqual(await client.next(), ["EOSE", "live"]);
    const event = sign({ kind: 20_001 });
    assert.deepEqual(await client.publish(event), ACCEPTED);
    assert.deepEqual(await client.next(), ["EVENT", "live", event]);
    assert.equal(relay.stored(), 0);
  });

  it("answers a known id with duplicate and does not pass it on", async (t) => {
    const { relay, client } = await run(t);
    const event = sign({});
    assert.deepEqual(await client.publish(event), ACCEPTED);
    client.send(["REQ", "live", { limit: 0 }]);
    assert.deepEqual(await client.next(), ["EOSE", "live"]);
    const answer = await client.publish(event);
    assert.deepEqual(answer, [true, "duplicate: already have this event"]);
    assert.equal(await client.count({}), 1);
    assert.equal(relay.stored(), 1);
  });

  it("settles versions and duplicates that arrive together", async (t) => {
    const { relay, client } = await run(t);
    const versions = [0, 1, 2, 1, 2].map((offset) =>
      sign({ kind: 10_000, created_at: NOW + offset }),
    );
    for (const event of versions) client.send(["EVENT", event]);
    const answers = [];
    for (const _ of versions) answers.push((await client.next()).slice(2));
    // Signatures differ from call to call, ids do not.
    assert.deepEqual(answers, [
      ACCEPTED,
      ACCEPTED,
      ACCEPTED,
      SUPERSEDED,
      [true, "duplicate: already have this event"],
    ]);
    assert.equal(relay.stored(), 1);
  });
});

describe("deletion (NIP-09)", () => {
  it("removes the author's events by id, and refuses them afterwards", async (t) => {
    const { client } = await run(t);
    const mine = sign({ tags: [["t", "x"]] });
    const theirs = sign({}, 2);
    const unseen = sign({ content: "unseen" });
    for (const event of [mine, theirs]) await client.publish(event);
    const tags = [mine, theirs, unseen].map((event): Tag => ["e", event.id]);
    const request = sign({ kind: 5, tags });
    assert.deepEqual(await client.publish(request), ACCEPTED);
    assert.deepEqual(await client.query({ kinds: [1] }), [theirs.id]);
    assert.deepEqual(await client.query({ "#t": ["x"] }), []);
    assert.deepEqual(await client.publish(mine), DELETED);
    assert.deepEqual(await client.publish(unseen), DELETED);
    assert.deepEqual(await client.query({ kinds: [5] }), [request.id]);
  });

  it("removes an address up to the request's time, and takes newer versions", async (t) => {
    const { client } = await run(t);
    const tags: Tag[] = [["d", "x:y"]];
    const versions = [-1, 0, 1].map((offset) =>
      sign({ kind: 30_078, tags, created_at: NOW + offset }),
    );
    const [old, deleted, newer] = versions;
    assert.ok(old && deleted && newer);
    await client.publish(deleted);
    const address = `30078:${deleted.pubkey}:x:y`;
    await client.publish(sign({ kind: 5, tags: [["a", address]] }, 2));
    assert.deepEqual(await client.query({ kinds: [30_078] }), [deleted.id]);
    await client.publish(sign({ kind: 5, tags: [["a", address]] }));
    assert.deepEqual(await client.query({ kinds: [30_078] }), []);
    assert.deepEqual(await client.publish(old), DELETED);
    assert.deepEqual(await client.publish(deleted), DELETED);
    assert.deepEqual(await client.publish(newer), ACCEPTED);
    await client.publish(sign({ kind: 5, tags: [["a", address]], content: "again" }));
    assert.deepEqual(await client.query({ kinds: [30_078] }), [newer.id]);
  });

  it("does not delete a deletion request", async (t) => {
    const { client } = await run(t);
    const request = sign({ kind: 5, tags: [["e", OTHER_ID]] });
    await client.publish(request);
    await client.publish(sign({ kind: 5, tags: [["e", request.id]] }));
    assert.deepEqual(await client.query({ ids: [request.id] }), [request.id]);
  });
});

describe("expiration (NIP-40)", () => {
  it("refuses what has expired and serves nothing that expired since", async (t) => {
    let nowSec = NOW;
    const { relay, client } = await run(t, { nowSec: () => nowSec });
    const expiring = (at: string) => sign({ tags: [["expiration", at]] });
    const refused = [false, "invalid: the event has expired"];
    assert.deepEqual(await client.publish(expiring(`${NOW}`)), refused);
    assert.deepEqual(await client.publish(expiring("0")), refused);
    const kept = expiring("never");
    const passing = expiring(`${NOW + 10}`);
    assert.deepEqual(await client.publish(kept), ACCEPTED);
    assert.deepEqual(await client.publish(passing), ACCEPTED);
    assert.equal(await client.count({}), 2);
    nowSec = NOW + 10;
    assert.deepEqual(await client.query({}), [kept.id]);
    assert.equal(await client.count({}), 1);
    assert.equal(relay.stored(), 1);
  });

  it("drops expired events when the file is opened", async (t) => {
    const file = await makeFile(t);
    const first = await run(t, { file });
    const tags: Tag[] = [
      ["expiration", `${NOW + 10}`],
      ["t", "x"],
    ];
    await first.client.publish(sign({ tags }));
    await first.relay.close();
    await (await startRelay({ port: 0, file, nowSec: () => NOW + 10 })).close();
    const { relay } = await run(t, { file });
    assert.equal(relay.stored(), 0);
  });
});

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
        const found = store.query(filters, limits, NOW).map(({ id }) => id);
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

  it("finds what another connection wrote in the same turn", async (t) => {
    const { relay, client } = await run(t);
    const reader = await openClient(t, relay);
    const event = sign({});
    await client.publish(event);
    assert.deepEqual(await reader.query({ ids: [event.id] }), [event.id]);
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

describe("refusals", () => {
  it("answers a broken event with OK false and invalid:", async (t) => {
    const { relay, client } = await run(t);
    const event = sign({});
    const broken: readonly [change: Record<string, unknown>, text: RegExp][] = [
      [{ id: OTHER_ID }, /^invalid: id/],
      [{ content: "changed" }, /^invalid: id/],
      [{ sig: sign({}, 2).sig }, /^invalid: signature/],
      [{ sig: "0".repeat(128) }, /^invalid: signature/],
      [{ id: "x" }, /^invalid: id/],
      [{ pubkey: "x" }, /^invalid: pubkey/],
      [{ kind: "1" }, /^invalid: kind/],
      [{ tags: [[]] }, /^invalid: tags/],
      [{ created_at: 1.5 }, /^invalid: created_at/],
      [{ sig: undefined }, /^invalid: sig/],
    ];
    for (const [change, text] of broken) {
      client.send(JSON.stringify(["EVENT", { ...event, ...change }]));
      const [type, id, accepted, message] = await client.next();
      assert.deepEqual([type, id, accepted], ["OK", change.id ?? event.id, false]);
      assert.match(String(message), text);
    }
    const kind = sign({ kind: 22_242 });
    assert.deepEqual(await client.publish(kind), [false, "invalid: kind 22242 belongs in AUTH"]);
    assert.equal(relay.stored(), 0);
  });

  it("takes ids and signatures on trust when told to", async (t) => {
    const { client } = await run(t, { verify: false });
    assert.deepEqual(await client.publish({ ...sign({}), id: OTHER_ID }), ACCEPTED);
  });

  it("enforces the limits on events", async (t) => {
    const limits = {
      max_event_tags: 2,
      max_content_length: 3,
      created_at_lower_limit: 10,
      created_at_upper_limit: 5,
    };
    const { client } = await run(t, { limits });
    const tag: Tag = ["t", "x"];
    const table: readonly [taken: Partial<EventTemplate>, refused: Partial<EventTemplate>][] = [
      [{ tags: [tag, tag] }, { tags: [tag, tag, tag] }],
      [{ content: "🦤🦤🦤" }, { content: "abcd" }],
      [{ created_at: NOW - 10 }, { created_at: NOW - 11 }],
      [{ created_at: NOW + 5 }, { created_at: NOW + 6 }],
    ];
    for (const [taken, refused] of table) {
      assert.deepEqual(await client.publish(sign(taken)), ACCEPTED);
      const [accepted, message] = await client.publish(sign(refused));
      assert.equal(accepted, false);
      assert.match(message, /^invalid: /);
    }
  });

  it("enforces the limits on requests", async (t) => {
    const limits = {
      max_subscriptions: 2,
      max_subid_length: 5,
      max_filters: 2,
      max_limit: 3,
      default_limit: 2,
    };
    const { client } = await run(t, { limits });
    for (const content of ["a", "b", "c", "d"]) await client.publish(sign({ content }));
    assert.equal((await client.query({})).length, 2);
    assert.equal((await client.query({ limit: 9 })).length, 3);
    const refused: readonly [message: ClientMessage, text: RegExp][] = [
      [["REQ", "123456", {}], /^invalid: .* 1 to 5 char/],
      [["REQ", "", {}], /^invalid: .* 1 to 5 char/],
      [["REQ", "s"], /^invalid: .* 1 to 2 filters/],
      [["COUNT", "s", {}, {}, {}], /^invalid: .* 1 to 2 filters/],
      [["REQ", "s", {}, { kinds: [-1] }], /^invalid: .*"kinds"/],
      [["COUNT", "s", { "#p": ["x"] }], /^invalid: .*"#p"/],
    ];
    for (const [message, text] of refused) {
      client.send(message);
      const [type, id, reason] = await client.next();
      assert.deepEqual([type, id], ["CLOSED", message[1]]);
      assert.match(String(reason), text);
    }
    for (const id of ["1", "2", "3"]) client.send(["REQ", id, { limit: 0 }]);
    const answers = [await client.next(), await client.next(), await client.next()];
    assert.deepEqual(answers, [
      ["EOSE", "1"],
      ["EOSE", "2"],
      ["CLOSED", "3", "blocked: 2 subscriptions are open already"],
    ]);
    client.send(["CLOSE", "1"]);
    client.send(["REQ", "3", { limit: 0 }]);
    assert.deepEqual(await client.next(), ["EOSE", "3"]);
  });

  it("answers a message above the limit, and closes the connection far above it", async (t) => {
    const { relay, client } = await run(t, { limits: { max_message_length: 1_000 } });
    const event = sign({ content: "x".repeat(1_000) });
    assert.match((await client.publish(event))[1], /^invalid: message of \d+ bytes/);
    client.send(["REQ", "s", { "#t": ["x".repeat(1_000)] }]);
    assert.equal((await client.next())[0], "CLOSED");
    client.send("x".repeat(1_001));
    assert.equal((await client.next())[0], "NOTICE");
    client.send("x".repeat(10_000));
    assert.equal((await once(client.socket, "close"))[0], 1009);
    assert.equal(await (await openClient(t, relay)).count({}), 0);
  });

  it("takes a protected event from its author only (NIP-70)", async (t) => {
    const { client } = await run(t);
    const event = sign({ tags: [["-"]] });
    assert.deepEqual(await client.publish(event), [
      false,
      "blocked: protected events are not taken",
    ]);
  });

  const malformed = ["", "{}", "[]", "null", "[1]", '["PING"]', '["REQ"]', '["REQ",1]'];
  malformed.push(
    '["CLOSE"]',
    '["COUNT",{}]',
    '["EVENT"]',
    '["EVENT",{}]',
    '["AUTH",1]',
    "[".repeat(9),
  );
  for (const frame of malformed) {
    it(`answers ${frame || "nothing"} with a NOTICE`, async (t) => {
      const { client } = await run(t);
      client.send(frame);
      const [type, text] = await client.next();
      assert.equal(type, "NOTICE");
      assert.match(String(text), /^invalid: /);
    });
  }

  it("survives any frame", async (t) => {
    const { relay, client } = await run(t);
    const event = sign({});
    const part = fc.oneof(fc.jsonValue(), fc.constant(event), fc.constantFrom("s", "query"));
    const type = fc.constantFrom("EVENT", "REQ", "CLOSE", "COUNT", "AUTH");
    const member = fc.constantFrom("ids", "kinds", "#t", "#e", "since", "limit");
    const frame = fc.oneof(
      fc.string(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json(),
      fc.tuple(type, part, part).map(stringify),
      fc.tuple(type, fc.constant("s"), fc.dictionary(member, fc.jsonValue())).map(stringify),
      fc.dictionary(fc.constantFrom(...Object.keys(event)), fc.jsonValue()).map((changes) => {
        return stringify(["EVENT", { ...event, ...changes }]);
      }),
    );
    for (const message of fc.sample(frame, { numRuns: 500, seed: 11 })) client.socket.send(message);
    client.send(["COUNT", "last one", {}]);
    for (;;) {
      const message = await client.next();
      if (message[0] === "COUNT" && message[1] === "last one") break;
    }
    assert.deepEqual(await (await openClient(t, relay)).publish(sign({ kind: 7 })), ACCEPTED);
  });
});

describe("authentication (NIP-42)", () => {
  const auth = (relay: string, challenge: string, template: Partial<EventTemplate> = {}) =>
    sign({
      kind: 22_242,
      tags: [
        ["relay", relay],
        ["challenge", challenge],
      ],
      ...template,
    });

  async function challengeOf(client: Client): Promise<string> {
    const [type, challenge] = await client.next();
    assert.equal(type, "AUTH");
    return String(challenge);
  }

  it("refuses everything until the challenge is answered", async (t) => {
    const { relay, client } = await run(t, { authRequired: true });
    const challenge = await challengeOf(client);
    const refused: readonly [message: ClientMessage, answer: string][] = [
      [["EVENT", sign({})], "OK"],
      [["REQ", "s", {}], "CLOSED"],
      [["COUNT", "s", {}], "CLOSED"],
    ];
    for (const [message, answer] of refused) {
      client.send(message);
      const [type, , ...rest] = await client.next();
      assert.equal(type, answer);
      assert.match(String(rest.at(-1)), /^auth-required: /);
    }
    const event = auth(`${relay.url}/`, challenge);
    client.send(["AUTH", event]);
    assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    assert.deepEqual(await client.publish(sign({})), ACCEPTED);
    assert.deepEqual(await client.publish(sign({ tags: [["-"]] })), ACCEPTED);
    assert.match((await client.publish(sign({ tags: [["-"]] }, 2)))[1], /^restricted: /);
    assert.equal(await client.count({}), 2);
    assert.deepEqual(await client.query({ kinds: [22_242] }), []);
  });

  it("refuses an answer that does not fit", async (t) => {
    // Not verifying events does not extend to authentication.
    const { relay, client } = await run(t, { authRequired: true, verify: false });
    const challenge = await challengeOf(client);
    const wrong: readonly [event: NostrEvent, text: RegExp][] = [
      [auth(relay.url, "another"), /^invalid: another challenge/],
      [auth("ws://127.0.0.1:1", challenge), /^invalid: the relay tag/],
      [auth("nonsense", challenge), /^invalid: the relay tag/],
      [auth(relay.url, challenge, { kind: 1 }), /^invalid: AUTH takes kind/],
      [auth(relay.url, challenge, { created_at: NOW - 601 }), /^invalid: created_at/],
      [{ ...auth(relay.url, challenge), sig: "0".repeat(128) }, /^invalid: signature/],
    ];
    for (const [event, text] of wrong) {
      client.send(["AUTH", event]);
      const [type, id, accepted, message] = await client.next();
      assert.deepEqual([type, id, accepted], ["OK", event.id, false]);
      assert.match(String(message), text);
    }
    assert.match((await client.publish(sign({})))[1], /^auth-required: /);
  });

  it("takes no authentication where none is asked for", async (t) => {
    const { relay, client } = await run(t);
    const event = auth(relay.url, "any");
    client.send(["AUTH", event]);
    assert.deepEqual(await client.next(), [
      "OK",
      event.id,
      false,
      "invalid: no challenge was sent",
    ]);
  });
});

describe("durability", () => {
  it("has on disk what it said OK to, while it runs", async (t) => {
    const file = await makeFile(t);
    const { client } = await run(t, { file });
    const events = Array.from({ length: 100 }, (_, at) => sign({ content: `${at}` }));
    for (const event of events) client.send(["EVENT", event]);
    for (const event of events) assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    await copyFile(file, `${file}2`);
    await copyFile(`${file}-wal`, `${file}2-wal`);
    const store = new EventStore(`${file}2`, NOW);
    t.after(() => store.close());
    assert.equal(store.count([{}], NOW), events.length);
  });

  it("keeps events, tags and deletions over a restart", async (t) => {
    const file = await makeFile(t);
    const first = await run(t, { file });
    const kept = sign({ tags: [["t", "x"]] });
    const deleted = sign({ content: "deleted" });
    for (const event of [kept, deleted]) await first.client.publish(event);
    await first.client.publish(sign({ kind: 5, tags: [["e", deleted.id]] }));
    await first.relay.close();
    const { relay, client } = await run(t, { file });
    assert.equal(relay.stored(), 2);
    assert.deepEqual(await client.query({ "#t": ["x"] }), [kept.id]);
    assert.deepEqual(await client.publish(deleted), DELETED);
  });

  it("finishes what is pending and closes with 1001", async (t) => {
    const file = await makeFile(t);
    const { relay, client } = await run(t, { file });
    const event = sign({});
    client.send(["EVENT", event]);
    assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    const closed = once(client.socket, "close");
    await Promise.all([relay.close(), relay.close()]);
    assert.equal((await closed)[0], 1001);
    const again = await run(t, { file });
    assert.equal(again.relay.stored(), 1);
  });

  it("stores nothing of a batch that fails, and says why", async (t) => {
    const store = new EventStore(":memory:", NOW);
    t.after(() => store.close());
    const event = sign({ kind: 30_078 });
    store.writeAll([{ event, raw: "damaged" }]);
    const newer = sign({ kind: 30_078, created_at: NOW + 1 });
    const batch = [sign({}), newer].map((one) => ({ event: one, raw: JSON.stringify(one) }));
    assert.throws(() => store.writeAll(batch));
    assert.equal(store.count([{}], NOW), 1);
    assert.deepEqual(store.writeAll(batch.slice(0, 1)), ["stored"]);
  });
});

function stringify(value: unknown): string {
  return JSON.stringify(value);
}
