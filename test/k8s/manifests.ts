/** Every manifest that the project makes or ships, taken by a real API server as it takes what it will store. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasSay } from "../../src/plan/options.ts";
import { SCENARIO_NAMES } from "../../src/plan/scenarios.ts";
import { must } from "../compose/shell.ts";
import type { Cluster } from "./cluster.ts";
import { TEST_RUN_DEFINITION } from "./operator.ts";
import type { Place } from "./runs.ts";

const SHIPPED = ["deploy/kubernetes/role.yaml", "deploy/k6-operator/testrun.yaml"];

/** Unknown members are refused, and what is of the wrong type or forbidden by a rule of its kind. */
export async function takeAll(place: Place): Promise<void> {
  const { cluster, dir } = place;
  await apply(cluster, dir, [TEST_RUN_DEFINITION]);
  await cluster.kubectl(
    "wait",
    "--for=condition=Established",
    "crd/testruns.k6.io",
    "--timeout=30s",
  );
  await cluster.kubectl("create", "namespace", "load");
  const texts = await Promise.all(SHIPPED.map((path) => readFile(path, "utf8")));
  const claim = ["--pool-claim", "pools", "--pool", "a/b"];
  for (const scenario of SCENARIO_NAMES) {
    const more = ["--namespace", "load", "--secret", "keys"];
    texts.push(await render(place, scenario, [...more, "--host-network"]));
    if (!hasSay("pool", scenario)) continue;
    texts.push(await render(place, scenario, claim));
    texts.push(await render(place, scenario, ["--engine", "k6-operator", ...claim, ...more]));
  }
  for (const text of texts) await dryRun(cluster, dir, text);
  const [job = ""] = texts.slice(SHIPPED.length);
  const misspelt = job.replace('"backoffLimitPerIndex"', '"backoffLimitPerIndexes"');
  const answer = await dryRun(cluster, dir, misspelt).catch(String);
  if (!/backoffLimitPerIndexes/.test(answer ?? "")) {
    throw new Error(`a member that is none was taken: ${answer}`);
  }
}

async function render(
  { commandLine }: Place,
  scenario: string,
  more: readonly string[],
): Promise<string> {
  const load = ["--relay", "ws://127.0.0.1:7777", "--instances", "3", "--seed", "7"];
  const { code, stdout, stderr } = await commandLine.run(["render", scenario, ...load, ...more]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function dryRun(cluster: Cluster, dir: string, text: string): Promise<void> {
  const file = join(dir, "manifest.yaml");
  await writeFile(file, text);
  // `apply`, as some of them are there already.
  const apply = ["kubectl", "apply", "--server-side", "--force-conflicts", "--dry-run=server"];
  await must([...apply, "--validate=strict", "-f", file], { env: cluster.envFor("admin") });
}

/** Makes what is not there yet. */
export async function apply(
  cluster: Cluster,
  dir: string,
  objects: readonly object[],
): Promise<void> {
  const file = join(dir, "made.json");
  await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  await cluster.kubectl("apply", "--server-side", "-f", file);
}
