/** Our figures as shares of the shortest k6 scripts beside them, in turn: what k6 itself allows. */
import { publishOf } from "../../src/report/class-report.ts";
import { runBare, withRows } from "./bare.ts";
import { atLeast, atMost, notes } from "./goal.ts";
import { type K6Figures, median, type Rig, runK6 } from "./k6-run.ts";
import { MANY_EVENTS, withLookAlikes } from "./look-alikes.ts";
import type { Print } from "./row.ts";
import { SATURATED } from "./saturated.ts";

/** A bare script reads its pool whole: so few events cost it little, and come round again and again. */
const BARE_EVENTS = 20_000;
/** Of a bare script, saturated. */
const SHARE = 0.75;
/** Of a core, %, by events a second, where relay and generator share a small host. */
const CORE_GOALS: Readonly<Record<number, number>> = { 1000: 20, 5000: 50 };
export const CPU_RATES = [1_000, 5_000, 10_000, 20_000];
const LAG_P99_MS = 2;
/** Of a bare script's CPU at the highest of them. */
const OF_BARE = 1.1;
const HELD_EPS = 40_000;
const SECONDS = 8;

/**
 * Saturated, beside what reads. It shows what k6's memory limit is worth (`memoryLimit`, held by a unit test): 60 MiB lower, as
 * it once was, "ours, saturated" loses 8 % to collections of garbage; in turn with itself, since runs differ by more.
 */
export async function benchBare(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const bareRig = await withLookAlikes(rig, BARE_EVENTS);
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const [bare, ours, read]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < repetitions; i++) {
    bare.push((await runBare(bareRig, "publish", { IN_FLIGHT: "8" })).perSecond);
    ours.push((await runK6(large, SATURATED)).perSecond);
    read.push((await withRows(bareRig, (r) => runBare(r, "read", {}))).perSecond);
  }
  const share = median(ours) / median(bare);
  print("bare publish, saturated", `${median(bare).toFixed(0)} events/s`);
  print(
    "ours, saturated",
    `${median(ours).toFixed(0)} events/s`,
    notes(`${share.toFixed(2)} of bare`, atLeast(share, SHARE)),
  );
  print("bare read, rows of 900 B", `${median(read).toFixed(0)} rows/s`);
}

/** What k6 takes of the cores while events are sent on schedule, its start left out; pacing as the plan chooses it. */
export async function benchCpu(
  rig: Rig,
  { rate, repetitions }: { readonly rate: number; readonly repetitions: number },
  print: Print,
): Promise<void> {
  const bareRig = await withLookAlikes(rig, BARE_EVENTS);
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const bare: number[] = [];
  const ours: K6Figures[] = [];
  for (let i = 0; i < repetitions; i++) {
    bare.push((await runBare(bareRig, "publish", { RATE: String(rate) })).coreShare);
    ours.push(await runK6(large, { clients: 100, rate, seconds: SECONDS, maxInFlight: 16 }));
  }
  const core = median(ours.map((f) => f.coreShare)) * 100;
  const ofBare = core / 100 / median(bare);
  const lag = median(ours.map((f) => f.report.generator.scheduleLag.p99 ?? Number.NaN));
  const goal = CORE_GOALS[rate];
  print(
    `CPU at ${rate}/s, open model`,
    `${core.toFixed(0)} % of a core, ${((core * 1e4) / rate).toFixed(0)} µs an event`,
    notes(
      ...(goal === undefined ? [] : [atMost(core, goal, "%")]),
      `lag p99 ${lag.toFixed(2)} ms`,
      ...(goal === undefined ? [] : [atMost(lag, LAG_P99_MS, "ms")]),
      `${ofBare.toFixed(2)} × bare`,
      ...(rate === CPU_RATES.at(-1) ? [atMost(ofBare, OF_BARE)] : []),
      `${ours[0]?.report.config.pacing} pacing`,
    ),
  );
}

/** Of a rate that a native client holds with ease. */
export async function benchHeld(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const bareRig = await withLookAlikes(rig, BARE_EVENTS);
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const held: number[] = [];
  const bareHeld: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    bareHeld.push((await runBare(bareRig, "publish", { RATE: String(HELD_EPS) })).perSecond);
    const load = { clients: 100, rate: HELD_EPS, seconds: SECONDS, maxInFlight: 16 };
    held.push(publishOf((await runK6(large, load)).report).rate.done);
  }
  print(
    `held of ${HELD_EPS}/s, open model`,
    `${median(held).toFixed(0)} events/s`,
    notes(atLeast(median(held), 0.99 * HELD_EPS), `bare ${median(bareHeld).toFixed(0)}`),
  );
}
