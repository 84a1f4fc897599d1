/** Two runs that say of each other whether a report may be believed: one of the same seed, and one ten times as long. */
import { rm } from "node:fs/promises";
import { publishOf } from "../../src/report/class-report.ts";
import { pointsOf } from "../../src/report/points.ts";
import type { Band } from "../../src/report/types.ts";
import { atMost } from "./goal.ts";
import { type Rig, runK6 } from "./k6-run.ts";
import { MANY_EVENTS, withLookAlikes } from "./look-alikes.ts";
import { megabytes, type Print } from "./row.ts";

const SOAK_EPS = 30_000;
const SOAK_EVENTS = [250_000, 2_500_000] as const;

/** Two runs of one seed: does each figure of the second lie within the band that the first states of itself? */
export async function benchAgreement(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const within = { "response p50": 0, "response p99": 0, throughput: 0 };
  for (let i = 0; i < repetitions; i++) {
    const load = { clients: 100, rate: 1_000, seconds: 10, maxInFlight: 16 };
    const noise = (await runK6(large, load)).report.noise.classes.publish;
    const { times, rate } = publishOf((await runK6(large, load)).report);
    if (isWithin(noise?.responseP50 ?? null, times.response.p50)) within["response p50"]++;
    if (isWithin(noise?.responseP99 ?? null, times.response.p99)) within["response p99"]++;
    if (isWithin(noise?.donePerSec ?? null, rate.done)) within.throughput++;
  }
  for (const [figure, times] of Object.entries(within)) {
    print(
      `agreement of ${figure}`,
      `${times} of ${repetitions} pairs`,
      "within the noise band of the other run, 1,000/s",
    );
  }
}

function isWithin(band: Band, value: number | null): boolean {
  return band !== null && value !== null && band[0] <= value && value <= band[1];
}

/** Ten times the events, the same memory: only slices are kept, and there are at most 600 of them. */
export async function benchSoak(rig: Rig, print: Print): Promise<void> {
  const large = await withLookAlikes(rig, SOAK_EVENTS[1] + SOAK_EPS);
  const rss: number[] = [];
  for (const events of SOAK_EVENTS) {
    const load = { clients: 100, rate: SOAK_EPS, seconds: events / SOAK_EPS, maxInFlight: 16 };
    const { rssBytes, report } = await runK6(large, load);
    rss.push(rssBytes);
    print(
      `soak, ${events} events`,
      megabytes(rssBytes),
      `${publishOf(report).totals.accepted} accepted in ${report.run.durationSec.toFixed(0)} s, ${pointsOf(report).length} slices`,
    );
  }
  await rm(large.pool, { recursive: true });
  const [short = Number.NaN, long = Number.NaN] = rss;
  print(
    "soak, ten times the events",
    `${(long / short).toFixed(2)} × the memory`,
    atMost(long / short, 1.1),
  );
}
