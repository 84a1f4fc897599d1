/** How late events are sent while ten times as many deliveries come, beside a run without subscribers, in turn. */
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { deliveryOf } from "../../src/report/class-report.ts";
import { signFanoutPool, withEmbedded } from "./fanout-pool.ts";
import { atMost, notes } from "./goal.ts";
import { median, type Rig, runScript } from "./k6-run.ts";
import type { Print } from "./row.ts";

const PUBLISHERS = 20;
const SUBSCRIBERS = 200;
const FANOUT = 10;
const RATE = 1_000;
/** Of the lag without subscribers. */
const GOAL = 2;
const PUBLISHING = { RATE_EPS: String(RATE), DURATION_SEC: "8" };
const LOAD = {
  ...PUBLISHING,
  SUBSCRIBERS: String(SUBSCRIBERS),
  PUBLISHERS: String(PUBLISHERS),
  FANOUT: String(FANOUT),
};
const COLLECTOR = {
  GOGC: String(garbageTarget(PUBLISHERS + SUBSCRIBERS)),
  GOMEMLIMIT: memoryLimit(PUBLISHERS + SUBSCRIBERS),
};

export async function benchDeliveryLag(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const pool = await signFanoutPool(rig, "delivery-lag", LOAD);
  const alone: number[] = [];
  const beside: number[] = [];
  const delivered: number[] = [];
  const run = (script: string, variables: Readonly<Record<string, string>>) =>
    withEmbedded(async (url) => {
      const of = { ...rig, pool, url };
      return (await runScript(of, script, { ...variables, ...COLLECTOR })).report;
    });
  for (let i = 0; i < repetitions; i++) {
    const publish = await run("publish", { ...PUBLISHING, CLIENTS: String(PUBLISHERS) });
    alone.push(publish.generator.scheduleLag.p99 ?? Number.NaN);
    const fanout = await run("fanout", LOAD);
    beside.push(fanout.generator.scheduleLag.p99 ?? Number.NaN);
    delivered.push(deliveryOf(fanout).rate.done);
  }
  const times = median(beside) / median(alone);
  print(`publishing ${RATE}/s, embedded relay`, `lag p99 ${median(alone).toFixed(2)} ms`);
  print(
    `the same to ${RATE * FANOUT} deliveries/s`,
    `lag p99 ${median(beside).toFixed(2)} ms`,
    notes(
      `${times.toFixed(2)} × that without subscribers`,
      atMost(times, GOAL),
      `${median(delivered).toFixed(0)} deliveries/s came`,
    ),
  );
}
