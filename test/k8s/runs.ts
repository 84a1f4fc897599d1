/** Runs on a cluster, each held against the ledger of the relay that its pods loaded. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startRelay } from "../../src/node/relay/relay.ts";
import { publishOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import { assertBalanced, assertCounts } from "../faulty-relay/hold.ts";
import type { FaultyRelay } from "../faulty-relay/relay.ts";
import { startFaultyRelay } from "../faulty-relay/relay.ts";
import type { Cluster } from "./cluster.ts";
import type { CommandLine, Ended, Running } from "./command-line.ts";
import { IMAGES } from "./images.ts";

/** A second of each instance's part. */
const RATE = 100;
const SECONDS = 10;
const INSTANCES = 2;
const PART = (RATE * SECONDS) / INSTANCES;
/** What a dead instance had sent and not handed out: of its last slice, and of what was being packed. */
const UNSAID = (RATE / INSTANCES) * 0.5;
/** For Node to start twice on two cores that have more to do. */
const LEAD_SEC = 45;
/** Of a relay, as it tells them. */
const METRICS = "strfry_connections_current 7\n";

export interface Place {
  readonly cluster: Cluster;
  readonly commandLine: CommandLine;
  /** For files of the test. */
  readonly dir: string;
}

/** A load of two pods; later flags win. */
export function loadOf(relay: string, ...more: readonly string[]): readonly string[] {
  return [
    ...["run", "publish", "--relay", relay, "--host-network", "--image", IMAGES.k6Nostr],
    ...["--instances", String(INSTANCES), "--clients", "10", "--rate", String(RATE), "--seed", "7"],
    ...["--duration", String(SECONDS), "--lead", String(LEAD_SEC), "--force", ...more],
  ];
}

export async function withRelay<T>(use: (relay: FaultyRelay) => Promise<T>): Promise<T> {
  const relay = await startFaultyRelay({ keeps: () => true });
  try {
    return await use(relay);
  } finally {
    await relay.stop();
  }
}

export function reportOf({ report, stdout, stderr }: Ended): Report {
  assert.ok(report, `no report:\n${stdout}\n${stderr}`);
  return report;
}

/** Nothing that a run made is there any more; a pod on a dead node goes when the node is removed. */
export async function assertNothingLeft({ cluster }: Place, pods = ""): Promise<void> {
  assert.equal(
    await cluster.kubectl(
      "get",
      "jobs,configmaps",
      "-l",
      "app.kubernetes.io/name=k6-nostr",
      "-o",
      "name",
    ),
    "",
  );
  await cluster.kubectl(
    "wait",
    "--for=delete",
    "pods",
    "-l",
    "app.kubernetes.io/name=k6-nostr",
    "--timeout=60s",
    ...(pods === "" ? [] : [`--field-selector=${pods}`]),
  );
}

export async function loadWhole(place: Place): Promise<void> {
  await withRelay(async (relay) => {
    const ended = await place.commandLine.run(loadOf(relay.url));
    const report = reportOf(ended);
    const { audit } = report;
    assert.ok(audit && audit.checked > 0 && audit.found === audit.checked, JSON.stringify(audit));
    // By one connection it was read back.
    relay.ledger.taken--;
    relay.ledger.opened--;
    assertCounts(report, relay.ledger, {});
    assert.equal(new Set(relay.ledger.events.map(({ id }) => id)).size, RATE * SECONDS);
    assert.equal(report.run.complete, true);
    assert.deepEqual(
      report.generator.several?.each.map(({ index }) => index),
      [0, 1],
    );
    assert.equal(ended.code === 3, report.generator.verdict === "invalid", ended.stdout);
    assert.ok(
      ended.code === 0 || ended.code === 3,
      `${ended.code}\n${ended.stdout}\n${ended.stderr}`,
    );
    assert.match(ended.stderr, /2 of 2 pods run {2}window/);
    await assertNothingLeft(place);
  });
}

export interface Death {
  readonly name: string;
  /** What is done in the middle of the window. */
  readonly kill: (place: Place) => Promise<void>;
  /** What the report says of it. */
  readonly reason: RegExp;
  readonly podsLeft?: string;
}

/** One of two instances dies in the window: the other one's figures are whole, and the dead one's reach to its last slice. */
export async function loadWithDeath(
  place: Place,
  { kill, reason, podsLeft }: Death,
): Promise<void> {
  await withRelay(async (relay) => {
    const running = await place.commandLine.start(loadOf(relay.url));
    await inWindow(running, relay);
    await kill(place);
    const ended = await running.ended;
    const report = reportOf(ended);
    assertBalanced(report);
    const { ledger } = relay;
    const { totals } = publishOf(report);
    const lastMs = Math.max(...ledger.events.map(({ receivedMs }) => receivedMs));
    const lastOf = new Map(
      ledger.events.map(({ connection, receivedMs }) => [connection, receivedMs]),
    );
    const survived = ledger.events.filter(
      ({ connection }) => (lastOf.get(connection) ?? 0) > lastMs - 1_000,
    );
    assert.equal(survived.length, PART);
    const dead = ledger.events.length - PART;
    assert.ok(dead > 0 && dead < PART, `${dead} of the dead one`);
    const reported = totals.accepted - PART;
    assert.ok(reported <= dead && reported >= dead - UNSAID, `${reported} of ${dead} are reported`);
    assert.ok(totals.attempted - totals.accepted <= UNSAID, JSON.stringify(totals));
    assert.equal(totals.lost, totals.attempted - totals.accepted);
    assert.equal(report.run.complete, false);
    assert.match(report.run.stopReason ?? "", reason);
    assert.ok(
      ended.code === 1 || ended.code === 3,
      `${ended.code}\n${ended.stdout}\n${ended.stderr}`,
    );
    await assertNothingLeft(place, podsLeft);
  });
}

