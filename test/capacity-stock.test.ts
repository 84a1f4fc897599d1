import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { eventsAhead, signingSec } from "../src/capacity/foresight.ts";
import { next, type Planned } from "../src/capacity/search.ts";
import { Stock } from "../src/node/capacity/stock.ts";
import { readPool } from "../src/node/pool/read.ts";
import type { PoolChoice, TakenPool } from "../src/node/run/pool.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, eventsNeeded, type Plan } from "../src/plan/plan.ts";
import { HEADER_LENGTH, readPlace } from "../src/pool/format.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { timesFrom, timesOfRun } from "../src/pool/times.ts";
import { bucket, linesOf, SETTINGS, searchIn } from "./capacity-model.ts";

const home = process.cwd();
let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-stock-"));
  process.chdir(root);
});
after(async () => {
  process.chdir(home);
  await rm(root, { recursive: true, force: true });
});

function planOf(rate: number, flags: Record<string, string> = {}): Plan {
  const own = { relay: "ws://127.0.0.1:1", rate: String(rate), duration: "1", warmup: "1" };
  const texts = collectOptions({ ...own, clients: "2", mix: "view:1,video:1", ...flags }, {});
  return buildPlan("publish", texts, "search-1", 1);
}

const choice: PoolChoice = {
  dir: undefined,
  times: timesFrom(DEFAULT_EPOCH),
  mostPoolBytes: Number.POSITIVE_INFINITY,
  terminal: { note: () => {}, status: () => {}, clear: () => {} },
  signal: new AbortController().signal,
};

/** Ids of a part, which must be a whole pool; no set of it is cut. */
async function idsOf({ dir, manifest }: TakenPool): Promise<readonly string[]> {
  const pool = await readPool(dir);
  assert.equal(pool.manifest.id, manifest.id);
  const text = await readFile(join(dir, "frames.txt"), "utf8");
  const lines = text.trimEnd().split("\n");
  const places = lines.map((line) => readPlace(line));
  let part = 0;
  for (const place of places) {
    assert.equal(place.part, part);
    part = place.part === place.lastPart ? 0 : part + 1;
  }
  assert.equal(part, 0);
  assert.equal(manifest.events, lines.length);
  assert.equal(manifest.sets, places.filter((place) => place.part === 0).length);
  const offsets = manifest.index.map((byte) => text.slice(0, byte).split("\n").length - 1);
  assert.deepEqual(
    offsets,
    offsets.map((_, i) => i * 256),
  );
  const perType = Object.values(manifest.perType).map(({ events }) => events);
  assert.deepEqual(
    perType,
    manifest.types.map((_, type) => places.filter((place) => place.type === type).length),
  );
  const frames = lines.map((line) => JSON.parse(line.slice(HEADER_LENGTH)));
  for (const [, { created_at }] of frames) {
    assert.ok(created_at >= manifest.createdAt.min && created_at <= manifest.createdAt.max);
  }
  return frames.map(([, { id }]) => id);
}

