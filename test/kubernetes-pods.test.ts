/** What pods' statuses say, in a line each: statuses as a 1.33 cluster was seen to give them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Pod, type PodObject, podOf } from "../src/node/kubernetes/pods.ts";
import { Roster } from "../src/node/kubernetes/roster.ts";

type Status = PodObject["status"];

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const READY = { type: "Ready", status: "True" };
const RUNNING: Status = {
  phase: "Running",
  conditions: [READY],
  containerStatuses: [{ name: "k6-nostr", state: { running: {} } }],
};
const DONE: Status = {
  phase: "Succeeded",
  conditions: [{ type: "Ready", status: "False", reason: "PodCompleted" }],
  containerStatuses: [
    { name: "k6-nostr", state: { terminated: { exitCode: 0, reason: "Completed" } } },
  ],
};

function failed(exitCode: number, reason: string, more: Status = {}): Status {
  const finishedAt = new Date(START_MS + 4_000).toISOString();
  return {
    phase: "Failed",
    containerStatuses: [
      { name: "k6-nostr", state: { terminated: { exitCode, reason, finishedAt } } },
    ],
    ...more,
  };
}

function waiting(reason: string, message?: string): Status {
  const state = { waiting: { reason, ...(message === undefined ? {} : { message }) } };
  return { phase: "Pending", containerStatuses: [{ name: "k6-nostr", state }] };
}

function pod(index: number, status: Status, more: object = {}): Pod {
  const labels = { "batch.kubernetes.io/job-completion-index": String(index) };
  const name = `p-${index}`;
  return podOf({
    metadata: { name, labels, ...more },
    spec: { nodeName: "node-b", containers: [{ name: "proxy" }, { name: "k6-nostr" }] },
    status,
  });
}

describe("a pod", () => {
  const all: readonly (readonly [string, Status, Pod["state"], RegExp | null, boolean?])[] = [
    ["runs", RUNNING, "running", null],
    ["is done", DONE, "ended", null],
    ["ended by itself", failed(1, "Error"), "ended", /^exit 1$/],
    ["took too much memory", failed(137, "OOMKilled"), "ended", /^exit 137 \(OOMKilled\)$/],
    [
      "was evicted",
      failed(137, "Error", {
        reason: "Evicted",
        message: "The node was low on resource: memory. ",
      }),
      "ended",
      /^evicted \(The node was low on resource: memory\.\)$/,
    ],
    [
      "was evicted before it ran",
      { phase: "Failed", reason: "Evicted", message: "disk" },
      "ended",
      /^evicted \(disk\)$/,
    ],
    [
      "had to go",
      failed(143, "Error", {
        conditions: [
          { type: "DisruptionTarget", status: "True", message: "preempting to accommodate a pod" },
        ],
      }),
      "ended",
      /^exit 143: preempting to accommodate a pod$/,
    ],
    [
      "had its time",
      { phase: "Failed", reason: "DeadlineExceeded" },
      "ended",
      /^its time was over$/,
    ],
    [
      "is on a node that nobody hears of",
      { ...RUNNING, conditions: [{ type: "Ready", status: "False" }] },
      "lost",
      /^its node `node-b` answers no more$/,
    ],
    [
      "is about to end",
      {
        ...RUNNING,
        conditions: [{ type: "Ready", status: "False", reason: "ContainersNotReady" }],
      },
      "running",
      null,
    ],
    [
      "is done, beside a container that goes on",
      {
        ...RUNNING,
        containerStatuses: [
          { name: "proxy", state: { running: {} } },
          { name: "k6-nostr", state: { terminated: { exitCode: 0 } } },
        ],
      },
      "ended",
      null,
    ],
    [
      "had a container before it that failed",
      {
        phase: "Failed",
        initContainerStatuses: [{ name: "pool", state: { terminated: { exitCode: 2 } } }],
        containerStatuses: [
          { name: "k6-nostr", state: { waiting: { reason: "PodInitializing" } } },
        ],
      },
      "ended",
      /^exit 2$/,
    ],
    ["is being made", waiting("ContainerCreating"), "waiting", null],
    ["is pulled for the first time", waiting("ErrImagePull", "no route"), "waiting", null],
    [
      "has no image",
      waiting("ImagePullBackOff", 'Back-off pulling image "x"'),
      "waiting",
      /^its image can't be had \(ImagePullBackOff: Back-off pulling image "x"\)$/,
      true,
    ],
    [
      "asks for a Secret that is not there",
      waiting("CreateContainerConfigError", 'secret "keys" not found'),
      "waiting",
      /^it can't be set up .*secret "keys" not found/,
      true,
    ],
    [
      "fits on no node",
      {
        phase: "Pending",
        conditions: [
          {
            type: "PodScheduled",
            status: "False",
            reason: "Unschedulable",
            message: "0/2 nodes are available: 2 Insufficient cpu.",
          },
        ],
      },
      "waiting",
      /^no node takes it \(0\/2 nodes are available: 2 Insufficient cpu\.\)$/,
    ],
  ];
  for (const [what, status, state, why, isHopeless = false] of all) {
    it(`${what}`, () => {
      const read = pod(0, status);
      assert.equal(read.state, state);
      assert.equal(read.isHopeless, isHopeless);
      if (why === null) assert.equal(read.why, null);
      else assert.match(read.why ?? "", why);
    });
  }

  it("is numbered by its Job, or by the operator's name for it", () => {
    const byOperator = { k6_cr: "run", "batch.kubernetes.io/job-name": "run-3" };
    const of = (labels: Record<string, string>) =>
      podOf({ metadata: { name: "p", labels }, spec: { containers: [] }, status: RUNNING }).index;
    assert.equal(of(byOperator), 2);
    assert.equal(of({ "batch.kubernetes.io/job-name": "run-3" }), null);
    assert.equal(pod(1, RUNNING).index, 1);
  });
});

describe("the pods of a run", () => {
  const never = () => false;

  it("are over when each has ended, and not before there is one for each part", () => {
    const roster = new Roster(2, START_MS);
    roster.see([pod(0, DONE)], START_MS);
    assert.equal(roster.areAllOver(), false);
    roster.see([pod(0, DONE), pod(1, RUNNING)], START_MS);
    assert.equal(roster.areAllOver(), false);
    roster.see([pod(0, DONE), pod(1, DONE)], START_MS);
    assert.equal(roster.areAllOver(), true);
    assert.deepEqual([...roster.endings(never)], []);
    assert.equal(roster.hasDead(), false);
  });

  it("are over without one on a dead node once the others have ended, and it is named", () => {
    const lost = pod(1, { ...RUNNING, conditions: [{ type: "Ready", status: "False" }] });
    const roster = new Roster(2, START_MS);
    roster.see([pod(0, RUNNING), lost], START_MS);
    assert.equal(roster.areAllOver(), false);
    assert.deepEqual(roster.news(), ["instance 1 of 2: its node `node-b` answers no more"]);
    assert.deepEqual(roster.news(), []);
    roster.see([pod(0, DONE), lost], START_MS);
    assert.equal(roster.areAllOver(), true);
    assert.deepEqual([...roster.endings(never)], [[1, "its node `node-b` answers no more"]]);
  });

  it("are not over because every node is silent: the controller may be the one that is", () => {
    const roster = new Roster(1, START_MS);
    roster.see(
      [pod(0, { ...RUNNING, conditions: [{ type: "Ready", status: "False" }] })],
      START_MS,
    );
    assert.equal(roster.areAllOver(), false);
  });

  it("say when one ended, and why, unless its log says more", () => {
    const roster = new Roster(2, START_MS);
    roster.see([pod(0, failed(1, "Error")), pod(1, failed(137, "OOMKilled"))], START_MS);
    assert.equal(roster.hasDead(), true);
    const both = [
      [0, "ended at 4 s: exit 1"],
      [1, "ended at 4 s: exit 137 (OOMKilled)"],
    ];
    assert.deepEqual([...roster.endings(never)], both);
    assert.deepEqual([...roster.endings(() => true)], both.slice(1));
  });

  it("name one that somebody deleted, and none that this command removed", () => {
    const roster = new Roster(2, START_MS);
    roster.see([pod(0, RUNNING), pod(1, RUNNING)], START_MS);
    roster.see([pod(0, RUNNING)], START_MS + 6_000);
    assert.deepEqual([...roster.endings(never)].at(1), [1, "ended at 6 s: its pod was deleted"]);
    roster.stop();
    roster.see([], START_MS + 8_000);
    assert.equal(roster.areAllOver(), true);
    assert.deepEqual([...roster.endings(never)], [[1, "ended at 6 s: its pod was deleted"]]);
  });

  it("do not take for its own doing what a pod did that was told to end", () => {
    const deleted = pod(0, failed(130, "Error"), { deletionTimestamp: "2026-01-02T03:04:09Z" });
    const roster = new Roster(1, START_MS);
    roster.see([deleted], START_MS);
    assert.deepEqual([...roster.endings(() => true)], [[0, "ended at 4 s: its pod was deleted"]]);
    const stopped = new Roster(1, START_MS);
    stopped.stop();
    stopped.see([deleted], START_MS);
    assert.deepEqual([...stopped.endings(() => true)], []);
  });

  it("that do not all run are a reason not to begin", () => {
    const roster = new Roster(2, START_MS);
    roster.see([pod(0, RUNNING)], START_MS);
    assert.match(roster.findNotRunning() ?? "", /^instance 1 of 2: no pod was made for it/);
    roster.see([pod(0, RUNNING), pod(1, waiting("ContainerCreating"))], START_MS);
    assert.match(roster.findNotRunning() ?? "", /^instance 1 of 2: .* raise --lead$/);
    assert.equal(roster.findHopeless(), null);
    roster.see([pod(0, RUNNING), pod(1, waiting("InvalidImageName"))], START_MS);
    assert.match(roster.findHopeless() ?? "", /^instance 1 of 2: its image has no valid name/);
    roster.see([pod(0, RUNNING), pod(1, RUNNING)], START_MS);
    assert.equal(roster.findNotRunning(), null);
  });
});
