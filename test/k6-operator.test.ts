/** The manifest for k6's operator, as text: pods get one plan, each the part that the operator cuts for it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { findSegmentFaults, instanceOf } from "../src/plan/instances.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";

interface TestRun {
  readonly apiVersion: string;
  readonly spec: {
    readonly parallelism: number;
    readonly args: readonly string[];
    readonly initializer: unknown;
    readonly runner: {
      readonly image: string;
      readonly env: readonly { readonly name: string; readonly value: string }[];
      readonly automountServiceAccountToken: unknown;
      readonly livenessProbe: { readonly timeoutSeconds: number };
      readonly resources: { readonly requests: unknown; readonly limits: unknown };
      readonly containerSecurityContext: unknown;
    };
  };
}

const { apiVersion, spec } = parse(
  readFileSync("deploy/k6-operator/testrun.yaml", "utf8"),
) as TestRun;
const variables = Object.fromEntries(spec.runner.env.map(({ name, value }) => [name, value]));

describe("the TestRun", () => {
  it("has as many pods as its plan has instances, and each gets its part", () => {
    const plan = buildPlan("publish", collectOptions({}, variables), "seed");
    assert.equal(apiVersion, "k6.io/v1alpha1");
    assert.equal(plan.instances, spec.parallelism);
    // The operator's segments, whose first and last ends are whole.
    const end = (i: number) =>
      i % plan.instances === 0 ? `${i / plan.instances}` : `${i}/${plan.instances}`;
    const executionSegmentSequence = Array.from({ length: plan.instances + 1 }, (_, i) =>
      end(i),
    ).join(",");
    for (let i = 0; i < plan.instances; i++) {
      const options = { executionSegment: `${end(i)}:${end(i + 1)}`, executionSegmentSequence };
      assert.deepEqual(findSegmentFaults(options, plan.instances, null), []);
      assert.equal(instanceOf(options, plan.instances), i);
    }
  });

  it("leaves figures on the log as they are, and k6 alive when it is busy", () => {
    assert.deepEqual(spec.args, ["--log-format", "raw"]);
    assert.deepEqual(spec.initializer, { disabled: true });
    assert.ok(spec.runner.livenessProbe.timeoutSeconds >= 10);
    assert.match(spec.runner.image, /^grafana\/k6:\d+\.\d+\.\d+$/);
  });

  it("asks for no right", () => {
    const { runner } = spec;
    assert.equal(runner.automountServiceAccountToken, "false");
    assert.deepEqual(runner.resources.requests, runner.resources.limits);
    assert.deepEqual(runner.containerSecurityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });
});
