import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Mix } from "../src/events/mix.ts";
import { eventTypes, findEventType, resolveTypes } from "../src/events/registry.ts";
import { openKeyring } from "../src/node/pool/keyring.ts";
import { addressOf } from "../src/nostr/retention.ts";
import { classifyKind, type Filter, type NostrEvent } from "../src/nostr/wire.ts";
import { ExpectedCounter, markEvent } from "../src/pool/expected.ts";
import {
  buildSets,
  cutChunks,
  DEFAULT_EPOCH,
  planPool,
  resolvePart,
  scopeOf,
} from "../src/pool/plan.ts";
import { ACCEPTED, openClient, run } from "./relay-client.ts";

/** The filters by which an application asks for an event: docs/events.md has the same table. */
const filters: Readonly<Record<string, (event: NostrEvent, part: number) => Filter>> = {
  view: (event) => ({ kinds: [30_079], "#t": ["view"], "#a": [tagOf(event, "a")] }),
  video: findVideoPart,
  "video-rich": (event, part) => findVideoPart(event, part - 1),
  "video-edit": findVideoPart,
  "video-delete": (event) => ({ kinds: [5], "#a": [tagOf(event, "a")] }),
  file: (event) => ({ kinds: [1063], authors: [event.pubkey] }),
  comment: (event) => ({ kinds: [1111, 1], "#A": [tagOf(event, "A")] }),
  reaction: (event) => ({ kinds: [7], "#e": [tagOf(event, "e")] }),
  repost: (event) => ({ kinds: [6, 16], "#e": [tagOf(event, "e")] }),
  note: (event) => ({ kinds: [1], authors: [event.pubkey] }),
  profile: (event) => ({ kinds: [0], authors: [event.pubkey] }),
  "relay-list": (event) => ({ kinds: [10_002], authors: [event.pubkey] }),
  contacts: (event) => ({ kinds: [3], authors: [event.pubkey] }),
  conversation: (event, part) =>
    part === 0
      ? { kinds: [1], "#t": [tagOf(event, "t")] }
      : { kinds: [event.kind], "#e": [tagOf(event, "e")] },
  article: (event) => ({ kinds: [30_023], authors: [event.pubkey], "#t": [tagOf(event, "t")] }),
  "watch-history": (event) => {
    return { kinds: [30_079], authors: [event.pubkey], "#d": [tagOf(event, "d")] };
  },
  typing: (event) => ({ kinds: [20_002], "#p": [tagOf(event, "p")] }),
  "read-receipt": (event) => ({ kinds: [20_001], "#p": [tagOf(event, "p")] }),
  "padded:900": (event) => ({ kinds: [1], authors: [event.pubkey] }),
};

/** Companion, post, file, NIP-71 event, mirror: -1 to 3. */
function findVideoPart(event: NostrEvent, part: number): Filter {
  if (part === -1) return { kinds: [30_078], "#d": [tagOf(event, "d")] };
  if (part === 0) return { kinds: [30_078], "#t": ["video"] };
  if (part === 1) return { kinds: [1063], "#x": [tagOf(event, "x")] };
  return { kinds: part === 2 ? [21, 22] : [34_235, 34_236], "#a": [tagOf(event, "a")] };
}

function tagOf(event: NostrEvent, name: string): string {
  const value = event.tags.find(([tag]) => tag === name)?.[1];
  assert.ok(value !== undefined, `no \`${name}\` in kind ${event.kind}`);
  return value;
}

interface Signed {
  readonly type: string;
  readonly part: number;
  readonly event: NostrEvent;
}

/** A small pool of a type, with videos to speak of before it. */
function signPoolOf(name: string): Promise<readonly Signed[]> {
  return signPool(name.startsWith("video-") ? { [name]: 1, video: 2 } : { [name]: 1, video: 0.2 });
}

async function signPool(mix: Mix, events = 60): Promise<readonly Signed[]> {
  const plan = planPool({ seed: "relay", mix, events, epoch: DEFAULT_EPOCH });
  const keyring = await openKeyring("relay");
  const types = resolveTypes(plan.types);
  const signed: Signed[] = [];
  for (const chunk of cutChunks(plan, 1_000)) {
    for (const { type, parts } of buildSets(chunk, scopeOf(plan), keyring)) {
      const ids: string[] = [];
      for (const part of parts) {
        const event = keyring.sign(resolvePart(part, ids));
        signed.push({ type: types[type]?.name ?? "", part: ids.length, event });
        ids.push(event.id);
      }
    }
  }
  return signed;
}

