import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { finalizeEvent, generateSecretKey } from "nostr-tools/pure";
import { replayFile } from "../src/node/pool/replay.ts";
import { fitToReplay } from "../src/node/run/events.ts";
import { choosePool, keepNamed, type PoolChoice } from "../src/node/run/pool.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, type Plan } from "../src/plan/plan.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { timesFrom, timesOfRun } from "../src/pool/times.ts";

const home = process.cwd();
let root: string;
let notes: string[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-run-pool-"));
  // Pools lie below the folder that the program was started in.
  process.chdir(root);
});
after(async () => {
  process.chdir(home);
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  notes = [];
  await rm("pools", { recursive: true, force: true });
});

const terminal = { note: (line: string) => notes.push(line), status: () => {}, clear: () => {} };

function planOf(flags: Record<string, string> = {}): Plan {
  const own = { relay: "ws://127.0.0.1:1", rate: "10", duration: "2", clients: "2", ...flags };
  return buildPlan("publish", collectOptions(own, {}), "s", 1);
}

function choiceOf(choice: Partial<PoolChoice> = {}): PoolChoice {
  return {
    dir: undefined,
    times: timesFrom(DEFAULT_EPOCH),
    mostPoolBytes: 2e9,
    terminal,
    signal: new AbortController().signal,
    ...choice,
  };
}

/** A pool that a run made long ago, of 1,000 bytes. */
async function makeOld(id: string): Promise<void> {
  const dir = join("pools", id);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "frames.txt"), "x".repeat(998));
  await writeFile(join(dir, "manifest.json"), "{}");
  await utimes(join(dir, "manifest.json"), 1e9, 1e9);
}

async function pools(): Promise<readonly string[]> {
  return (await readdir("pools")).filter((name) => !name.startsWith("."));
}

describe("the pool of a run", () => {
  it("is kept after it, and makes room for itself", async () => {
    const [old, named] = ["0".repeat(16), "1".repeat(16)];
    for (const id of [old, named]) await makeOld(id);
    await keepNamed(join("pools", named));
    const { manifest, release } = await choosePool(planOf(), choiceOf({ mostPoolBytes: 1_000 }));
    await release();
    assert.deepEqual((await pools()).toSorted(), [named, manifest.id].toSorted());
    assert.match(
      notes.join("\n"),
      /a pool that was used longest ago removed from pools\/ \(1\.0 kB\)/,
    );
    assert.match(notes.join("\n"), /POOLS_LIMIT_MB \(--pools-limit\)/);
    assert.deepEqual(await readdir(join("pools", ".uses")), []);
  });

  it("is removed after it where its events are as young as the run", async () => {
    const times = timesOfRun(planOf(), Date.now() / 1_000);
    const { dir, manifest, release } = await choosePool(planOf(), choiceOf({ times }));
    const { min, max } = manifest.createdAt;
    assert.ok(min >= times.epoch && max <= times.epoch + times.spanSec, `${min} to ${max}`);
    assert.deepEqual(await pools(), [manifest.id]);
    await release();
    assert.deepEqual(await pools(), []);
    assert.equal(dir, join("pools", manifest.id));
  });

  it("is nobody's to remove where a person gave it from elsewhere", async () => {
    const made = await choosePool(planOf(), choiceOf());
    await made.release();
    await rename(made.dir, "mine");
    const { release } = await choosePool(planOf(), choiceOf({ dir: "mine", mostPoolBytes: 0 }));
    await release();
    await keepNamed("mine");
    assert.equal((await readdir("mine")).length, 2);
    assert.deepEqual(
      (await readdir(".")).filter((name) => name.startsWith(".")),
      [],
    );
  });

  it("decides the window where it is a replay, and says so", async () => {
    const secret = generateSecretKey();
    const lines = Array.from({ length: 30 }, (_, i) =>
      JSON.stringify(
        finalizeEvent({ kind: 1, created_at: 1.7e9 + i, tags: [], content: "" }, secret),
      ),
    );
    await writeFile("notes.jsonl", lines.join("\n"));
    const { dir } = await replayFile({ file: "notes.jsonl", root: "pools", workers: 1 });
    const plan = planOf({ duration: "600" });
    const whole = await fitToReplay({ plan, durationGiven: false, terminal }, dir);
    assert.equal(whole.durationSec, 3);
    assert.equal((await fitToReplay({ plan, durationGiven: true, terminal }, dir)).durationSec, 3);
    const shorter = { ...plan, durationSec: 2 };
    assert.equal(
      (await fitToReplay({ plan: shorter, durationGiven: true, terminal }, dir)).durationSec,
      2,
    );
    assert.deepEqual(notes, [
      "pool        30 events are played once, at 10.0 events/s in 3 s",
      "pool        30 events are played once, at 10.0 events/s in 3 s of the 600 s asked for",
      "pool        the first 20 of 30 events are played, in 2 s",
    ]);
    const own = await choosePool(planOf(), choiceOf());
    assert.deepEqual(await fitToReplay({ plan, durationGiven: false, terminal }, own.dir), plan);
    await own.release();
  });
});