describe("the events of a search", () => {
  it("are signed for several trials at once, and no two trials get the same", async () => {
    const stock = new Stock({ isReused: false });
    const seen: string[] = [];
    const signings: number[] = [];
    // The third does not find enough left of the first pool, and takes its rest as well.
    for (const [rate, ahead] of [
      [60, 380],
      [100, 0],
      [150, 500],
      [10, 0],
    ] as const) {
      const before = stock.signedSec;
      const pool = await stock.take(planOf(rate), choice, ahead);
      signings.push(Number(stock.signedSec > before));
      const ids = await idsOf(pool);
      assert.ok(ids.length >= eventsNeeded(planOf(rate)), `${ids.length} for ${rate}/s`);
      assert.ok(ids.length <= eventsNeeded(planOf(rate)) + 1);
      seen.push(...ids);
      await pool.release();
    }
    assert.deepEqual(signings, [1, 0, 1, 0]);
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(stock.left > 0);
    await stock.close();
    assert.deepEqual(
      (await readdir("pools")).filter((name) => !name.startsWith(".")),
      [],
    );
  });

  it("are others when a search of the same seed goes on", async () => {
    const ids = [];
    for (const stock of [new Stock({ isReused: false }), new Stock({ isReused: false })]) {
      const pool = await stock.take(planOf(10), choice, 0);
      ids.push(...(await idsOf(pool)));
      await pool.release();
      await stock.close();
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  it("are the same again where the relay is emptied before each trial", async () => {
    const stock = new Stock({ isReused: true });
    const parts = [];
    for (const rate of [40, 20, 40]) {
      const pool = await stock.take(planOf(rate), choice, 0);
      parts.push(await idsOf(pool));
      await pool.release();
    }
    const [first, second, third] = parts;
    assert.deepEqual(third, first);
    assert.deepEqual(second, first?.slice(0, second?.length));
    assert.ok((first?.length ?? 0) > (second?.length ?? 0));
    await stock.close();
  });

  it("are signed for their trial where the relay takes young ones alone", async () => {
    const stock = new Stock({ isReused: false });
    const plan = planOf(10);
    const times = timesOfRun(plan, Date.now() / 1_000);
    const pool = await stock.take(plan, { ...choice, times }, 5_000);
    assert.ok(pool.manifest.events <= eventsNeeded(plan) + 1);
    assert.equal(stock.left, 0);
    await pool.release();
  });
});

describe("what a search needs ahead", () => {
  const eventsOf = ({ load, lengthSec }: Planned) => load * lengthSec;
  const supply = { eventsOf, left: 0, signedPerSec: 4_000, isReused: false };
  const relay = bucket(() => 995);

  it("is that of probes up to four times what held, while nothing failed", () => {
    // Warm-up, baseline, 100 and 200 of ten seconds each.
    assert.equal(eventsAhead(searchIn(relay, {}, 0).search, supply), 10 * (50 + 50 + 100 + 200));
    const { search, trials } = searchIn(relay, {}, 4);
    assert.equal(linesOf(trials), "w50p b50p p100p p200p");
    assert.equal(eventsAhead(search, supply), 10 * (400 + 800));
  });

  it("is all of the rest once something failed, near to what it comes to", () => {
    const { search, trials } = searchIn(relay, {}, 7);
    assert.equal(linesOf(trials.slice(-1)), "p1600f");
    const whole = searchIn(relay).trials;
    const rest = whole.slice(trials.length).reduce((sum, trial) => sum + eventsOf(trial), 0);
    const ahead = eventsAhead(search, supply);
    assert.ok(Math.abs(ahead / rest - 1) < 0.3, `${ahead} of ${rest}`);
  });

  it("is no more than there is time to sign and to send", () => {
    const { search } = searchIn(relay, {}, 7);
    const slow = { ...supply, signedPerSec: 200 };
    const ahead = eventsAhead(search, slow);
    assert.ok(ahead < eventsAhead(search, supply) / 2);
    assert.ok(search.spentSec + ahead / slow.signedPerSec < SETTINGS.budgetSec);
    // What is left does not have to be signed.
    assert.ok(eventsAhead(search, { ...slow, left: 100_000 }) > ahead);
  });

  it("is that of the largest trial where each sends the same", () => {
    const { search } = searchIn(relay, {}, 4);
    assert.equal(eventsAhead(search, { ...supply, isReused: true }), 10 * 800);
  });

  it("leaves out what there is no time to sign for, and proves instead", () => {
    const { search } = searchIn(relay, {}, 8);
    const roleWith = (left: number) => {
      const step = next(search, (trials) =>
        signingSec(trials, { ...supply, left, signedPerSec: 20 }),
      );
      return step.kind === "trial" ? step.role : step.result.limit;
    };
    assert.equal(roleWith(1e6), "narrow");
    assert.equal(roleWith(60_000), "prove");
    assert.equal(roleWith(0), "budget");
  });
});
