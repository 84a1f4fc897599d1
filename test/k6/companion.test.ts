/** Resources as k6's own metrics, under the real k6: fed from the companion, and never in its way. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { buildBundles } from "../../build/bundle.ts";
import { parseMix } from "../../src/events/mix.ts";
import { serveCompanion } from "../../src/node/companion/serve.ts";
import { makePool } from "../../src/node/pool/make.ts";
import { DEFAULT_EPOCH } from "../../src/pool/plan.ts";
import { inPlace } from "./cli.ts";
import { publish, withRelay } from "./harness.ts";

describe("the companion", () => {
  it("gives k6 metrics that cross its thresholds, and lets k6 end though it never says so", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-companion-"));
    const mix = parseMix("view:1");
    await makePool({ dir: join(dir, "pool"), seed: "c", mix, events: 200, epoch: DEFAULT_EPOCH });
    const script = join(await buildBundles(join(dir, "dist")), "publish.js");
    const companion = await serveCompanion();
    const sample = {
      atMs: 0,
      process: "relay",
      cpuPercent: 50,
      rssBytes: 4_096,
      openFiles: null,
      threads: null,
      diskWriteBytesPerSec: null,
      contextSwitchesPerSec: null,
      networkBytesPerSec: null,
      pressure: null,
    } as const;
    const ticker = setInterval(() => companion.publish([sample], true), 100);
    try {
      await withRelay({}, async (relay) => {
        await inPlace(async (place) => {
          const variables = {
            RELAY_URL: relay.url,
            POOL: join(dir, "pool"),
            CLIENTS: 2,
            RATE_EPS: 50,
            DURATION_SEC: 1,
            COMPANION_URL: companion.url,
            THRESHOLDS: "nostr_relay_rss_bytes: max<4096; nostr_relay_cpu_percent: avg<51",
            REPORT_DIR: ".",
          };
          const flags = Object.entries(variables).flatMap(([k, v]) => ["-e", `${k}=${v}`]);
          const ended = await place.run(["run", "--quiet", ...flags, script], place.k6);
          const output = `${ended.stdout}${ended.stderr}`;
          assert.equal(ended.exitCode, 99, output);
          assert.match(output, /metrics 'nostr_relay_rss_bytes' have been crossed/);
          assert.doesNotMatch(output, /nostr_relay_cpu_percent' have been/);
          assert.equal(relay.ledger.events.length, 50);
        });
      });
    } finally {
      clearInterval(ticker);
      await companion.close();
      await rm(dir, { recursive: true });
    }
  });

  it("puts resources into the report, and thresholds on them decide", async () => {
    const run = await withRelay({}, async (relay) =>
      publish(relay, {
        duration: 2,
        threshold: "nostr_relay_rss_bytes: max<1; nostr_generator_cpu_percent: max<1000",
      }),
    );
    assert.equal(run.exitCode, 99, run.stderr);
    const { resources, thresholds } = run.report;
    const processes = new Set(resources?.samples.map((s) => s.process));
    assert.deepEqual([...processes].sort(), ["generator", "host", "relay"]);
    assert.match(resources?.relayProcess ?? "", /owner of port \d+$/);
    assert.deepEqual(
      thresholds.map(({ ok }) => ok),
      [false, true],
    );
    assert.ok((thresholds[0]?.value ?? 0) > 1_000_000);
  });
});
