/** Are the events of a pool in the relay already? Asked over real sockets, of a relay that keeps what it is told. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { parseMix } from "../src/events/mix.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { findKnown, judgeKnown, sampleEvents } from "../src/node/audit/known.ts";
import { Readers } from "../src/node/audit/readers.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { makePool } from "../src/node/pool/make.ts";
import type { Pool } from "../src/node/pool/read.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { type Behaviour, type FaultyRelay, startFaultyRelay } from "./faulty-relay/relay.ts";

const NEVER = new AbortController().signal;
const TIMES = { handshakeMs: 5_000, silenceMs: 5_000, afterNoticeMs: 100 };
let root = "";
let pool: Pool;
let events: readonly NostrEvent[] = [];

before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-known-"));
  const mix = parseMix("note:1");
  const request = { seed: "known", mix, events: 300, epoch: 1_767_225_600 };
  const manifest = await makePool({ dir: join(root, "pool"), ...request });
  pool = { dir: join(root, "pool"), manifest };
  events = await sampleEvents(pool.dir, pool.manifest);
});
after(() => rm(root, { recursive: true, force: true }));

async function relayOf(t: TestContext, behaviour: Behaviour) {
  const relay = await startFaultyRelay(behaviour);
  t.after(() => relay.stop());
  return relay;
}

function admissionOf({ url }: FaultyRelay): Admission {
  return { status: "admitted", url: parseRelayUrl(url), reason: "", addresses: ["127.0.0.1"] };
}

async function publish({ url }: FaultyRelay, sent: readonly NostrEvent[]): Promise<void> {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.once("open", resolve));
  for (const event of sent) {
    const answered = new Promise((resolve) => socket.once("message", resolve));
    socket.send(JSON.stringify(["EVENT", event]));
    await answered;
  }
  socket.close();
}

const find = (...relays: readonly FaultyRelay[]) =>
  findKnown(relays.map(admissionOf), pool.dir, pool.manifest, NEVER);

describe("the sample of a pool", () => {
  it("is some twenty events over all of it, the first one among them", () => {
    assert.ok(events.length >= 15 && events.length <= 20, `${events.length}`);
    const times = events.map(({ created_at }) => created_at);
    assert.equal(times[0], pool.manifest.createdAt.min);
    assert.ok((times.at(-1) ?? 0) > pool.manifest.createdAt.max - 86_400 / 10);
  });
});

describe("a pool that is in the relay already", () => {
  for (const [name, share, level] of [
    ["all of it", 1, "stop"],
    ["a few of it", 0.25, "advice"],
    ["nothing of it", 0, null],
  ] as const) {
    it(`is found before anything is sent: ${name}`, async (t) => {
      // It says OK true and nothing else to what it has already.
      const relay = await relayOf(t, { keeps: () => true });
      const sent = events.slice(0, Math.round(events.length * share));
      await publish(relay, sent);
      const known = await find(relay);
      assert.deepEqual(known, { asked: events.length, found: sent.length, why: null });
      const [finding] = judgeKnown(known);
      assert.equal(finding?.level ?? null, level);
      if (finding) assert.match(finding.remedy, /another --seed.*empty the relay/);
    });
  }

  it("is found where each of two relays has a part", async (t) => {
    const [one, other] = [
      await relayOf(t, { keeps: () => true }),
      await relayOf(t, { keeps: () => true }),
    ];
    await publish(one, events.slice(0, 9));
    await publish(other, events.slice(9));
    assert.equal((await find(one, other)).found, events.length);
  });

  it("is not looked for in a relay that does not answer, which is said", async (t) => {
    const silent = await relayOf(t, {});
    const known = await find(silent);
    assert.equal(known.asked, 0);
    assert.match(known.why ?? "", /^127\.0\.0\.1:\d+: no answer in 2000 ms$/);
    assert.deepEqual(judgeKnown(known), []);
  });
});

describe("a connection to read back by", () => {
  it("is held where the relay lets nobody in behind the run, and says why where it was not", async (t) => {
    // One connection is let in, every other gets 429.
    const relay = await relayOf(t, {
      keeps: () => true,
      handshake: (place) => (place === 0 ? "open" : 429),
    });
    const admission = admissionOf(relay);
    const readers = new Readers();
    t.after(() => readers.close());
    await readers.hold([admission], TIMES);
    const ask = () => readers.use(admission, NEVER, (reader) => reader.ask([{ ids: [] }]), TIMES);
    assert.equal((await ask()).status, "complete");
    assert.equal((await ask()).status, "complete");
    await assert.rejects(
      new Readers().use(admission, NEVER, (reader) => reader.ask([{ ids: [] }]), TIMES),
      /no connection: .*429/,
    );
  });

  it("is opened anew, and tried again, where the held one was lost", async (t) => {
    const relay = await relayOf(t, {
      keeps: () => true,
      handshake: (place) => (place === 1 ? 429 : "open"),
    });
    const admission = admissionOf(relay);
    const readers = new Readers([1, 1]);
    t.after(() => readers.close());
    await readers.hold([admission], TIMES);
    const ask = () => readers.use(admission, NEVER, (reader) => reader.ask([{ ids: [] }]), TIMES);
    await readers.use(admission, NEVER, async (reader) => reader.close(), TIMES);
    assert.equal((await ask()).status, "complete");
    assert.equal(relay.ledger.taken, 3);
  });
});
