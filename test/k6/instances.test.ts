/** Three k6 processes that share a plan, held against what the relay counted, and against one process. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { buildBundles } from "../../build/bundle.ts";
import { parseMix } from "../../src/events/mix.ts";
import { Gathering } from "../../src/merge/gather.ts";
import { mergeRun, NOBODY_ASKED } from "../../src/merge/merge.ts";
import { sha256 } from "../../src/node/merge/read-logs.ts";
import { readPool } from "../../src/node/pool/read.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { classesOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import { assertCounts } from "../faulty-relay/hold.ts";
import { keepPool } from "../kept-pool.ts";
import { k6ByHand, runWith } from "./cli.ts";
import { withRelay } from "./harness.ts";

const MIX = parseMix("view:1");

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));

let dir = "";
let k6 = "";
let script = "";
let pool = "";

before(async () => {
  k6 = (await ensureK6({ env: process.env, onNote: () => {} })).path;
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-instances-"));
  script = join(await buildBundles(join(dir, "dist")), "publish.js");
  pool = await keepPool({ seed: "instances", mix: MIX, events: 600, epoch: 1_767_225_600 });
});
after(() => rm(dir, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
}

const byHand = () => k6ByHand(k6, "--log-format", "raw", script);

/** A command, k6 by hand without one, with what it logged. */
async function load(
  environment: Readonly<Record<string, string>>,
  command: readonly string[] = byHand(),
): Promise<Ended> {
  const plan = { POOL: pool, CLIENTS: "6", RATE_EPS: "90", DURATION_SEC: "2", WARMUP_SEC: "0" };
  const own = { ACK_TIMEOUT_MS: "500", REPORT_DIR: dir, CORES: "1", LIVE: "1" };
  const ended = await runWith({ dir, k6 }, command, { ...plan, ...own, ...environment });
  return { code: ended.exitCode, lines: `${ended.stdout}\n${ended.stderr}`.split("\n") };
}

function gather(ended: readonly Ended[]): Gathering {
  const gathering = new Gathering(sha256);
  // As logs come that are read twice, and one through the other.
  const longest = Math.max(...ended.map(({ lines }) => lines.length));
  for (let i = longest - 1; i >= 0; i--) {
    for (const { lines } of ended) {
      for (const at of [i, Math.floor(i / 2)])
        gathering.take(`2026-01-02T03:04:05Z ${lines[at] ?? ""}`);
    }
  }
  return gathering;
}

describe("three k6 processes", { concurrency: true }, () => {
  it("send one plan, each its share, and make one report that the relay's ledger agrees with", () =>
    withRelay({}, async (relay) => {
      const startAt = { START_AT: String(Date.now() + 6_000), RELAY_URL: relay.url };
      const ended = await Promise.all(
        [0, 1, 2].map((index) =>
          load({ ...startAt, INSTANCES: "3", JOB_COMPLETION_INDEX: String(index) }),
        ),
      );
      const output = ended.flatMap(({ lines }) => lines).join("\n");
      assert.deepEqual(
        ended.map(({ code }) => code),
        [0, 0, 0],
        output,
      );
      const { processes } = gather(ended);
      const run = mergeRun(processes, { partial: false, runId: "three", sha256 });
      const report = run.complete(NOBODY_ASKED);
      assertCounts(report, relay.ledger, {});
      assert.equal(new Set(relay.ledger.events.map(({ id }) => id)).size, 180);
      assert.equal(report.run.complete, true);
      assert.deepEqual(
        report.generator.several?.each.map(({ index }) => index),
        [0, 1, 2],
      );
      // Each process counts from its own start; the schedule is one.
      assert.ok((report.generator.startSkewMs ?? 99) < 1, `${report.generator.startSkewMs}`);
      assert.ok(
        report.thresholds.every(({ ok }) => ok),
        JSON.stringify(report.thresholds),
      );

      const alone = await withRelay({}, async ({ url }) => {
        const { code, lines } = await load({ RELAY_URL: url });
        assert.equal(code, 0, lines.join("\n"));
        const name = (await readdir(dir)).find((file) => file.startsWith("load-report-")) ?? "";
        return JSON.parse(await readFile(join(dir, name), "utf8")) as Report;
      });
      const countsOf = ({ classes }: Report) =>
        classesOf({ classes }).map(([name, { totals, rows, identities }]) => [
          name,
          totals,
          Object.entries(rows).map(([row, own]) => [row, own.totals]),
          identities,
        ]);
      assert.deepEqual(countsOf(report), countsOf(alone));
    }));

  it("send nothing where they are late, and say so", () =>
    withRelay({}, async (relay) => {
      const startAt = { START_AT: String(Date.now() + 10), RELAY_URL: relay.url };
      const { code, lines } = await load({ ...startAt, INSTANCES: "2", INSTANCE: "0" });
      assert.equal(code, 108, lines.join("\n"));
      assert.ok(
        lines.some((line) => /late: .*--lead/.test(line)),
        lines.join("\n"),
      );
      assert.deepEqual(relay.ledger.events, []);
      const { processes } = gather([{ code, lines }]);
      const [said] = processes.values();
      assert.equal(said?.begin?.index, 0);
      assert.deepEqual(
        [...(said?.slices.values() ?? [])].filter(({ slice }) => slice.windowStartMs !== null),
        [],
      );
    }));

  it("are started by `share`, whose logs `merge` takes, with what only it knows of its machine", () =>
    withRelay({}, async (relay) => {
      const plan = { RELAY_URL: relay.url, INSTANCES: "2", SEED: "instances", MIX: "view:1" };
      const startAt = { START_AT: String(Date.now() + 12_000), FORCE: "1" };
      const ended = await Promise.all(
        ["0", "1"].map((INSTANCE) =>
          load({ ...plan, ...startAt, INSTANCE, POOL: "" }, [
            process.execPath,
            CLI,
            "share",
            "publish",
          ]),
        ),
      );
      const logs = ended.map(({ lines }) => lines.join("\n"));
      assert.deepEqual(
        ended.map(({ code }) => code),
        [0, 0],
        logs.join("\n"),
      );
      const paths = logs.map((_, i) => join(dir, `${i}.log`));
      for (const [i, path] of paths.entries()) await writeFile(path, logs[i] ?? "");
      const merged = await load({}, [
        process.execPath,
        CLI,
        "merge",
        ...paths,
        "--report-dir",
        join(dir, "one"),
      ]);
      const name = (await readdir(join(dir, "one"))).find((file) =>
        file.startsWith("load-report-"),
      );
      const report = JSON.parse(await readFile(join(dir, "one", name ?? ""), "utf8")) as Report;
      assertCounts(report, relay.ledger, {});
      // Each signed what it may send and no more.
      const parts = await Promise.all(
        (await readdir(join(dir, "pools")))
          .filter((folder) => !folder.startsWith("."))
          .map((folder) => readPool(join(dir, "pools", folder))),
      );
      const signed = parts.map(({ manifest: { part, events } }) => [part?.instance, events]);
      const half = report.config.pool.events / 2;
      assert.deepEqual(signed.sort(), [
        [0, Math.floor(half)],
        [1, Math.ceil(half)],
      ]);
      assert.match(report.run.k6 ?? "", /^k6 v2\./);
      assert.ok(
        report.generator.several?.each.every(({ cpuPercent }) => cpuPercent.generator !== null),
      );
      assert.equal(
        merged.code === 0,
        report.generator.verdict !== "invalid" && report.thresholds.every(({ ok }) => ok),
      );
    }));
});
