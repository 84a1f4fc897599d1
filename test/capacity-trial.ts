/** Trials as a search writes them down, for tests of what is said about them. */
import type { Trial } from "../src/capacity/result.ts";

/** A probe at 100/s that passed. */
export function trialWith(own: Partial<Trial>, figures: Partial<Trial["figures"]> = {}): Trial {
  const load = own.load ?? 100;
  return {
    number: 1,
    role: "probe",
    load,
    lengthSec: 10,
    startedAt: "2026-11-28T12:00:00.000Z",
    verdict: "pass",
    failed: [],
    thresholds: [],
    aged: false,
    cooledSec: 1,
    tookSec: 15,
    seed: "seed-1",
    generator: "valid",
    figures: {
      offered: load,
      done: load,
      p50: 2,
      p95: 4,
      p99: 8,
      failedShare: 0,
      unsent: 0,
      backlogGrowth: 0,
      relayCpu: null,
      relayMemory: null,
      databaseBytes: null,
      ceilingShare: null,
      ...figures,
    },
    findings: [],
    report: null,
    ...own,
  };
}
