import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { getPublicKey } from "nostr-tools/pure";
import type { Draft } from "../src/events/event-type.ts";
import { eventTypes } from "../src/events/registry.ts";
import { openKeyring } from "../src/node/pool/keyring.ts";
import { type MakeOptions, makePool, poolId } from "../src/node/pool/make.ts";
import { type Progress, startProgress } from "../src/node/pool/progress.ts";
import { readPool } from "../src/node/pool/read.ts";
import { signChunk } from "../src/node/pool/sign-chunk.ts";
import { verifyPool } from "../src/node/pool/verify.ts";
import { classifyKind, type NostrEvent } from "../src/nostr/wire.ts";
import {
  FRAME_ID_OFFSET,
  FRAMES_FILE,
  HEADER_LENGTH,
  INDEX_STEP,
  MANIFEST_FILE,
  type PoolManifest,
} from "../src/pool/format.ts";
import {
  cutChunks,
  DEFAULT_EPOCH,
  type PoolRequest,
  planPool,
  poolKey,
  resolvePart,
  scopeOf,
} from "../src/pool/plan.ts";

const request: PoolRequest = {
  seed: "seed 1",
  mix: { view: 0.9, video: 0.1 },
  events: 600,
  epoch: DEFAULT_EPOCH,
};

let root: string;
/** A pool that tests only read. */
let sound: { readonly dir: string; readonly manifest: PoolManifest };

before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-pool-"));
  const dir = join(root, "sound");
  sound = { dir, manifest: await makePool({ ...request, dir, workers: 2 }) };
});
after(() => rm(root, { recursive: true, force: true }));

function make(name: string, options: Partial<MakeOptions> = {}): Promise<PoolManifest> {
  return makePool({ ...request, workers: 1, ...options, dir: join(root, name) });
}

function readFrames(dir: string): Promise<string> {
  return readFile(join(dir, FRAMES_FILE), "utf8");
}

function idsOf(frames: string): readonly string[] {
  const start = HEADER_LENGTH + FRAME_ID_OFFSET;
  return frames
    .trimEnd()
    .split("\n")
    .map((line) => line.slice(start, start + 64));
}

