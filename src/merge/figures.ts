/** What a report says of each of several instances: what its own verdict is made of. */
import { lagKey } from "../measure/book.ts";
import { CLASS_NAMES } from "../measure/classes.ts";
import { mergeHistograms } from "../measure/histogram.ts";
import { lagOf } from "../report/summary.ts";
import type { InstanceReport } from "../report/types.ts";
import type { Instance } from "./instance.ts";

/** `zeroMs`: where the run's time begins, Unix ms. */
export function figuresOf(
  { begin, about, slices, originMs, faults }: Instance,
  zeroMs: number,
): InstanceReport {
  const all = slices.map(({ slice }) => slice);
  const ofKeys = (keys: readonly string[]) =>
    lagOf(
      mergeHistograms(
        all.flatMap(({ histograms }) => keys.flatMap((key) => histograms[key] ?? [])),
      ),
    );
  const drifts = all.flatMap(({ clockDriftMs }) => clockDriftMs ?? []);
  const slacks = all.flatMap(({ slackMs }) => slackMs ?? []);
  return {
    index: begin.index,
    complete: faults.length === 0,
    startedMs: originMs === null ? null : originMs - zeroMs,
    slackMs: slacks.length === 0 ? null : Math.min(...slacks),
    scheduleLag: ofKeys(CLASS_NAMES.map(lagKey)),
    loopLag: ofKeys(["loop"]),
    clockDriftMs: drifts.reduce<number | null>(
      (most, drift) => (most === null || Math.abs(drift) > Math.abs(most) ? drift : most),
      null,
    ),
    clock: about?.clock ?? null,
    host: about?.host ?? { cpus: begin.plan.cores, memoryBytes: null, platform: null },
    cpuPercent: about?.cpuPercent ?? { generator: null, host: null },
    ceilingEps: about?.ceilingEps ?? null,
    receive: about?.receive ?? null,
  };
}
