/** What a run makes of its plan, by the engine that makes pods of it, and what it must be allowed for that. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundles } from "../../../build/bundle.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { type Engine, type JobRequest, jobOf } from "./job.ts";
import type { Manifest } from "./made.ts";
import type { Right } from "./rights.ts";
import { testRunOf } from "./test-run.ts";

/** Kinds in the order in which they are removed. */
export const KINDS_OF: Readonly<Record<Engine, readonly string[]>> = {
  job: ["Job"],
  "k6-operator": ["TestRun", "ConfigMap"],
};

const OF_PODS: readonly Right[] = [
  { verb: "list", group: "", resource: "pods" },
  { verb: "get", group: "", resource: "pods", subresource: "log" },
];

export const RIGHTS_OF: Readonly<Record<Engine, readonly Right[]>> = {
  job: [...toMake("batch", "jobs"), ...OF_PODS],
  "k6-operator": [...toMake("k6.io", "testruns"), ...toMake("", "configmaps"), ...OF_PODS],
};

function toMake(group: string, resource: string): readonly Right[] {
  return [
    { verb: "create", group, resource },
    { verb: "delete", group, resource },
  ];
}

/** In the order in which they are made. Throws `ConfigError`. */
export async function manifestsOf(request: JobRequest): Promise<readonly Manifest[]> {
  if (request.engine === "job") return [jobOf(request)];
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-script-"));
  try {
    const { script } = SCENARIOS[request.plan.scenario];
    const text = await readFile(join(await buildBundles(dir), `${script}.js`), "utf8");
    return testRunOf(request, text);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
