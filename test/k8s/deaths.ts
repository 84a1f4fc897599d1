/** How one of two instances dies. */
import assert from "node:assert/strict";
import { descendantsOf, kill } from "./processes.ts";
import type { Death, Place } from "./runs.ts";

/** Of a pod each, on each of two nodes. */
async function findK6({ cluster }: Place): Promise<readonly number[]> {
  const tasks = (await Promise.all(cluster.nodes.map((node) => cluster.tasksOf(node)))).flat();
  return tasks.flatMap((task) =>
    descendantsOf(task).flatMap(({ id, name }) => (name === "k6" ? [id] : [])),
  );
}

export const DEATHS: readonly Death[] = [
  {
    name: "a k6 that is killed: the other's figures are whole, and its own reach to its last slice",
    kill: async (place) => {
      const [first, ...others] = await findK6(place);
      assert.ok(first !== undefined && others.length === 1, "there is a k6 on each node");
      kill(first);
    },
    reason:
      /^instance \d of 2 ended at [\d.]+ s: k6 was killed by SIGKILL; rates behind it are those of 1 of 2 shares$/,
  },
  {
    name: "a pod that is deleted by force: likewise",
    kill: async ({ cluster }) => {
      const names = await cluster.kubectl("get", "pods", "-o", "name");
      const [name = ""] = names.split("\n");
      await cluster.kubectl("delete", name, "--grace-period=0", "--force");
    },
    reason:
      /^instance \d of 2: ended at \d+ s: its pod was deleted; rates behind it are those of 1 of 2 shares$/,
  },
  {
    name: "a node that dies: likewise",
    kill: async ({ cluster }) => {
      const [, second] = cluster.nodes;
      assert.ok(second);
      await cluster.killNode(second);
    },
    reason:
      /^instance \d of 2: its node `127\.0\.0\.3` answers no more; rates behind it are those of 1 of 2 shares$/,
    podsLeft: "spec.nodeName=127.0.0.2",
  },
];