describe("makePool", () => {
  it("writes lines that pass the full check, every signature too", async () => {
    const { manifest } = sound;
    const checked = await verifyPool(sound.dir);
    assert.equal(checked.events, manifest.events);
    assert.equal(checked.signaturesChecked, manifest.events);
    assert.ok(manifest.events === 600 || manifest.events === 601, `${manifest.events}`);
    assert.equal(manifest.id, poolId(request));
    assert.deepEqual(manifest.types, ["video", "view"]);
  });

  it("gives the same bytes whatever the number of workers", async () => {
    const manifest = await make("three", { workers: 3 });
    assert.deepEqual(manifest, sound.manifest);
    assert.equal(await readFrames(join(root, "three")), await readFrames(sound.dir));
  });

  it("shares no address and no key with a pool of another size", async () => {
    await make("smaller", { events: 300 });
    const keysOf = async (dir: string) =>
      (await readFrames(dir)).match(/(?<="pubkey":")\w+/g) ?? [];
    const keys = new Set(await keysOf(sound.dir));
    assert.deepEqual(
      (await keysOf(join(root, "smaller"))).filter((key) => keys.has(key)),
      [],
    );
  });

  it("gives other ids for another seed or another epoch", async () => {
    const events = 100;
    await make("seed-1", { events });
    await make("seed-2", { events, seed: "seed 2" });
    await make("epoch-2", { events, epoch: DEFAULT_EPOCH + 86_400 });
    const ids = new Set(idsOf(await readFrames(join(root, "seed-1"))));
    for (const name of ["seed-2", "epoch-2"]) {
      const shared = idsOf(await readFrames(join(root, name))).filter((id) => ids.has(id));
      assert.deepEqual(shared, []);
    }
  });

  it("lies within its span, and keeps addresses apart in a short one, whatever the mix", async () => {
    const mix = Object.fromEntries(eventTypes.map(({ name }) => [name, 1]));
    const dir = join(root, "span");
    const spanSec = 20;
    const options = { seed: "span", mix, epoch: DEFAULT_EPOCH, workers: 2 };
    const { createdAt, id } = await makePool({ ...options, dir, events: 1_500, spanSec });
    await verifyPool(dir, { signatures: 10 });
    assert.ok(
      createdAt.min >= DEFAULT_EPOCH - spanSec && createdAt.max < DEFAULT_EPOCH + 2 * spanSec,
    );
    assert.notEqual(id, poolId({ ...options, events: 1_500 }));
    assert.equal(
      poolId({ ...options, events: 9, spanSec: 86_400 }),
      poolId({ ...options, events: 9 }),
    );
  });

  it("keeps 2,000 events apart by id and by replaceable address", async () => {
    const { events } = await make("2000", { events: 2_000, workers: 2 });
    const checked = await verifyPool(join(root, "2000"), { signatures: 50 });
    assert.equal(checked.events, events);
  });

  it("indexes the starts of lines", async () => {
    const frames = await readFile(join(sound.dir, FRAMES_FILE));
    const starts = [0];
    for (let at = frames.indexOf(10); at !== -1; at = frames.indexOf(10, at + 1)) {
      starts.push(at + 1);
    }
    const expected = starts.slice(0, -1).filter((_, line) => line % INDEX_STEP === 0);
    assert.deepEqual(sound.manifest.index, expected);
  });

  it("makes events of the sizes that bitvid's have", async () => {
    const bands: Readonly<Record<number, readonly [min: number, max: number]>> = {
      30079: [800, 830],
      30078: [1_900, 2_060],
      1063: [1_390, 1_480],
    };
    for (const line of (await readFrames(sound.dir)).trimEnd().split("\n")) {
      const event = JSON.parse(line.slice(HEADER_LENGTH))[1];
      const [min, max] = bands[event.kind] ?? [0, 0];
      const bytes = Buffer.byteLength(JSON.stringify(event));
      assert.ok(bytes >= min && bytes <= max, `kind ${event.kind} has ${bytes} bytes`);
      assert.match(line, /^[ -~]+$/);
    }
  });

  it("spreads created_at over one day from the epoch on, never backwards", async () => {
    const times = (await readFrames(sound.dir))
      .trimEnd()
      .split("\n")
      .map((line): number => JSON.parse(line.slice(HEADER_LENGTH))[1].created_at);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(times[0], DEFAULT_EPOCH);
    assert.ok(Math.max(...times) < DEFAULT_EPOCH + 86_400);
  });

  it("makes a pool of views only, of videos only, and of one event", async () => {
    for (const [name, options] of [
      ["views", { mix: { view: 1 }, events: 200 }],
      ["videos", { mix: { video: 2 }, events: 61 }],
      ["one", { mix: { view: 1 }, events: 1 }],
    ] as const) {
      await make(name, options);
      await verifyPool(join(root, name));
    }
    assert.equal((await readPool(join(root, "videos"))).manifest.events, 62);
  });

  it("reports progress that only grows and ends at the total", async () => {
    const seen: Progress[] = [];
    const { events } = await make("progress", {
      events: 300,
      onProgress: (progress) => seen.push(progress),
    });
    const done = seen.map((progress) => progress.done);
    assert.deepEqual(
      done,
      done.toSorted((a, b) => a - b),
    );
    assert.deepEqual(seen.at(-1), { ...seen.at(-1), done: events, total: events, secondsLeft: 0 });
  });

  it("works from any folder", () => {
    const code = `
      import { makePool } from ${JSON.stringify(new URL("../src/node/pool/make.ts", import.meta.url).href)};
      const manifest = await makePool(${JSON.stringify({ ...request, dir: join(root, "elsewhere"), events: 5 })});
      console.log(manifest.events);`;
    const loader = import.meta.resolve("tsx");
    const flags = ["--import", loader, "--input-type=module", "--eval", code];
    const output = execFileSync(process.execPath, flags, { cwd: tmpdir(), encoding: "utf8" });
    assert.match(output, /^[56]\n$/);
  });

  it("lets several make the same pool at once", async () => {
    const manifests = await Promise.all([1, 2, 3].map(() => make("race", { events: 100 })));
    assert.equal(new Set(manifests.map((manifest) => manifest.sha256)).size, 1);
    await verifyPool(join(root, "race"));
    assert.deepEqual(await temporaryFolders(root), []);
  });

  it("writes no secret key", async () => {
    const { seed } = planPool(request).scope;
    const name = JSON.stringify(["k6-nostr/key@1", seed, "author/0"]);
    const secret = createHash("sha256").update(name).digest();
    const author = { role: "author", index: 0 } as const;
    assert.equal((await openKeyring(seed)).publicKey(author), getPublicKey(secret));
    const manifest = await readFile(join(sound.dir, MANIFEST_FILE), "utf8");
    const written = manifest + (await readFrames(sound.dir));
    assert.ok(written.includes(getPublicKey(secret)));
    for (const form of ["hex", "base64", "base64url", "latin1"] as const) {
      assert.ok(!written.includes(secret.toString(form)), form);
    }
  });

  it("removes what a killed maker left, but not what one at work writes", async () => {
    const [left, atWork] = ["left", "at-work"].map((name) => join(root, `.kept.tmp-${name}`));
    assert.ok(left !== undefined && atWork !== undefined);
    for (const dir of [left, atWork]) {
      await mkdir(dir);
      await writeFile(join(dir, FRAMES_FILE), "");
    }
    await utimes(join(left, FRAMES_FILE), 0, 0);
    await make("kept", { events: 8 });
    assert.deepEqual(await temporaryFolders(root), [".kept.tmp-at-work"]);
    await rm(atWork, { recursive: true });
  });
});

describe("poolKey", () => {
  it("knows the same mix in another order, and every other difference", () => {
    const same = poolKey({ ...request, mix: { video: 0.1, view: 0.9 } });
    assert.equal(same, poolKey(request));
    const others = [
      { seed: "seed 2" },
      { mix: { view: 1 } },
      { events: 601 },
      { epoch: DEFAULT_EPOCH + 1 },
      { spanSec: 600 },
    ].map((change) => poolKey({ ...request, ...change }));
    assert.equal(new Set([same, ...others]).size, 6);
  });
});

describe("signChunk", () => {
  it("gives the same events however the pool is cut, none with another's id or address", async () => {
    const settings = fc.record({
      seed: fc.string(),
      video: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      events: fc.integer({ min: 1, max: 60 }),
      setsPerChunk: fc.integer({ min: 1, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ seed, video, events, setsPerChunk }) => {
        const options = { ...request, seed, mix: { view: 1 - video, video }, events };
        const whole = await signAll(options, events);
        assert.deepEqual(await signAll(options, setsPerChunk), whole);
        const ids = whole.map((event) => event.id);
        const addresses = whole
          .filter((event) => classifyKind(event.kind) === "addressable")
          .map(({ kind, pubkey, tags }) => `${kind}:${pubkey}:${tags.find(([t]) => t === "d")}`);
        assert.equal(new Set(ids).size, ids.length);
        assert.equal(new Set(addresses).size, addresses.length);
      }),
      { numRuns: 15 },
    );
  });
});

describe("resolvePart", () => {
  it("gives a later part of a set the ids of those before it", () => {
    const draft = (id: string): Draft => ({
      author: { role: "author", index: 0 },
      template: { kind: 1, created_at: DEFAULT_EPOCH, tags: [["e", id]], content: "" },
    });
    assert.deepEqual(resolvePart(draft("x"), []), draft("x"));
    assert.deepEqual(
      resolvePart(([id]) => draft(id ?? ""), ["first"]),
      draft("first"),
    );
  });
});

describe("startProgress", () => {
  it("reports at most 5 times a second, and the end", () => {
    let nowMs = 0;
    const seen: Progress[] = [];
    const report = startProgress(1_000, (progress) => seen.push(progress), { nowMs: () => nowMs });
    for (let done = 1; done <= 1_000; done++) {
      nowMs += 1;
      report(done);
    }
    assert.deepEqual(
      seen.map((progress) => progress.done),
      [200, 400, 600, 800, 1_000],
    );
    assert.deepEqual(seen[0], { done: 200, total: 1_000, perSecond: 1_000, secondsLeft: 0.8 });
  });
});

async function signAll(options: PoolRequest, setsPerChunk: number): Promise<readonly NostrEvent[]> {
  const plan = planPool(options);
  const keyring = await openKeyring(plan.scope.seed);
  const decoder = new TextDecoder();
  return [...cutChunks(plan, setsPerChunk)]
    .map((chunk) => decoder.decode(signChunk(chunk, scopeOf(plan), keyring).bytes))
    .flatMap((lines) => lines.trimEnd().split("\n"))
    .map((line): NostrEvent => JSON.parse(line.slice(HEADER_LENGTH))[1]);
}

async function temporaryFolders(dir: string): Promise<readonly string[]> {
  return (await readdir(dir)).filter((name) => name.includes(".tmp-"));
}
