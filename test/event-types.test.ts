import assert from "node:assert/strict";
import { hash, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { findFault } from "../src/events/check.ts";
import type { Draft, EventType, Keys } from "../src/events/event-type.ts";
import { expandPreset, presetNames } from "../src/events/presets.ts";
import { eventTypes, findEventType, resolveTypes } from "../src/events/registry.ts";
import { parseEvent } from "../src/nostr/event-check.ts";
import { addressOf } from "../src/nostr/retention.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import {
  buildSets,
  cutChunks,
  DEFAULT_EPOCH,
  type PoolRequest,
  planPool,
  resolvePart,
  scopeOf,
} from "../src/pool/plan.ts";

/** The members' names, the id and the signature, less what only the serialised form has (NIP-01). */
const BYTES_BEYOND_SERIALISED = 253;
const EVENTS = 2_500;
const SEEDS = 4;

interface Finished {
  readonly event: NostrEvent;
  /** Of the signed event's JSON. */
  readonly bytes: number;
}

/** Keys that cost nothing: a hash stands for the public key, zeros for the signature. */
class FakeKeys implements Keys {
  readonly #known = new Map<string, string>();

  readonly publicKey: Keys["publicKey"] = ({ role, index }) => {
    const name = `${role}/${index}`;
    const key = this.#known.get(name) ?? hash("sha256", name);
    this.#known.set(name, key);
    return key;
  };
  readonly identify = (draft: Draft) => hash("sha256", this.#serialise(draft));
  readonly sign = (draft: Draft) => this.finish(draft).event;

  finish(draft: Draft): Finished {
    const serialised = this.#serialise(draft);
    const { created_at, kind, tags, content } = draft.template;
    const event = {
      id: hash("sha256", serialised),
      pubkey: this.publicKey(draft.author),
      created_at,
      kind,
      tags,
      content,
      sig: "0".repeat(128),
    };
    return { event, bytes: Buffer.byteLength(serialised) + BYTES_BEYOND_SERIALISED };
  }

  #serialise({ author, template }: Draft): string {
    const { created_at, kind, tags, content } = template;
    return JSON.stringify([0, this.publicKey(author), created_at, kind, tags, content]);
  }
}

interface Built {
  readonly type: EventType;
  readonly part: number;
  readonly event: NostrEvent;
  readonly bytes: number;
}

function* buildAll(request: PoolRequest, setsPerChunk = 1_000): Generator<Built> {
  const plan = planPool(request);
  const keys = new FakeKeys();
  const types = resolveTypes(plan.types);
  for (const chunk of cutChunks(plan, setsPerChunk)) {
    for (const { type: place, parts } of buildSets(chunk, scopeOf(plan), keys)) {
      const type = types[place];
      assert.ok(type !== undefined);
      const ids: string[] = [];
      for (const part of parts) {
        const { event, bytes } = keys.finish(resolvePart(part, ids));
        yield { type, part: ids.length, event, bytes };
        ids.push(event.id);
      }
    }
  }
}

function findType(name: string): EventType {
  const type = findEventType(name);
  assert.ok(type !== undefined, name);
  return type;
}

/** A mix in which the type meets videos to speak of. */
function mixOf(name: string): Record<string, number> {
  return name.startsWith("video") ? { [name]: 1, video: 0.5 } : { [name]: 0.9, video: 0.1 };
}

describe("every event type", () => {
  const names = [...eventTypes.map(({ name }) => name), "padded:700"];
  for (const name of names) {
    it(`\`${name}\` keeps to its schema and its size class, over ${EVENTS} events`, () => {
      let events = 0;
      for (let i = 0; i < SEEDS; i++) {
        const seed = `${name} ${randomInt(2 ** 32)}`;
        events += checkPool({ seed, mix: mixOf(name), events: 0, epoch: DEFAULT_EPOCH }, name);
      }
      assert.ok(events >= EVENTS, `${events} events`);
    });
  }

  it("lies within the span of its pool, of minutes as well as of a day", () => {
    for (const name of names) {
      const request = { seed: "span", mix: { [name]: 1 }, events: 60, epoch: DEFAULT_EPOCH };
      for (const spanSec of [120, 86_400]) {
        const times = [...buildAll({ ...request, spanSec })].map(({ event }) => event.created_at);
        const [first, last] = [Math.min(...times), Math.max(...times)];
        assert.ok(first >= DEFAULT_EPOCH && last < DEFAULT_EPOCH + spanSec, `${name} ${spanSec}`);
        assert.ok(last - first > 0.7 * spanSec, `${name}: ${last - first} s of ${spanSec}`);
      }
    }
  });

  it("refuses what it did not build", () => {
    for (const name of names) {
      const type = findType(name);
      for (const { event, part, bytes } of buildAll({
        seed: "strangers",
        mix: { [name]: 1 },
        events: 1,
        epoch: DEFAULT_EPOCH,
      })) {
        assert.equal(bytes, Buffer.byteLength(JSON.stringify(event)));
        assert.equal(findFault(type, event, { part, bytes }), null);
        const limit = type.maxBytes?.[part] ?? 0;
        assert.match(findFault(type, event, { part, bytes: limit + 1 }) ?? "", /bytes, at most/);
        assert.match(findFault(type, { ...event, kind: 4 }, { part, bytes }) ?? "", /^kind 4/);
        assert.match(findFault(type, event, { part: 9, bytes }) ?? "", /^part 9/);
        const stripped = { ...event, tags: [], content: "" };
        assert.notEqual(findFault(type, stripped, { part, bytes }), null, `${name} ${part}`);
      }
    }
  });
});

