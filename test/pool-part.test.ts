/** Each instance's part of a pool, against the whole. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { createFrameSource } from "../k6/lib/frames/frame-source.ts";
import { ConfigError } from "../src/errors.ts";
import { poolOf } from "../src/merge/pool.ts";
import { ensurePool } from "../src/node/pool/cache.ts";
import { verifyPool } from "../src/node/pool/verify.ts";
import { type PoolManifest, refuseOtherPart } from "../src/pool/format.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";

let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-part-"));
});
after(() => rm(root, { recursive: true, force: true }));

const MIXES = [{ view: 1 }, { view: 0.5, video: 0.5 }, { "video-rich": 0.6, note: 0.3, view: 0.1 }];

/** The lines of a share, as a VU gets them. */
async function readShare(dir: string, manifest: PoolManifest, share: number, vus: number) {
  const text = await readFile(join(dir, "frames.txt"), "utf8");
  const bytes = Buffer.from(text);
  let isRead = false;
  const openAt = async (offset: number) => async () => {
    if (isRead) return [];
    isRead = true;
    return bytes.subarray(offset).toString().split("\n").slice(0, -1);
  };
  const source = await createFrameSource(openAt, manifest, share, vus);
  const lines: string[] = [];
  for (let line = source.next(); line !== undefined; line = source.next()) lines.push(line);
  return lines;
}

const plans = fc.record({
  seed: fc.stringMatching(/^[a-z]{3,8}$/),
  mix: fc.constantFrom(...MIXES),
  events: fc.integer({ min: 1, max: 60 }),
  instances: fc.integer({ min: 1, max: 5 }),
  vusEach: fc.integer({ min: 1, max: 3 }),
});

describe("the parts of a pool", () => {
  it("hold what each VU gets of the whole, and say together what the whole says", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async ({ instances, vusEach, ...request }) => {
        const at = await mkdtemp(join(root, "one-"));
        const pool = { ...request, epoch: DEFAULT_EPOCH, workers: 1 };
        const vus = instances * vusEach;
        const parts: PoolManifest[] = [];
        const whole = await ensurePool({ ...pool, root: join(at, "whole") });
        for (let instance = 0; instance < instances; instance++) {
          const part = { instance, instances, vus };
          const own = await ensurePool({ ...pool, root: join(at, "parts"), part });
          assert.equal(own.manifest.id, whole.manifest.id);
          parts.push(own.manifest);
          for (let share = instance; share < vus; share += instances) {
            assert.deepEqual(
              await readShare(own.dir, own.manifest, share, vus),
              await readShare(whole.dir, whole.manifest, share, vus),
            );
          }
          await assert.rejects(readShare(own.dir, own.manifest, vus, vus), /no share/);
        }
        const [first] = parts;
        assert.ok(first !== undefined);
        const { sha256: _, index: __, expected: ___, ...rest } = whole.manifest;
        const { sha256: ____, index: _____, ...sum } = poolOf(first, [...parts, first]);
        assert.deepEqual(sum, rest);
      }),
      { numRuns: 12 },
    );
  });

  it("are kept, go on where their maker was stopped, and give way to the whole where it is there", async () => {
    const part = { instance: 1, instances: 3, vus: 6 };
    const pool = { seed: "s", mix: MIXES[1] ?? {}, events: 900, epoch: DEFAULT_EPOCH, workers: 1 };
    const kept = { ...pool, root: join(root, "kept"), part };
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    await assert.rejects(ensurePool({ ...kept, onProgress, signal: stop.signal }));
    let resumed = 0;
    const onResume = (events: number) => {
      resumed = events;
    };
    const made = await ensurePool({ ...kept, onResume });
    assert.ok(resumed > 0);
    const fresh = await ensurePool({ ...kept, root: join(root, "fresh") });
    assert.deepEqual(made.manifest, fresh.manifest);
    await verifyPool(made.dir);
    assert.equal((await ensurePool(kept)).made, false);
    const other = await ensurePool({ ...kept, part: { ...part, instance: 0 } });
    assert.equal(other.made, true);
    const whole = await ensurePool({ ...pool, root: kept.root });
    assert.equal((await ensurePool(kept)).dir, whole.dir);
  });

  it("are refused to whom they are not of", async () => {
    const part = { instance: 1, instances: 3, vus: 6, shares: [] };
    const { manifest } = await ensurePool({
      ...{ seed: "s", mix: { view: 1 }, events: 3, epoch: DEFAULT_EPOCH, workers: 1 },
      root: join(root, "refused"),
    });
    const refuse = (instance: number | null, instances: number, vus: number) => () =>
      refuseOtherPart({ ...manifest, part }, { instance, instances, vus }, "`p`");
    for (const own of [refuse(1, 3, 6), refuse(null, 3, 6)]) assert.doesNotThrow(own);
    for (const other of [refuse(0, 3, 6), refuse(1, 2, 6), refuse(1, 3, 3), refuse(null, 1, 1)]) {
      assert.throws(other, ConfigError);
    }
  });
});