/** What a relay holds once all is sent: the newest of each address, nothing ephemeral or deleted. */
function expectStored(events: readonly NostrEvent[]): ReadonlySet<string> {
  const stored = new Map<string, string>();
  for (const event of events) {
    if (classifyKind(event.kind) === "ephemeral") continue;
    stored.set(addressOf(event) ?? event.id, event.id);
    if (event.kind === 5) stored.delete(tagOf(event, "a"));
  }
  return new Set(stored.values());
}

async function startAt(t: TestContext) {
  const { relay, client } = await run(t, { nowSec: () => DEFAULT_EPOCH + 86_400 });
  return { relay, client, listener: await openClient(t, relay) };
}

describe("a relay takes every event type", () => {
  for (const name of [...eventTypes.map((type) => type.name), "padded:900"]) {
    it(`\`${name}\`: accepted, kept as its kind says, found by its application's filters`, async (t) => {
      const { relay, client, listener } = await startAt(t);
      const signed = await signPoolOf(name);
      const ofType = signed.filter(({ type }) => type === name);
      assert.ok(ofType.length >= 8, `${ofType.length} events`);
      const isEphemeral = ofType.every(({ event }) => classifyKind(event.kind) === "ephemeral");
      if (isEphemeral) {
        const kinds = ofType.map(({ event }) => event.kind);
        listener.send(["REQ", "live", { kinds: [...new Set(kinds)] }]);
        assert.equal((await listener.next())[0], "EOSE");
      }
      for (const { event, type } of signed) {
        assert.deepEqual(await client.publish(event), ACCEPTED, type);
        if (!isEphemeral || type !== name) continue;
        const seen = await listener.next();
        assert.ok(seen[0] === "EVENT" && seen[2].id === event.id);
      }
      const stored = expectStored(signed.map(({ event }) => event));
      assert.equal(relay.stored(), stored.size);
      const findBy = filters[name];
      assert.ok(findBy !== undefined);
      for (const { event, part } of ofType) {
        const found = await client.query(findBy(event, part));
        assert.equal(found.includes(event.id), stored.has(event.id), `kind ${event.kind}`);
      }
    });
  }

  it("holds of a pool of every type what its maker expects, kind by kind", async (t) => {
    const { client } = await startAt(t);
    const names = Object.keys(filters);
    const mix = Object.fromEntries(names.map((name) => [name, name === "video" ? 4 : 1]));
    const counter = new ExpectedCounter();
    for (const { event, type } of await signPool(mix, 400)) {
      counter.add(markEvent(event.pubkey, event, findEventType(type)?.unique));
      await client.publish(event);
    }
    const expected = Object.entries(counter.finish());
    for (const [kind, { stored, deleted }] of expected) {
      assert.equal(await client.count({ kinds: [Number(kind)] }), stored - deleted, `kind ${kind}`);
    }
    assert.equal(expected.length, 18);
    assert.ok(expected.some(([, { deleted }]) => deleted > 0));
    assert.ok(expected.some(([, { events, stored }]) => events > stored && stored > 0));
  });

  it("drops the videos that are deleted, and replaces those that are edited", async (t) => {
    const { client } = await startAt(t);
    const deletions = await signPoolOf("video-delete");
    const edits = await signPoolOf("video-edit");
    for (const { event } of [...deletions, ...edits]) await client.publish(event);
    const { effective, targets } = countEffects(deletions, "video-delete");
    assert.ok(effective > 0, "no deletion names a video of the pool");
    for (const id of targets) assert.deepEqual(await client.query({ ids: [id] }), []);
    assert.ok(
      countEffects(edits, "video-edit").effective > 0,
      "no edit changes a video of the pool",
    );
  });
});

/** How many events of a type name or replace a post that was sent before; the ids of those posts. */
function countEffects(signed: readonly Signed[], name: string) {
  const posts = new Map<string, string>();
  const targets: string[] = [];
  for (const { type, event } of signed) {
    const address = event.kind === 5 ? tagOf(event, "a") : addressOf(event);
    const post = address === undefined ? undefined : posts.get(address);
    if (type === name && post !== undefined) targets.push(post);
    if (address !== undefined && event.kind !== 5) posts.set(address, event.id);
  }
  return { effective: targets.length, targets };
}
