import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { WebSocket } from "ws";
import { buildBundles } from "../../build/bundle.ts";
import { publishOf } from "../../src/report/class-report.ts";
import schema from "../../src/report/schema.json" with { type: "json" };
import type { Report } from "../../src/report/types.ts";
import { EXIT } from "../../src/report/verdict.ts";
import { assertBalanced } from "../faulty-relay/hold.ts";
import { type Ended, inPlace, type Place, probesOf, until, withEmbeddedRelay } from "./cli.ts";
import { assertBelieved, assertEnded } from "./held-up.ts";

const GENTLE = ["--clients", "20", "--rate", "100", "--no-calibrate", "--report-dir", "reports"];
const isReport = new Ajv2020({ strict: false }).compile(schema);

/** They are gentle: two at a time leave each other room. */
describe("run publish against the embedded relay", { concurrency: 2 }, () => {
  it("reports to the event what the relay stored, and the same ids for the same seed", async () => {
    await inPlace(async (place) => {
      const args = ["run", "publish", ...GENTLE, "--duration", "3", "--seed", "7", "--relay"];
      const runOnce = () =>
        withEmbeddedRelay(async (relay) => {
          const ended = await place.run([...args, relay.url]);
          return { ended, stored: relay.stored(), ids: await readIds(relay.url) };
        });
      const first = await runOnce();
      const second = await runOnce();
      const reports = await place.reports();
      assert.equal(reports.length, 2);
      for (const [i, report] of reports.entries()) {
        assertEnded((i === 0 ? first : second).ended, report, EXIT.ok);
        assert.ok(isReport(report), JSON.stringify(isReport.errors));
        assertBalanced(report);
        assert.equal(publishOf(report).totals.scheduled, 300);
        assert.equal(publishOf(report).totals.accepted, 300);
        assertBelieved(report);
        assert.ok((report.resources?.samples.length ?? 0) > 0);
      }
      assert.ok(probesOf(reports[0]) > 0);
      assert.equal(first.stored, 300 + probesOf(reports[0]));
      // The probes have ids of their own each time.
      const shared = second.ids.filter((id) => first.ids.includes(id));
      assert.equal(shared.length, 300);
      assert.equal(reports[0]?.run.planHash.length, 64);
    });
  });

  it("sends no pool a second time, and has read back a few of the first", async () => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const args = ["run", "publish", ...GENTLE, "--duration", "1", "--seed", "7", "--relay"];
        const first = await place.run([...args, relay.url]);
        assertEnded(first, await onlyReport(place), EXIT.ok);
        assert.match(first.stdout, /read-back +(\d+) of \1 .* 0 missing \(a spot check of 100 /);
        const second = await place.run([...args, relay.url]);
        assert.equal(second.exitCode, EXIT.config, second.stderr);
        assert.match(second.stderr, /holds \d+ of \d+ events of this pool.*\n.*another --seed/);
      }),
    );
  });

  it("spreads clients evenly over several relays", async () => {
    await inPlace((place) =>
      withEmbeddedRelay((one) =>
        withEmbeddedRelay(async (other) => {
          const relays = `${one.url},${other.url}`;
          const args = ["run", "publish", ...GENTLE, "--duration", "2", "--relay", relays];
          const ended = await place.run([...args, "--mix", "view:1"]);
          const report = await onlyReport(place);
          assertEnded(ended, report, EXIT.ok);
          const each = 100 + probesOf(report) / 2;
          assert.deepEqual([one.stored(), other.stored()], [each, each]);
        }),
      ),
    );
  });

  it("finds that a relay keeps of every kind what it should, with --audit", async () => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const args = ["run", "publish", ...GENTLE, "--duration", "3", "--seed", "7", "--audit"];
        // Edits, deletions, profiles and ephemeral events beside those that are simply kept.
        const mix = "video:4,video-edit:2,video-delete:2,profile:1,typing:1,view:1,reaction:1";
        const ended = await place.run([...args, "--mix", mix, "--relay", relay.url]);
        const report = await onlyReport(place);
        assertEnded(ended, report, EXIT.ok);
        assert.ok(isReport(report), JSON.stringify(isReport.errors));
        const kinds = report.audit?.stored?.kinds;
        assert.deepEqual(
          kinds?.map(({ kind }) => kind),
          [0, 5, 7, 1063, 20_002, 30_078, 30_079],
        );
        for (const { kind, delta } of kinds ?? []) assert.equal(delta, 0, `kind ${kind}`);
        const counted = kinds?.reduce((sum, kind) => sum + kind.counted, 0);
        assert.equal((counted ?? 0) + probesOf(report), relay.stored());
        assert.match(
          ended.stdout,
          /stored +\d+ events more than before, of \d+ accepted; each of 7 kinds/,
        );
      }),
    );
  });

  it("goes on and says so when the relay is gone half-way", async () => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const args = ["run", "publish", ...GENTLE, "--duration", "5", "--relay", relay.url];
        const { ended } = place.start(args);
        await until(() => relay.stored() > 150);
        const stored = relay.stored();
        await relay.close();
        const report = await onlyReport(place, ended);
        assertEnded(await ended, report, EXIT.threshold);
        assertBalanced(report);
        assert.equal(report.run.complete, true);
        assert.equal(report.classes.connection.totals.dropped, 20);
        assert.ok(publishOf(report).totals.noConnection > 0);
        assert.ok(publishOf(report).totals.accepted >= stored - probesOf(report));
        assert.ok(report.errors.some((e) => e.class === "connect" && e.code === "refused"));
      }),
    );
  });

  it("keeps two runs at once apart", async () => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const args = ["run", "publish", ...GENTLE, "--duration", "2", "--relay", relay.url];
        const both = [place.start([...args, "--seed", "1"]), place.start([...args, "--seed", "2"])];
        const ended = await Promise.all(both.map((run) => run.ended));
        const reports = await place.reports();
        assert.deepEqual(reports.map((r) => r.config.seed).sort(), ["1", "2"]);
        for (const report of reports) {
          assertEnded(ended[Number(report.config.seed) - 1] as Ended, report, EXIT.ok);
        }
        assert.deepEqual(
          reports.map((r) => publishOf(r).totals.accepted),
          [200, 200],
        );
        const left = (await readdir(join(place.dir, "reports"))).filter((f) => f.includes("tmp"));
        assert.deepEqual(left, []);
      }),
    );
  });

  it("works by hand, with k6 alone", async () => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const made = await place.run(["pool", "--events", "250", "--seed", "hand", "--dir", "p"]);
        const pool = /^(\S+):/.exec(made.stdout)?.[1] ?? "";
        const script = join(await buildBundles(join(place.dir, "dist")), "publish.js");
        const options = { RELAY_URL: relay.url, POOL: pool, CLIENTS: 5, RATE_EPS: 100 };
        const variables = Object.entries({ ...options, DURATION_SEC: 2, REPORT_DIR: "." });
        const flags = variables.flatMap(([name, value]) => ["-e", `${name}=${value}`]);
        const { exitCode, stdout, stderr } = await place.run(["run", ...flags, script], place.k6);
        assert.equal(exitCode, EXIT.ok, stderr);
        assert.match(stdout, /verdict +[A-Z]/);
        assert.equal(relay.stored(), 200);
        const names = await readdir(place.dir);
        const json = names.find((name) => /^load-report-.*\.json$/.test(name)) ?? "";
        assertBelieved(JSON.parse(await readFile(join(place.dir, json), "utf8")) as Report);
        assert.ok(names.some((name) => /^load-test-report-.*\.md$/.test(name)));
      }),
    );
  });
});

/** The report of the only run in a place. */
async function onlyReport(place: Place, ended?: Promise<Ended>): Promise<Report> {
  await ended;
  const reports = await place.reports();
  assert.equal(reports.length, 1);
  return reports[0] as Report;
}

/** All ids that the relay gives for the kinds of the default mix. */
async function readIds(url: string): Promise<readonly string[]> {
  const socket = new WebSocket(url);
  const ids: string[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => {
      socket.send(JSON.stringify(["REQ", "all", { kinds: [30_078, 30_079, 1_063], limit: 1_000 }]));
    });
    socket.on("message", (data) => {
      const [type, , event] = JSON.parse(String(data)) as [string, string, { id: string }];
      if (type === "EVENT") ids.push(event.id);
      if (type === "EOSE") resolve();
    });
  });
  socket.close();
  return ids.sort();
}
