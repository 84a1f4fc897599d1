/**
 * Deliveries on a schedule that the embedded relay keeps, ours with each held against what is owed beside a bare script
 * that counts frames: what a frame takes of k6's processor, since the relay on the same cores would bound both.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import { deliveryOf } from "../../src/report/class-report.ts";
import { runBare } from "./bare.ts";
import { atLeast, notes } from "./goal.ts";
import { median, type Rig, runScript } from "./k6-run.ts";

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
const SUBSCRIBERS = 200;
const RATE = 100;
const SECONDS = 5;
/** An author a VU, whose events go to half of the subscribers. */
const FANOUT = SUBSCRIBERS / 2;
/** A bare script's processor time by frame, of ours. */
const GOAL = 0.7;
const LOAD = {
  SUBSCRIBERS: String(SUBSCRIBERS),
  PUBLISHERS: "2",
  FANOUT: String(FANOUT),
  RATE_EPS: String(RATE),
  DURATION_SEC: String(SECONDS),
};

type Print = (what: string, figure: string, note?: string) => void;

export async function benchDeliveries(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const pool = await signPool(join(rig.dir, "fanout"));
  const bare: number[] = [];
  const ours: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    bare.push(
      await withRelay(async (url) => {
        const variables = { SUBSCRIBERS: String(SUBSCRIBERS), RATE: String(RATE) };
        const { perSecond, coreShare } = await runBare({ ...rig, pool, url }, "deliver", variables);
        return (coreShare / perSecond) * 1e6;
      }),
    );
    ours.push(
      await withRelay(async (url) => {
        const { report, coreShare } = await runScript({ ...rig, pool, url }, "fanout", LOAD);
        const { due, delivered } = deliveryOf(report).totals;
        if (due === 0 || delivered !== due) throw new Error("not every delivery was there in time");
        return ((coreShare * SECONDS) / delivered) * 1e6;
      }),
    );
  }
  const share = median(bare) / median(ours);
  const perSecond = RATE * FANOUT;
  print(`bare, ${perSecond} frames/s delivered`, `${median(bare).toFixed(1)} µs of CPU each`);
  print(
    `ours, ${perSecond} deliveries/s`,
    `${median(ours).toFixed(1)} µs of CPU each`,
    notes(
      `${share.toFixed(2)} of bare`,
      atLeast(share, GOAL),
      "every one held against what is owed",
    ),
  );
}

/** A run by the command line leaves the pool that its plan needs. */
async function signPool(cwd: string): Promise<string> {
  await mkdir(cwd, { recursive: true });
  await withRelay(async (url) => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, RELAY_URL: url, ...LOAD };
    const args = [CLI, "run", "fanout", "--force", "--no-calibrate"];
    const child = spawn(process.execPath, args, { cwd, env, stdio: "ignore" });
    await once(child, "close");
  });
  const pools = join(cwd, "pools");
  const name = (await readdir(pools)).find((one) => !one.startsWith("."));
  if (name === undefined) throw new Error("the run left no pool");
  return join(pools, name);
}

/** Each run's events are new to its relay. */
async function withRelay<T>(work: (url: string) => Promise<T>): Promise<T> {
  const relay = await startRelayProcess(["--file", ":memory:"]);
  try {
    return await work(relay.url);
  } finally {
    await relay.stop();
  }
}
