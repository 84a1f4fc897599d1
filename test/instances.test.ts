/** Plans that several k6 processes share: one text everywhere, and no part of them sent twice. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import {
  findSegmentFaults,
  instanceOf,
  readInstance,
  segmentOptions,
} from "../src/plan/instances.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, eventsNeeded, planText } from "../src/plan/plan.ts";
import { planVariables } from "../src/plan/variables.ts";
import { planOf } from "./fixtures/reports/run.ts";

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

/** As k6 shows them: fractions in their lowest terms (Go's `big.Rat`). */
function consolidated(index: number, instances: number, last = instances) {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  const fraction = (place: number) => {
    const by = divisor(place, instances);
    return place % instances === 0 ? `${place / instances}` : `${place / by}/${instances / by}`;
  };
  return {
    executionSegment: `${fraction(index)}:${fraction(index + 1)}`,
    executionSegmentSequence: Array.from({ length: last + 1 }, (_, i) => fraction(i)).join(","),
  };
}

describe("a plan of several instances", () => {
  it("has as many VUs in each, and no more than its cores or its connections", () => {
    const vusOf = (variables: Record<string, string>) => planOf(variables).vus;
    const many = { CLIENTS: "50000", RATE_EPS: "100000" };
    assert.equal(vusOf({ ...many, INSTANCES: "20" }), 20);
    assert.equal(vusOf({ ...many, INSTANCES: "7" }), 21);
    assert.equal(vusOf({ ...many, INSTANCES: "4", CORES: "3" }), 12);
    assert.equal(vusOf({ CLIENTS: "3", RATE_EPS: "90000", INSTANCES: "3", CORES: "8" }), 3);
    assert.equal(vusOf({ CLIENTS: "5001", INSTANCES: "2", CORES: "8" }), 4);
  });

  it("is the same text for each of them, and another one for another number", () => {
    const texts = [
      planText(planOf({ INSTANCES: "3", INSTANCE: "0" }), "p"),
      planText(planOf({ INSTANCES: "3", INSTANCE: "2" }), "p"),
      planText(planOf({ INSTANCES: "2" }), "p"),
    ];
    assert.equal(texts[0], texts[1]);
    assert.notEqual(texts[0], texts[2]);
  });

  it("is the same by its own variables, with the cores that it was made for", () => {
    const plan = planOf({ CLIENTS: "9000", INSTANCES: "2", CORES: "2" });
    const again = { ...planVariables(plan), CORES: String(plan.cores), CLIENTS: "9000" };
    assert.deepEqual(buildPlan("publish", collectOptions({}, again), "other"), plan);
  });

  it("has events for all, and bounds that grow with them", () => {
    const one = planOf({ CLIENTS: "20", RATE_EPS: "90" });
    const three = planOf({ CLIENTS: "20", RATE_EPS: "90", INSTANCES: "3" });
    assert.equal(eventsNeeded(one), 900 + 16);
    assert.equal(eventsNeeded(three), 900 + 3 * 16);
    assert.throws(() => planOf({ CLIENTS: "20001" }), refusal(/CLIENTS .* from 1 to 20000/));
    assert.equal(planOf({ CLIENTS: "20001", INSTANCES: "2" }).clients, 20_001);
    assert.throws(
      () => planOf({ CLIENTS: "40001", INSTANCES: "2" }),
      refusal(/CLIENTS .* from 1 to 40000/),
    );
  });

  it("needs a connection for each instance, and a number of them that is one", () => {
    assert.throws(
      () => planOf({ CLIENTS: "2", INSTANCES: "3" }),
      refusal(/CLIENTS .* must be at least INSTANCES \(--instances\) \(3\), got `2`/),
    );
    for (const bad of ["0", "-1", "1.5", "many"]) {
      assert.throws(() => planOf({ INSTANCES: bad }), refusal(/INSTANCES .* whole number from 1/));
    }
    assert.throws(() => planOf({ CORES: "0" }), refusal(/CORES .* whole number from 1/));
  });
});

