/** Three and four runs a side: what is called a change, and how often there was none. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Random, seededRandom } from "../src/random.ts";
import type { FigureKind } from "../src/report/compare/figures.ts";
import { ERROR, judgeFigure } from "../src/report/compare/judge.ts";
import type { Verdict } from "../src/report/compare/types.ts";
import type { Band, Report } from "../src/report/types.ts";
import { buildOf, completeOf } from "./fixtures/reports/run.ts";

const report = completeOf(buildOf());

/** Judges a figure by its values in runs made in turn. */
function judge(
  base: readonly number[],
  next: readonly number[],
  own: Partial<Pick<FigureKind, "family" | "slack">> & { readonly band?: Band } = {},
) {
  const values = new Map<Report, number>();
  const runsOf = (all: readonly number[]) =>
    all.map((value) => {
      const run = { ...report };
      values.set(run, value);
      return run;
    });
  const { band = [1, 1.1], ...members } = own;
  const kind: FigureKind = {
    name: "figure",
    family: "median",
    unit: "ms",
    worse: "higher",
    slack: 1,
    read: (run) => values.get(run) ?? null,
    samplingError: () => 0.005,
    band: () => band,
    ...members,
  };
  const sides = { base: runsOf(base), next: runsOf(next), paired: true };
  return judgeFigure(kind, sides, { tolerance: 0.1, alpha: ERROR });
}

describe("three runs a side", () => {
  // Two relays, three runs of eight seconds in turn: every new run far beyond every base run.
  const p50 = [
    [1.3, 1.09, 1.17],
    [2.19, 2.29, 2.52],
  ] as const;
  const p99 = [
    [2.5, 2.0, 2.2],
    [323, 13.6, 14.0],
  ] as const;

  it("are enough where each of one side lies far beyond each of the other", () => {
    const slower = judge(...p50);
    assert.equal(slower.verdict, "worse");
    // Of the nearest and the farthest pair of runs.
    assert.deepEqual(
      slower.interval?.map((share) => Number(share.toFixed(3))),
      [0.685, 1.312],
    );
    assert.equal(judge(p50[1], p50[0]).verdict, "better");
    const tail = { family: "run", slack: 3, band: [1.8, 3.2] } as const;
    assert.equal(judge(...p99, tail).verdict, "worse");
  });

  const table: readonly (readonly [
    name: string,
    base: readonly number[],
    next: readonly number[],
    own: Parameters<typeof judge>[2],
    verdict: Verdict,
  ])[] = [
    ["overlap", [1.3, 1.09, 2.2], [2.19, 2.29, 2.52], {}, "notComparable"],
    [
      "are nearer than twice the least effect",
      [1.3, 1, 1.15],
      [1.5, 1.9, 1.6],
      {},
      "notComparable",
    ],
    ["are nearer than runs of a side are", [1.6, 1, 1.3], [2.3, 4, 3], {}, "notComparable"],
    ["are nearer than a run moves within", ...p50, { band: [1, 3] }, "notComparable"],
    ["are of one event type of many", ...p50, { family: "part" }, "notComparable"],
  ];
  for (const [name, base, next, own, verdict] of table) {
    it(`are not where they ${name}`, () => {
      assert.equal(judge(base, next, own).verdict, verdict);
    });
  }
});

const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** Student's t of three degrees: now and then a run is far off. */
const heavy = (random: Random) =>
  normal(random) / Math.sqrt((normal(random) ** 2 + normal(random) ** 2 + normal(random) ** 2) / 3);

describe("noise from run to run", () => {
  const TRIALS = 1_000;
  // So many of one in a hundred are seen in one of a thousand series of trials.
  const MOST_WRONG = 20;
  for (const [name, draw, sd, found] of [
    ["8 %", normal, 0.08, 0.9],
    ["20 %", normal, 0.2, 0],
    ["40 %", normal, 0.4, 0],
    ["5 %, with heavy tails", heavy, 0.05, 0.9],
    ["15 %, with heavy tails", heavy, 0.15, 0],
    ["40 %, with heavy tails", heavy, 0.4, 0],
  ] as const) {
    for (const runs of [3, 4]) {
      it(`of ${name} is no change in 99 of 100, ${runs} runs a side${found > 0 ? ", and 70 % is one in 90" : ""}`, () => {
        const random = seededRandom(`apart-${name}-${runs}`, "noise");
        const make = (ms: number) =>
          Array.from({ length: runs }, () => ms * Math.exp(sd * draw(random)));
        let [wrong, seen] = [0, 0];
        for (let i = 0; i < TRIALS; i++) {
          const base = make(5);
          if (isChange(judge(base, make(5)).verdict)) wrong++;
          if (judge(base, make(8.5)).verdict === "worse") seen++;
        }
        assert.ok(wrong <= MOST_WRONG, `${wrong} of ${TRIALS} were wrong`);
        assert.ok(seen >= found * TRIALS * 0.97, `${seen} of ${TRIALS} were seen`);
      });
    }
  }
});

function isChange(verdict: Verdict): boolean {
  return verdict === "worse" || verdict === "better";
}
