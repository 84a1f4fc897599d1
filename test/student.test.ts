import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MANY, studentPoint } from "../src/report/compare/student.ts";

describe("studentPoint", () => {
  /** Published two-sided points. */
  const points: readonly (readonly [number, number, number])[] = [
    [0.01, 1, 63.657],
    [0.01, 2, 9.925],
    [0.01, 3, 5.841],
    [0.01, 4, 4.604],
    [0.001, 4, 8.61],
    [0.05, 7, 2.365],
    [0.01, 8, 3.355],
    [0.01, 30, 2.75],
  ];
  for (const [alpha, degrees, point] of points) {
    it(`is ${point} for ${alpha} and ${degrees} degrees of freedom`, () => {
      assert.ok(Math.abs(studentPoint(alpha, degrees) - point) < 0.001);
    });
  }

  it("is all but the normal distribution's with many, and cuts fractions off", () => {
    assert.ok(Math.abs(studentPoint(0.01, MANY) - 2.576) < 0.02);
    assert.equal(studentPoint(0.01, MANY * 2), studentPoint(0.01, MANY));
    assert.equal(studentPoint(0.01, 4.9), studentPoint(0.01, 4));
  });
});