/** The relay has heard of both for a while. */
async function inWindow({ says }: Running, relay: FaultyRelay): Promise<void> {
  await says(/pods run {2}window/);
  while (relay.ledger.events.length < (RATE * SECONDS) / 3) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ctrl-C in the window: what was done is in the report, and nothing goes on. */
export async function loadInterrupted(place: Place): Promise<void> {
  await withRelay(async (relay) => {
    const running = await place.commandLine.start(loadOf(relay.url));
    await inWindow(running, relay);
    running.child.kill("SIGINT");
    const ended = await running.ended;
    assert.equal(ended.code, 130, ended.stderr);
    const report = reportOf(ended);
    assertBalanced(report);
    const sent = relay.ledger.events.length;
    const { accepted } = publishOf(report).totals;
    assert.ok(sent < RATE * SECONDS, `${sent} events`);
    assert.ok(accepted <= sent && accepted >= sent - INSTANCES * UNSAID, `${accepted} of ${sent}`);
    assert.match(
      report.run.stopReason ?? "",
      /instance 0 of 2 ended at [\d.]+ s: interrupted.*instance 1 of 2 ended at [\d.]+ s: interrupted/,
    );
    await assertNothingLeft(place);
  });
}

/** What was made stays, is read again by name, and removed by name; what the relay kept is counted, and its metrics read. */
export async function readLater(place: Place): Promise<void> {
  const relay = await startRelay({ port: 0, file: ":memory:" });
  const metrics = createServer((_, response) => response.end(METRICS)).listen(0, "127.0.0.1");
  await once(metrics, "listening");
  try {
    const { commandLine, cluster } = place;
    const { port } = metrics.address() as AddressInfo;
    const beside = ["--audit", "--relay-metrics", `http://127.0.0.1:${port}/metrics`];
    const own = ["--keep", "--duration", "3", ...beside];
    const load = loadOf(relay.url, ...own).filter((word) => word !== "--force");
    const ended = await commandLine.run(load);
    const first = reportOf(ended);
    const accepted = RATE * 3;
    assert.equal(publishOf(first).totals.accepted, accepted);
    assert.deepEqual([first.audit?.checked, first.audit?.missingCount], [accepted, 0]);
    const { kinds, why } = first.audit?.stored ?? {};
    assert.ok(
      kinds?.every(({ delta }) => delta === 0),
      `${why} ${JSON.stringify(kinds)}`,
    );
    assert.deepEqual(
      first.resources?.relayMetrics.map(({ name, last }) => [name, last]),
      [["strfry_connections_current", 7]],
      JSON.stringify(first.resources?.notMeasured),
    );
    const name = /made +(\S+) in default/.exec(ended.stderr)?.[1] ?? "";
    assert.match(await cluster.kubectl("get", "jobs", "-o", "name"), new RegExp(name));
    const again = await commandLine.run(["logs", name, "--relay", relay.url]);
    assert.equal(again.code, ended.code, again.stderr);
    assert.deepEqual(reportOf(again), first);
    const removed = await commandLine.run(["delete", name]);
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, new RegExp(`^removed Job ${name} of default`));
    await assertNothingLeft(place);
    const twice = await commandLine.run(["delete", name]);
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /there is nothing of `k6-nostr-/);
  } finally {
    metrics.close();
    await relay.close();
  }
}

export interface Refusal {
  readonly name: string;
  readonly flags: readonly string[];
  readonly reason: RegExp;
}

export const REFUSALS: readonly Refusal[] = [
  {
    name: "an image that is not there",
    flags: ["--image", "localhost:1/none:1", "--lead", "120"],
    reason: /instance \d of 2: its image can't be had \(ImagePullBackOff: .*localhost:1\/none:1/,
  },
  {
    name: "a Secret that is not there",
    flags: ["--secret", "none", "--lead", "120"],
    reason:
      /instance \d of 2: it can't be set up \(CreateContainerConfigError: secret "none" not found\)/,
  },
  {
    name: "more cores than a node has",
    flags: ["--cores", "64", "--lead", "15"],
    reason: /instance \d of 2: no node takes it \(.*Insufficient cpu/,
  },
  {
    name: "a namespace that is not there",
    flags: ["--namespace", "none"],
    reason:
      /in the namespace `none` you may not create jobs, delete jobs, list pods, get pods\/log/,
  },
];

/** One line of why, and not an event sent. */
export async function refuse(place: Place, { flags, reason }: Refusal): Promise<void> {
  await withRelay(async (relay) => {
    const { code, stderr, report } = await place.commandLine.run(loadOf(relay.url, ...flags));
    assert.match(stderr, reason);
    assert.equal(code, 2, stderr);
    assert.equal(report, null);
    assert.equal(relay.ledger.taken, 0);
  });
}
