/** A TestRun by stock k6, as the operator would have it run: its pods' logs make the report that the ledger has. */
import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { parseMix } from "../../src/events/mix.ts";
import type { Manifest } from "../../src/node/kubernetes/made.ts";
import { assertCounts } from "../faulty-relay/hold.ts";
import { keepPool } from "../kept-pool.ts";
import { CommandLine } from "./command-line.ts";
import { IMAGES } from "./images.ts";
import { apply } from "./manifests.ts";
import { goOn, jobsOf, type TestRunSpec } from "./operator.ts";
import { type Place, reportOf, withRelay } from "./runs.ts";

const CLAIM = "k6-nostr-pool";

export async function loadAsOperator(place: Place): Promise<void> {
  const { cluster, commandLine, dir } = place;
  const pool = await keepPool({
    ...{ seed: "instances", mix: parseMix("view:1"), events: 600, epoch: 1_767_225_600 },
  });
  await chmod(pool, 0o755);
  await apply(cluster, dir, volumeOf(dirname(pool)));
  await withRelay(async (relay) => {
    const rendered = await commandLine.run([
      ...["render", "publish", "--engine", "k6-operator", "--relay", relay.url, "--instances", "2"],
      ...[
        "--clients",
        "10",
        "--rate",
        "100",
        "--duration",
        "5",
        "--lead",
        "30",
        "--image",
        IMAGES.k6,
      ],
      ...[
        "--pool-claim",
        CLAIM,
        "--pool",
        basename(pool),
        "--mix",
        "view:1",
        "--seed",
        "instances",
      ],
    ]);
    assert.equal(rendered.code, 0, rendered.stderr);
    const { items } = JSON.parse(rendered.stdout) as { readonly items: readonly Manifest[] };
    const [script, testRun] = items;
    assert.ok(script && testRun);
    const { name } = testRun.metadata;
    const portOf = (i: number) => 16_565 + i;
    const jobs = jobsOf(name, testRun.spec as TestRunSpec, portOf);
    await apply(cluster, dir, [script, ...jobs]);
    for (const i of jobs.keys()) await goOn(portOf(i));
    for (const job of jobs) {
      await cluster.kubectl(
        "wait",
        "--for=condition=Complete",
        `job/${job.metadata.name}`,
        "--timeout=90s",
      );
    }
    const merged = await commandLine.run(["logs", name]);
    await cluster.kubectl("delete", "jobs", "-l", `k6_cr=${name}`, "--cascade=foreground");
    const removed = await new CommandLine(cluster, dir, "admin").run(["delete", name]);
    assert.match(removed.stdout, /^removed ConfigMap /, removed.stderr);
    const report = reportOf(merged);
    assertCounts(report, relay.ledger, {});
    assert.equal(new Set(relay.ledger.events.map(({ id }) => id)).size, 500);
    assert.equal(report.run.complete, true);
    assert.deepEqual(
      report.generator.several?.each.map(({ index }) => index),
      [0, 1],
    );
  });
}

/** A folder of this machine, for pods of all nodes to read. */
function volumeOf(path: string): readonly object[] {
  const capacity = { storage: "1Gi" };
  const accessModes = ["ReadWriteMany"];
  const metadata = { name: CLAIM, namespace: "default" };
  const volume = { storageClassName: "", accessModes };
  return [
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: CLAIM },
      spec: {
        ...volume,
        capacity,
        hostPath: { path },
        claimRef: { name: CLAIM, namespace: "default" },
      },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata,
      spec: { ...volume, volumeName: CLAIM, resources: { requests: capacity } },
    },
  ];
}