describe("a view", () => {
  it("has a dedupe value of its own video, viewer and day, and no other passes the check", () => {
    const mix = { view: 1 };
    for (const { type, event, part, bytes } of buildAll({
      seed: "dedupe",
      mix,
      events: 20,
      epoch: DEFAULT_EPOCH + 43_200,
    })) {
      const [, , d] = event.tags;
      assert.match(
        d?.[1] ?? "",
        new RegExp(`:${event.pubkey}:${Math.floor(event.created_at / 86_400)}$`),
      );
      const others = [{ created_at: event.created_at + 86_400 }, { pubkey: "0".repeat(64) }];
      for (const other of others) {
        const changed = { ...event, ...other };
        assert.match(findFault(type, changed, { part, bytes }) ?? "", /not the dedupe value/);
      }
    }
  });
});

describe("a set of several events", () => {
  for (const name of ["video", "video-rich", "video-edit"]) {
    it(`\`${name}\` has one author, one root id and one time, and points back at its post`, () => {
      const sets: Built[][] = [];
      const request = { seed: name, mix: mixOf(name), events: 200, epoch: DEFAULT_EPOCH };
      for (const built of buildAll(request)) {
        if (built.type.name !== name) continue;
        if (built.part === 0) sets.push([]);
        sets.at(-1)?.push(built);
      }
      assert.ok(sets.length > 10);
      for (const set of sets) checkPointers(set.map(({ event }) => event));
    });
  }
});

function checkPointers(events: readonly NostrEvent[]): void {
  const valuesOf = (event: NostrEvent, name: string) =>
    event.tags.flatMap(([tag, value]) => (tag === name ? [value] : []));
  const post = events.find((event) => event.kind === 30_078 && valuesOf(event, "t").length > 0);
  assert.ok(post !== undefined);
  const content = JSON.parse(post.content);
  const root = content.videoRootId;
  assert.deepEqual(valuesOf(post, "d"), [root]);
  for (const event of events) {
    assert.deepEqual([event.pubkey, event.created_at], [post.pubkey, post.created_at]);
    const [companion] = valuesOf(event, "d").filter((d) => d?.startsWith("bitvid:torrent:"));
    if (companion !== undefined) {
      assert.equal(companion, `bitvid:torrent:${content.infoHash}`);
      assert.deepEqual(valuesOf(event, "x"), [content.infoHash]);
    } else if (event.kind === 1063) {
      assert.deepEqual(valuesOf(event, "x"), [content.fileSha256]);
      assert.deepEqual(valuesOf(event, "url"), [content.url]);
    } else if (event !== post) {
      assert.deepEqual(valuesOf(event, "a"), [`30078:${post.pubkey}:${root}`]);
      assert.deepEqual(valuesOf(event, "d"), [root]);
      assert.deepEqual(valuesOf(event, "e"), event.kind < 30_000 ? [post.id] : []);
    }
  }
}

describe("docs/events.md", () => {
  const page = readFileSync(new URL("../docs/events.md", import.meta.url), "utf8");
  const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const findRow = (name: string) => rows.find((cells) => cells[1] === `\`${name}\``) ?? [];

  for (const { name, kinds, maxBytes } of eventTypes) {
    it(`says of \`${name}\` which kinds and which size classes it has`, () => {
      const [, , , kindCell, bytesCell] = findRow(name);
      assert.equal(kindCell, kinds?.map((kind) => kind.join(" or ")).join(", "));
      assert.equal(bytesCell, maxBytes?.map((bytes) => bytes.toLocaleString("en-US")).join(" · "));
    });
  }

  it("has every preset with its weights", () => {
    for (const name of presetNames) assert.equal(findRow(name)[2], `\`${expandPreset(name)}\``);
  });
});

/** Builds about a quarter of the events of a type; gives how many there were. */
function checkPool(request: PoolRequest, name: string): number {
  const share = EVENTS / SEEDS;
  const perSet = findType(name).kinds?.length ?? 1;
  const weights = request.mix;
  const sum = Object.values(weights).reduce((a, b) => a + b, 0);
  // Of the events drawn so many are of the type, and a few more, since chance decides.
  const mean = Object.entries(weights).reduce(
    (size, [type, weight]) => size + (weight / sum) * (findType(type).kinds?.length ?? 1),
    0,
  );
  const sets = (1.05 * share) / perSet / ((weights[name] ?? 1) / sum);
  const events = Math.ceil(sets * mean) + 20;
  const ids = new Set<string>();
  const addresses = new Map<string, number>();
  let count = 0;
  for (const { type, part, event, bytes } of buildAll({ ...request, events })) {
    const fault =
      findFault(type, event, { part, bytes }) ??
      (ids.has(event.id) ? "the id comes twice" : null) ??
      ("problem" in parseEvent(event) ? "no event" : null) ??
      claimAddress(addresses, event, type.overwrites === true);
    if (fault !== null) assert.fail(`seed \`${request.seed}\`, part ${part}: ${fault}`);
    ids.add(event.id);
    if (type.name === name) count++;
  }
  return count;
}

/** An address comes once, or rises. */
function claimAddress(
  addresses: Map<string, number>,
  event: NostrEvent,
  mayRise: boolean,
): string | null {
  const address = addressOf(event);
  if (address === undefined) return null;
  const before = addresses.get(address);
  addresses.set(address, event.created_at);
  const rises = before !== undefined && mayRise && event.created_at > before;
  return before === undefined || rises ? null : `${address} comes twice`;
}
