import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../src/errors.ts";
import { loadBuilders } from "../src/node/pool/builders.ts";
import { type MakeOptions, makePool } from "../src/node/pool/make.ts";
import type { Progress } from "../src/node/pool/progress.ts";
import { verifyPool } from "../src/node/pool/verify.ts";
import { HEADER_LENGTH } from "../src/pool/format.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";

let root: string;
let number = 0;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-builders-"));
});
after(() => rm(root, { recursive: true, force: true }));

async function writeModule(text: string): Promise<string> {
  const path = join(root, `builders-${number++}.mjs`);
  await writeFile(path, text);
  return path;
}

async function make(file: string, own: Partial<MakeOptions> = {}) {
  const builders = await loadBuilders(file);
  const dir = join(root, `pool-${number++}`);
  const mix = Object.fromEntries(builders.extra.map(({ name }) => [name, 1]));
  const options = { seed: "s", mix, events: 30, epoch: DEFAULT_EPOCH, workers: 1 };
  const manifest = await makePool({ ...options, ...builders, ...own, dir });
  const frames = (await readFile(join(dir, "frames.txt"), "utf8")).trimEnd().split("\n");
  const events = frames.map((line) => JSON.parse(line.slice(HEADER_LENGTH))[1]);
  return { dir, manifest, events, frames };
}

