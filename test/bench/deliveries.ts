/**
 * Deliveries on a schedule that the embedded relay keeps, ours with each held against what is owed beside a bare script
 * that counts frames: what a frame takes of k6's processor, since the relay on the same cores would bound both.
 */
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { deliveryOf } from "../../src/report/class-report.ts";
import { runBare } from "./bare.ts";
import { signFanoutPool, withEmbedded } from "./fanout-pool.ts";
import { atLeast, notes } from "./goal.ts";
import { median, type Rig, runScript } from "./k6-run.ts";
import type { Print } from "./row.ts";

const SUBSCRIBERS = 200;
const RATE = 100;
/** In a run of five seconds a VU hands out 20 slices a second, in one of a minute and more one. */
const SECONDS = 20;
const MOST_REPETITIONS = 3;
/** An author a VU, whose events go to half of the subscribers. */
const FANOUT = SUBSCRIBERS / 2;
/** A bare script's processor time by frame, of ours: what live delivery must have, and what any reading is to have. */
const GOALS = [0.6, 0.7];
const LOAD = {
  SUBSCRIBERS: String(SUBSCRIBERS),
  PUBLISHERS: "2",
  FANOUT: String(FANOUT),
  RATE_EPS: String(RATE),
  DURATION_SEC: String(SECONDS),
};
const COLLECTOR = {
  GOGC: String(garbageTarget(SUBSCRIBERS + 2)),
  GOMEMLIMIT: memoryLimit(SUBSCRIBERS + 2),
};

export async function benchDeliveries(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const pool = await signFanoutPool(rig, "deliveries", LOAD);
  const bare: number[] = [];
  const ours: number[] = [];
  for (let i = 0; i < Math.min(repetitions, MOST_REPETITIONS); i++) {
    bare.push(
      await withEmbedded(async (url) => {
        const variables = { SUBSCRIBERS: String(SUBSCRIBERS), RATE: String(RATE) };
        const { perSecond, coreShare } = await runBare({ ...rig, pool, url }, "deliver", variables);
        return (coreShare / perSecond) * 1e6;
      }),
    );
    ours.push(
      await withEmbedded(async (url) => {
        const variables = { ...LOAD, ...COLLECTOR };
        const { report, coreShare } = await runScript({ ...rig, pool, url }, "fanout", variables);
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
      ...GOALS.map((goal) => atLeast(share, goal)),
      "every one held against what is owed",
    ),
  );
}
