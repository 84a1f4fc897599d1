/** The workflow files: pinned actions, least rights, time limits, nothing from outside in a script. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { parse } from "yaml";

interface Job {
  readonly "timeout-minutes"?: number;
  readonly "runs-on": string;
  readonly permissions?: unknown;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = new URL("../.github/workflows/", import.meta.url);
const names = await readdir(folder);

describe("workflows", () => {
  it("are the project's own and the load test", () => {
    assert.deepEqual([...names].sort(), ["ci.yml", "load-test.yml"]);
  });

  for (const name of names) {
    it(`${name} pins its actions by SHA, with the version beside it`, async () => {
      const text = await readFile(new URL(name, folder), "utf8");
      const lines = text.split("\n").filter((line) => /^\s*-?\s*uses:/.test(line));
      assert.ok(lines.length > 0);
      for (const line of lines) {
        assert.match(line, /uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    });

    it(`${name} has least rights, time limits, and inputs only by the environment`, async () => {
      const workflow = parse(await readFile(new URL(name, folder), "utf8")) as Workflow;
      assert.deepEqual(workflow.permissions, { contents: "read" });
      assert.ok(!("pull_request_target" in workflow.on));
      for (const job of Object.values(workflow.jobs)) {
        assert.ok((job["timeout-minutes"] ?? 360) <= 30);
        assert.equal(job.permissions, undefined);
        assert.match(job["runs-on"], /^ubuntu-\d/);
        for (const { run } of job.steps) assert.doesNotMatch(run ?? "", /\$\{\{/);
      }
    });
  }

  it("run the project's own check", async () => {
    const ci = parse(await readFile(new URL("ci.yml", folder), "utf8")) as Workflow;
    assert.ok(Object.values(ci.jobs).some((job) => job.steps.some((s) => s.run === ".ci/run")));
  });
});
