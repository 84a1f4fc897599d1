import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { randomInt, seededRandom } from "../src/random.ts";

const draws = (seed: string, purpose: string, count = 20) => {
  const random = seededRandom(seed, purpose);
  return Array.from({ length: count }, random);
};

describe("seededRandom", () => {
  it("gives the same numbers for the same seed and purpose", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (seed, purpose) => {
        assert.deepEqual(draws(seed, purpose), draws(seed, purpose));
      }),
    );
  });

  it("gives others for another seed or purpose", () => {
    const text = fc.stringMatching(/^[A-Za-z0-9._/-]{0,12}$/);
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        assert.notDeepEqual(draws(a, b), draws(c, d));
      }),
    );
  });

  it("stays the same over versions of this kit, or reports could not be run again", () => {
    assert.deepEqual(
      draws("seed", "arrivals/0", 3).map((n) => n * 2 ** 32),
      [1177421825, 3511498593, 3604281953],
    );
  });

  it("does so for as long as anybody draws", () => {
    const random = seededRandom("seed", "arrivals/0");
    let sum = 0;
    for (let i = 0; i < 100_000; i++) sum = (sum * 31 + random() * 2 ** 32) % 2 ** 32;
    assert.equal(sum, 1_854_338_201);
  });

  it("spreads evenly over [0, 1)", () => {
    const random = seededRandom("even", "test");
    const bins = new Array<number>(16).fill(0);
    const count = 64_000;
    for (let i = 0; i < count; i++) {
      const value = random();
      assert.ok(value >= 0 && value < 1);
      const bin = Math.floor(value * 16);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const expected = count / 16;
    const chiSquare = bins.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    assert.ok(chiSquare < 37.7, `chi² ${chiSquare} with 15 degrees of freedom`);
  });
});

describe("randomInt", () => {
  it("stays below its limit and reaches all below it", () => {
    const random = seededRandom("int", "test");
    const seen = new Set(Array.from({ length: 1_000 }, () => randomInt(random, 7)));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
  });
});
