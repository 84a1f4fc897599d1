/** How late events are sent in the open model, in precise pacing. */
import { publishOf } from "../../src/report/class-report.ts";
import { atMost, notes } from "./goal.ts";
import { type K6Figures, median, type Rig, runK6 } from "./k6-run.ts";
import { MANY_EVENTS, withLookAlikes } from "./look-alikes.ts";
import type { Print } from "./row.ts";

/** p99 of schedule lag, ms, by events a second. */
export const LAG_GOALS_MS: Readonly<Record<number, number>> = { 1000: 1.5, 10000: 1, 30000: 5 };

export async function benchLag(
  rig: Rig,
  { rate, repetitions }: { readonly rate: number; readonly repetitions: number },
  print: Print,
): Promise<void> {
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const runs: K6Figures[] = [];
  for (let i = 0; i < repetitions; i++) {
    const load = { clients: 100, rate, seconds: 10, maxInFlight: 16, pacing: "precise" } as const;
    runs.push(await runK6(large, load));
  }
  const lag = (q: "p50" | "p99") =>
    median(runs.map((f) => f.report.generator.scheduleLag[q] ?? Number.NaN));
  const held = median(runs.map((f) => publishOf(f.report).rate.sent));
  print(
    `open model, ${rate}/s`,
    `lag p50 ${lag("p50").toFixed(2)} ms, p99 ${lag("p99").toFixed(2)} ms`,
    notes(
      atMost(lag("p99"), LAG_GOALS_MS[rate] ?? Number.NaN, "ms"),
      `${held.toFixed(0)} events/s held`,
      `${median(runs.map((f) => f.cpuMicros)).toFixed(1)} µs of CPU an event`,
    ),
  );
}
