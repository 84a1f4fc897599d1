/** Runs on a cluster, each held against the ledger of the relay that its pods loaded. */
import assert from "node:assert/strict";
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
const LEAD_SEC = 30;

export interface Place {
  readonly cluster: Cluster;
  readonly commandLine: CommandLine;
}

/** A load of two pods; later flags win. */
export function loadOf(relay: string, ...more: readonly string[]): readonly string[] {
  return [
    ...["run", "publish", "--relay", relay, "--host-network", "--image", IMAGES.k6Nostr],
    ...["--instances", String(INSTANCES), "--clients", "10", "--rate", String(RATE), "--seed", "7"],
    ...["--duration", String(SECONDS), "--lead", String(LEAD_SEC), "--force", ...more],
  ];
}

async function withRelay<T>(use: (relay: FaultyRelay) => Promise<T>): Promise<T> {
  const relay = await startFaultyRelay({});
  try {
    return await use(relay);
  } finally {
    await relay.stop();
  }
}

function reportOf({ report, stdout, stderr }: Ended): Report {
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
