/** Resources as k6's own metrics, under the real k6: fed from the companion, and never in its way. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { buildBundles } from "../../build/bundle.ts";
import { parseMix } from "../../src/events/mix.ts";
import { serveCompanion } from "../../src/node/companion/serve.ts";
import { createAuthSigner } from "../../src/node/companion/sign-auth.ts";
import { makePool } from "../../src/node/pool/make.ts";
import { DEFAULT_EPOCH } from "../../src/pool/plan.ts";
import { outagesOf } from "../../src/report/outages.ts";
import { accept } from "../faulty-relay/frames.ts";
import type { FaultyRelay } from "../faulty-relay/relay.ts";
import { inPlace } from "./cli.ts";
import { publish, withRelay } from "./harness.ts";

describe("the companion", () => {
  it("gives k6 metrics that cross its thresholds, and lets k6 end though it never says so", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-companion-"));
    const mix = parseMix("view:1");
    await makePool({ dir: join(dir, "pool"), seed: "c", mix, events: 200, epoch: DEFAULT_EPOCH });
    const script = join(await buildBundles(join(dir, "dist")), "publish.js");
    const companion = await serveCompanion(createAuthSigner("seed"));
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
    const rss = thresholds.find(({ metric }) => metric === "nostr_relay_rss_bytes");
    const cpu = thresholds.find(({ metric }) => metric === "nostr_generator_cpu_percent");
    assert.deepEqual([rss?.ok, cpu?.ok], [false, true]);
    assert.ok((rss?.value ?? 0) > 1_000_000);
  });

  it("brackets an outage by the relay's own port, while the clients wait longer from try to try", async () => {
    let goneMs = 0;
    let backMs = 0;
    let whenBack: Promise<void> | null = null;
    const away = async (relay: FaultyRelay) => {
      goneMs = performance.now();
      await relay.vanish();
      await relay.startAgainAfter(1_500);
      backMs = performance.now();
    };
    const run = await withRelay(
      {
        answer({ event, place }, relay) {
          if (place === 60) whenBack ??= away(relay);
          return [accept(event.id)];
        },
      },
      async (relay) => publish(relay, { clients: 4, rate: 50, duration: 6 }),
    );
    await whenBack;
    const [outage, ...others] = outagesOf(run.report);
    assert.equal(others.length, 0);
    assert.ok(outage?.leastSec != null && outage.mostSec !== null, JSON.stringify(outage));
    const trueSec = (backMs - goneMs) / 1_000;
    // k6 sees the end of a connection a little later than it is.
    assert.ok(
      outage.leastSec <= trueSec && trueSec <= outage.mostSec + 0.3,
      JSON.stringify(outage),
    );
    assert.match(run.report.findings[0]?.title ?? "", /went away .* and was back .*: away for/);
  });
});