describe("readInstance", () => {
  it("prefers what was given to the number of the pod, and knows when nobody says", () => {
    assert.equal(readInstance("1", "2", 3), 1);
    assert.equal(readInstance(undefined, "2", 3), 2);
    assert.equal(readInstance("", "2", 3), 2);
    assert.equal(readInstance(undefined, "", 3), null);
  });

  it("refuses a number that is none of the plan's, and a pod of a Job for a plan of one", () => {
    assert.throws(() => readInstance("3", undefined, 3), refusal(/^INSTANCE .* from 0 to 2/));
    assert.throws(() => readInstance("-1", undefined, 3), refusal(/^INSTANCE/));
    assert.throws(() => readInstance("0x1", undefined, 3), refusal(/^INSTANCE/));
    assert.throws(
      () => readInstance(undefined, "1", 1),
      refusal(/^JOB_COMPLETION_INDEX .* 0 to 0/),
    );
  });
});

describe("the gate of parts", () => {
  it("lets each instance through with its own part, as k6 shows it, and with no other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), (n, one, other) => {
        const [index, wrong] = [one % n, other % n];
        const options = consolidated(index, n);
        assert.equal(instanceOf(options, n), index);
        assert.deepEqual(findSegmentFaults(options, n, index), []);
        assert.deepEqual(findSegmentFaults(options, n, null), []);
        const faults = findSegmentFaults(options, n, wrong);
        assert.equal(faults.length, wrong === index ? 0 : 1);
      }),
    );
  });

  it("takes what the script itself asks k6 for", () => {
    assert.deepEqual(segmentOptions(3, 1), {
      executionSegment: "1/3:2/3",
      executionSegmentSequence: "0/3,1/3,2/3,3/3",
    });
    assert.deepEqual(findSegmentFaults(segmentOptions(3, 1), 3, 1), []);
    assert.deepEqual(segmentOptions(1, 0), {});
    assert.deepEqual(segmentOptions(3, null), {});
  });

  const whole = "0,1/3,2/3,1";
  const refused: readonly (readonly [
    what: string,
    instances: number,
    segment: string | null,
    sequence: string | null,
    RegExp,
  ])[] = [
    ["no part at all", 3, null, null, /would send the whole plan/],
    ["the whole as a part", 3, "0:1", whole, /none of 3 equal parts/],
    ["two parts at once", 3, "0:2/3", whole, /none of 3 equal parts/],
    ["a part of another number", 3, "0:1/4", "0,1/4,1/2,3/4,1", /none of 3 equal parts/],
    ["a part between two", 3, "1/6:1/2", whole, /none of 3 equal parts/],
    ["no sequence", 3, "0:1/3", null, /not set, and not 3 equal parts: shares would overlap/],
    ["a sequence of unequal parts", 3, "0:1/3", "0,1/3,1", /shares would overlap/],
    ["a sequence out of order", 3, "0:1/3", "0,2/3,1/3,1", /shares would overlap/],
    ["a part where one is all", 1, "0:1/2", "0,1/2,1", /set INSTANCES/],
    ["a sequence where one is all", 1, null, "0,1/2,1", /set INSTANCES/],
  ];
  for (const [what, instances, executionSegment, executionSegmentSequence, reason] of refused) {
    it(`refuses ${what}`, () => {
      const options = { executionSegment, executionSegmentSequence };
      const [fault = "", ...more] = findSegmentFaults(options, instances, null);
      assert.match(fault, reason);
      assert.deepEqual(more, []);
    });
  }

  it("asks nothing of a run of one", () => {
    const none = { executionSegment: null, executionSegmentSequence: null };
    assert.deepEqual(findSegmentFaults(none, 1, null), []);
    assert.equal(instanceOf(none, 1), 0);
  });
});
