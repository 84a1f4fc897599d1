import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ArrivalKind, mostArrivals } from "../src/load/arrivals.ts";
import { seededRandom } from "../src/random.ts";
import { dueTimes } from "./fixtures/reports/run.ts";

interface Schedule {
  readonly kind: ArrivalKind;
  readonly rate: number;
  readonly durationMs: number;
  readonly share?: number;
  readonly shares?: number;
  readonly seed?: string;
}

function times({ kind, rate, durationMs, share = 0, shares = 1, seed = "s" }: Schedule) {
  return dueTimes({
    kind,
    ratePerSecond: rate,
    durationMs,
    share,
    shares,
    random: seededRandom(seed, `arrivals/${share}`),
  });
}

function ofAllShares(schedule: Schedule): number[] {
  const { shares = 1 } = schedule;
  return Array.from({ length: shares }, (_, share) => [...times({ ...schedule, share })])
    .flat()
    .sort((a, b) => a - b);
}

describe("constant arrivals", () => {
  it("are exactly k/rate before the end, whatever the number of shares", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40_000 }).map((n) => n / 100),
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 16 }),
        (rate, durationMs, shares) => {
          const due = ofAllShares({ kind: "constant", rate, durationMs, shares });
          assert.deepEqual(
            due,
            due.map((_, k) => (k * 1_000) / rate),
          );
          const exact = (rate * durationMs) / 1_000;
          assert.ok(Math.abs(due.length - exact) < 1 + 1e-9, `${due.length} for ${exact}`);
          assert.ok((due.at(-1) ?? 0) < durationMs);
          assert.ok((due.length * 1_000) / rate >= durationMs * (1 - 1e-9));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are as many as rate × duration where that is whole", () => {
    const table = [
      [50, 600_000, 30_000],
      [0.1, 10_000, 1],
      [0.57, 100_000, 57],
      [33.3, 10_000, 333],
      [1.1, 10_000, 11],
    ] as const;
    for (const [rate, durationMs, count] of table) {
      assert.equal([...times({ kind: "constant", rate, durationMs })].length, count, `${rate}`);
    }
  });

  it("fall into a window behind any warm-up as often as planned, or once more", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 0, max: 3_000 }),
        fc.integer({ min: 1, max: 3_000 }),
        (rate, warmupMs, windowMs) => {
          const durationMs = warmupMs + windowMs;
          const due = [...times({ kind: "constant", rate, durationMs })];
          const planned = Math.floor((rate * windowMs) / 1_000);
          const inWindow = due.filter((t) => t >= warmupMs).length;
          assert.ok(inWindow === planned || inWindow === planned + 1, `${inWindow}/${planned}`);
        },
      ),
    );
  });

  it("do not drift over a million events", () => {
    const rate = 7;
    const durationMs = (1_000_000 * 1_000) / rate;
    let k = 0;
    for (const due of times({ kind: "constant", rate, durationMs })) {
      if (due !== (k * 1_000) / rate) assert.fail(`event ${k} is due at ${due}`);
      k++;
    }
    assert.equal(k, 1_000_000);
  });
});

describe("Poisson arrivals", () => {
  for (const seed of ["a", "b", "c", "d"]) {
    it(`have exponential gaps (seed ${seed})`, () => {
      const due = [...times({ kind: "poisson", rate: 500, durationMs: 100_000, seed })];
      const gaps = due.map((t, i) => t - (due[i - 1] ?? 0));
      const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
      const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
      assert.ok(Math.abs(mean - 2) < 0.04, `mean ${mean}`);
      assert.ok(Math.abs(variance - 4) < 0.25, `variance ${variance}`);
      assert.ok(gaps.every((gap) => gap >= 0));
    });
  }

  it("are the same for the same seed and others for another", () => {
    const schedule = { kind: "poisson", rate: 100, durationMs: 5_000 } as const;
    const first = [...times({ ...schedule, seed: "x" })];
    assert.deepEqual([...times({ ...schedule, seed: "x" })], first);
    assert.notDeepEqual([...times({ ...schedule, seed: "y" })], first);
  });

  it("add up to the whole rate over the shares", () => {
    const due = ofAllShares({ kind: "poisson", rate: 400, durationMs: 50_000, shares: 8 });
    assert.ok(Math.abs(due.length - 20_000) < 5 * Math.sqrt(20_000), `${due.length}`);
    assert.ok((due.at(-1) ?? 0) < 50_000);
  });
});

describe("mostArrivals", () => {
  for (const kind of ["constant", "poisson"] as const) {
    it(`bounds ${kind} arrivals`, () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 2_000 }).map((n) => n / 10),
          fc.integer({ min: 1, max: 20_000 }),
          fc.string({ maxLength: 6 }),
          (rate, durationMs, seed) => {
            const count = [...times({ kind, rate, durationMs, seed })].length;
            assert.ok(count <= mostArrivals(kind, rate, durationMs));
          },
        ),
        { seed: 1, numRuns: 200 },
      );
    });
  }
});