const refusals: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
  ["no export", "export const other = 1;", /must export `builders`.*got nothing/],
  ["no functions", "export const builders = { own: 5 };", /got `number` for `own`/],
  ["a built-in name", "export const builders = { view: () => 1 };", /built-in type's name/],
  ["a syntax error", "export const = ;", /can't be loaded/],
  [
    "nothing",
    "export const builders = { own: () => undefined };",
    /`own` returned what is no event template.*`undefined`/,
  ],
  ["an async builder", "export const builders = { own: async () => ({}) };", /`own` is async/],
  [
    "an async generator",
    "export const builders = { async *own() { yield { kind: 1, tags: [], content: '' }; } };",
    /`own` is async; it must return its events at once/,
  ],
  [
    "a promise among events",
    "export const builders = { own: () => [{ kind: 1, tags: [], content: '' }, Promise.reject(1)] };",
    /`own` is async/,
  ],
  [
    "an empty tag",
    "export const builders = { own: () => ({ kind: 1, tags: [['t', 'x'], []], content: '' }) };",
    /`own` returned `tags`.*none empty/,
  ],
  [
    "half a character",
    "export const builders = { own: () => ({ kind: 1, tags: [], content: 'é😀'.slice(0, 2) }) };",
    /`own` returned a text that is cut within a character/,
  ],
  [
    "half a character in a tag",
    "export const builders = { own: () => ({ kind: 1, tags: [['t', '\\ud800']], content: '😀' }) };",
    /cut within a character/,
  ],
  [
    "no kind",
    "export const builders = { own: () => ({ tags: [], content: '' }) };",
    /`own` returned a `kind`/,
  ],
  [
    "bad tags",
    "export const builders = { own: () => ({ kind: 1, tags: [[1]], content: '' }) };",
    /`own` returned `tags`/,
  ],
  [
    "more than the signer takes",
    "export const builders = { own: () => ({ kind: 1, tags: [], content: 'x'.repeat(6e5) }) };",
    /`own` returned an event of 600007 bytes, the signer takes 524288/,
  ],
  [
    "kind 62",
    "export const builders = { own: () => ({ kind: 62, tags: [], content: '' }) };",
    /never holds.*`62`/,
  ],
  [
    "a foreign key",
    "export const builders = { own: () => ({ kind: 1, tags: [], content: '', pubkey: 'ab' }) };",
    /`pubkey` that `context.pubkey` did not give.*ab/,
  ],
  [
    "an exception",
    "export const builders = { own: () => { throw new Error('boom') } };",
    /`own` failed on set 0: boom/,
  ],
  [
    "chance of its own",
    "export const builders = { own: () => ({ kind: 1, tags: [], content: String(Math.random()) }) };",
    /`own` gave two different events for one seed/,
  ],
];

describe("builders of a user", () => {
  for (const [name, text, problem] of refusals) {
    it(`refuses ${name}, and names the builder and what it returned`, async () => {
      const file = await writeModule(text);
      await assert.rejects(make(file), configError(problem));
    });
  }

  it("refuses an event larger than the relay announces, before it is signed", async () => {
    const file = await writeModule(
      "export const builders = { own: () => ({ kind: 1, tags: [], content: 'x'.repeat(5000) }) };",
    );
    await assert.rejects(
      make(file, { mostFrameBytes: 4_096 }),
      configError(/`own`.*kind 1.*\d{4} bytes.*at most 4096/),
    );
    const { manifest } = await make(file);
    await assert.rejects(
      make(file, { mostFrameBytes: manifest.largestFrame - 1 }),
      configError(/at most/),
    );
    await make(file, { mostFrameBytes: manifest.largestFrame });
  });

  it("signs sets whose later events point at the ids of earlier ones", async () => {
    const file = await writeModule(`
      export const builders = {
        *thread({ pubkey, random, created_at, ordinal }) {
          const first = yield { kind: 1, tags: [], content: "first " + ordinal + random(), pubkey: pubkey("author", 1) };
          yield { kind: 1, created_at: created_at + 1, tags: [["e", first.id]], content: "second", pubkey: pubkey("viewer", ordinal) };
        },
      };`);
    const { dir, events, frames, manifest } = await make(file);
    assert.equal((await verifyPool(dir)).events, events.length);
    assert.deepEqual(manifest.types, ["thread"]);
    for (let i = 0; i < events.length; i += 2) {
      assert.deepEqual(events[i + 1].tags, [["e", events[i].id]]);
      assert.deepEqual([frames[i]?.slice(0, 3), frames[i + 1]?.slice(0, 3)], ["a01", "a11"]);
    }
    assert.equal(new Set(events.map(({ id }) => id)).size, 60);
    assert.deepEqual((await make(file)).manifest, manifest);
  });

  it("signs what a generator gave, whatever it does with that afterwards", async () => {
    const file = await writeModule(`
      export const builders = {
        *own({ ordinal }) {
          const tags = [["t", "set" + ordinal]];
          const first = yield { kind: 1, tags, content: "" };
          first.tags.push(["t", "changed"]);
          tags.push(["e", first.id]);
          yield { kind: 1, tags, content: "" };
        },
      };`);
    const { events } = await make(file);
    for (let i = 0; i < events.length; i += 2) {
      assert.deepEqual(events[i].tags, [["t", `set${i / 2}`]]);
      assert.deepEqual(events[i + 1].tags[1], ["e", events[i].id]);
    }
  });

  it("takes sets of different lengths, and foresees how many events there will be", async () => {
    const file = await writeModule(`
      export const builders = {
        own: ({ ordinal }) => Array.from({ length: 1 + (ordinal % 36) }, (_, part) => ({
          kind: 1, tags: [], content: ordinal + "/" + part,
        })),
      };`);
    const seen: Progress[] = [];
    const { dir, manifest, frames } = await make(file, {
      events: 72,
      onProgress: (progress) => seen.push(progress),
    });
    assert.equal(manifest.sets, 72);
    assert.equal(manifest.events, (2 * (36 * 37)) / 2);
    assert.equal(frames[35 * 18]?.slice(0, 3), "a0z");
    assert.equal((await verifyPool(dir)).sets, 72);
    for (const { done, total, secondsLeft } of seen) {
      assert.ok(done <= total && secondsLeft >= 0, `${done} of ${total}, ${secondsLeft} s left`);
    }
    assert.equal(seen.at(-1)?.total, manifest.events);
  });

  it("tries builders with the keys that will sign", async () => {
    const file = await writeModule(`
      export const builders = {
        own: ({ ordinal, pubkey }) => {
          (globalThis.keysOfTrial ??= new Set()).add(pubkey("author", 0));
          return { kind: 1, tags: [], content: "" + ordinal, pubkey: pubkey("author", 0) };
        },
      };`);
    const { events } = await make(file);
    const { keysOfTrial } = globalThis as { keysOfTrial?: ReadonlySet<string> };
    assert.deepEqual(Array.from(keysOfTrial ?? []), [events[0].pubkey]);
  });

  it("makes a pool of an application's own builders from its checkout", async () => {
    const example = fileURLToPath(new URL("../examples/bitvid-builders.mjs", import.meta.url));
    const before = process.env.APP_CHECKOUT;
    process.env.APP_CHECKOUT = fileURLToPath(new URL("fixtures/checkout", import.meta.url));
    try {
      const { dir, manifest } = await make(example);
      assert.deepEqual(manifest.types, ["app-video", "app-view"]);
      assert.deepEqual(Object.keys(manifest.expected ?? {}), ["1063", "30078", "30079"]);
      assert.equal((await verifyPool(dir)).events, manifest.events);
    } finally {
      if (before === undefined) delete process.env.APP_CHECKOUT;
      else process.env.APP_CHECKOUT = before;
    }
  });

  it("gives another pool's id for another text or version", async () => {
    const text = "export const builders = { own: () => ({ kind: 1, tags: [], content: '' }) };";
    const files = [text, `${text}\n`, `${text} export const version = "2";`].map(writeModule);
    const loaded = await Promise.all((await Promise.all(files)).map(loadBuilders));
    assert.equal(new Set(loaded.map(({ extraDigest }) => extraDigest)).size, 3);
  });
});

function configError(problem: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, problem);
    return true;
  };
}
