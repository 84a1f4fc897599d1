/**
 * `npm run test:k8s`: what is said of Kubernetes, on a real one of this machine. Each figure of a merged report is held
 * against the ledger of the relay that was loaded; pods die as pods do; and nothing is left behind.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { findObstacle, obtainPrograms } from "./build.ts";
import { Cluster } from "./cluster.ts";
import { CommandLine } from "./command-line.ts";
import { DEATHS } from "./deaths.ts";
import { packImages } from "./images.ts";
import { takeAll } from "./manifests.ts";
import {
  assertNothingLeft,
  loadInterrupted,
  loadWhole,
  loadWithDeath,
  type Place,
  REFUSALS,
  readLater,
  refuse,
} from "./runs.ts";
import { loadAsOperator } from "./stock.ts";

const obstacle = await findObstacle();
if (obstacle !== null) {
  process.stdout.write(`not tested on Kubernetes here: ${obstacle}\n`);
  process.exit(0);
}
const passed: string[] = [];
const dir = await mkdtemp(join(tmpdir(), "k6-nostr-k8s-"));
const note = (text: string) => process.stdout.write(`${text}\n`);
try {
  const programs = await obtainPrograms(note);
  const k6 = await ensureK6({ env: process.env, onNote: note });
  const pause = join(programs.kubernetes, "pause");
  const images = await packImages({ dir, pause, k6: k6.path });
  await onCluster(["127.0.0.2"], async (place) => {
    await step("every manifest passes a strict dry run", () => takeAll(place));
    await step("what can't be loaded is refused in a line, and nothing is sent", async () => {
      await Promise.all(REFUSALS.map((refusal) => refuse(place, refusal)));
      await assertNothingLeft(place);
    });
    await step("two pods load as one process does, to the event", () => loadWhole(place));
    await step("a run is read again and removed by its name", () => readLater(place));
    await step("Ctrl-C stops the pods and leaves the report of what they did", () =>
      loadInterrupted(place),
    );
  });
  await onCluster(["127.0.0.2", "127.0.0.3"], async (place) => {
    await step("pods of stock k6, as the operator would run them, make the same report", () =>
      loadAsOperator(place),
    );
    for (const death of DEATHS) await step(death.name, () => loadWithDeath(place, death));
  });
  async function onCluster(nodes: readonly string[], use: (place: Place) => Promise<void>) {
    const place = join(dir, `cluster-of-${nodes.length}`);
    const cluster = await step(`${nodes.length} nodes are ready`, () =>
      Cluster.start({ dir: place, programs, nodes, images }),
    );
    const end = () => void cluster.stop().finally(() => process.exit(130));
    process.once("SIGINT", end).once("SIGTERM", end);
    try {
      await cluster.kubectl("apply", "-f", "deploy/kubernetes/role.yaml");
      await use({ cluster, commandLine: new CommandLine(cluster, dir), dir });
    } finally {
      process.off("SIGINT", end).off("SIGTERM", end);
      await step(`${nodes.length} nodes are gone`, () => cluster.stop());
    }
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
process.stdout.write(`\n${passed.length} passed, 0 failed\n`);

async function step<T>(name: string, body: () => Promise<T>): Promise<T> {
  const beforeMs = Date.now();
  const result = await body();
  passed.push(name);
  note(`ok  ${name} (${((Date.now() - beforeMs) / 1_000).toFixed(0)} s)`);
  return result;
}
