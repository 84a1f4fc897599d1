/** Reports of searches against a relay in virtual time, for tests of what is said of them. */
import { capacityReport } from "../src/capacity/report.ts";
import {
  BACKLOG,
  type CapacityReport,
  type SearchSettings,
  type TrialFinding,
} from "../src/capacity/result.ts";
import { bucket, type Model, resultIn, SETTINGS } from "./capacity-model.ts";
import { trialWith } from "./capacity-trial.ts";

const P99 = "nostr_publish_response_time: p(99)<1000";
export const BOUND: TrialFinding = {
  id: "cpu-bound",
  title: "The relay is bound by one thread",
  severity: "major",
  text: "Commit several events in one transaction. See `sync`.",
};

/** Of a relay that takes 995/s, but for the model given. */
export function searched(
  model: Model = bucket(() => 995),
  settings: Partial<SearchSettings> = {},
): CapacityReport {
  const { result, trials } = resultIn(model, settings);
  const startMs = Date.UTC(2026, 10, 28, 12);
  return capacityReport(
    {
      run: {
        id: "20261128T120000Z-abcdef",
        startedAt: new Date(startMs).toISOString(),
        endedAt: new Date(startMs + 17 * 60_000).toISOString(),
        scenario: "publish",
        tool: "k6-nostr 0.1.0",
        k6: "k6 v2.2.0",
        relays: [
          {
            label: "127.0.0.1:7777",
            address: "127.0.0.1",
            software: "git+https://example.test/strfry.git",
            version: "1.1.1",
          },
        ],
        relayNote: null,
        sameHost: true,
        host: { cpus: 2, memoryBytes: 8e9, platform: "linux" },
      },
      config: {
        relays: ["127.0.0.1:7777"],
        options: { relay: "ws://127.0.0.1:7777", seed: "seed-1" },
        withheld: ["header"],
      },
      objective: ["nostr_publish_failed: rate<0.01", P99, BACKLOG],
      generator: { ceiling: 30_000 },
    },
    { ...SETTINGS, ...settings },
    trials.map((tried) => {
      const { number, load } = tried;
      const p99 = tried.failed.find(({ threshold }) => threshold === P99)?.value ?? 6 + load / 20;
      return trialWith(
        {
          ...tried,
          startedAt: new Date(startMs + number * 20_000).toISOString(),
          ...(tried.verdict === "void" ? { voidReason: "the generator was late" } : {}),
          thresholds: [
            {
              metric: "nostr_publish_response_time",
              expression: "p(99)<1000",
              value: p99,
              ok: p99 < 1_000,
            },
          ],
          findings: tried.verdict === "fail" ? [BOUND] : [],
          report: `runs/${number}/report.json`,
        },
        {
          p50: 2 + load / 200,
          p95: p99 * 0.8,
          p99,
          done: Math.min(load, 995),
          relayCpu: Math.min(99, load / 10),
          databaseBytes: 1e6 * number,
          ceilingShare: load / 30_000,
        },
      );
    }),
    result,
  );
}
