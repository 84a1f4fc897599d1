import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Calibration, identifyGenerator } from "../../../src/node/calibrate/figures.ts";
import { keep, readKept } from "../../../src/node/calibrate/kept.ts";
import { readK6Version } from "../../../src/node/setup/version.ts";
import { publishOf } from "../../../src/report/class-report.ts";
import { EXIT } from "../../../src/report/verdict.ts";
import { type Ended, inPlace, type Place, probesOf, withEmbeddedRelay } from "../cli.ts";
import { isOverloaded } from "../held-up.ts";

const GENTLE = ["--clients", "10", "--rate", "100", "--duration", "1", "--mix", "view:1"];
/** A busy machine may hold not even the lowest rate. Each takes some 15 s. */
const MOST_TRIES = 3;
const MEASURING = /no figures of this machine yet/;

async function generatorOf({ k6 }: Place) {
  const answer = await readK6Version(k6, process.env, 20_000);
  assert.equal(answer.status, "answered");
  return identifyGenerator(answer.version.text);
}

const fileOf = (place: Place) => join(place.dir, "cache", "calibration.json");

describe("run and its calibration", () => {
  it("measures a generator without figures once, keeps and reports them", async (t) => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const args = ["run", "publish", ...GENTLE, "--report-dir", "reports", "--relay", relay.url];
        let kept: Calibration | null = null;
        let first: Ended | null = null;
        for (let i = 0; i < MOST_TRIES && kept === null; i++) {
          first = await place.run([...args, "--seed", `first-${i}`]);
          assert.match(first.stderr, MEASURING);
          kept = await readKept(fileOf(place), await generatorOf(place));
        }
        if (kept === null && isOverloaded()) {
          t.skip("the machine is overloaded: no rate was held");
          return;
        }
        assert.ok(kept?.ceiling, first?.stderr);
        assert.equal(kept.form, "quick");
        assert.ok(kept.ceiling.heldEps >= 250, `${kept.ceiling.heldEps}`);
        assert.ok(kept.floorMs > 0 && kept.floorMs < 20, `${kept.floorMs}`);

        const second = await place.run([...args, "--seed", "2"]);
        assert.doesNotMatch(second.stderr, MEASURING);
        assert.match(second.stderr, /generator +ceiling .* \(quick calibration of 2/);
        for (const { generator } of (await place.reports()).slice(-2)) {
          assert.equal(generator.ceilingEps, kept.ceiling.heldEps);
          assert.equal(generator.floorMs, kept.floorMs);
        }
        // The first reports are of tries on a machine that was busy.
        const reports = await place.reports();
        const accepted = reports.reduce(
          (sum, report) => sum + publishOf(report).totals.accepted,
          0,
        );
        const probes = reports.reduce((sum, report) => sum + probesOf(report), 0);
        assert.equal(relay.stored(), accepted + probes);
      }),
    );
  });

  it("refuses a rate near a kept ceiling, runs it when forced, and measures anew when asked", async (t) => {
    await inPlace((place) =>
      withEmbeddedRelay(async (relay) => {
        const planted: Calibration = {
          generator: await generatorOf(place),
          form: "full",
          measuredAt: "2026-01-01T00:00:00.000Z",
          floorMs: 0.5,
          floors: [],
          ceiling: { heldEps: 105, failedEps: 120, clients: 100 },
          connections: [],
        };
        await keep(fileOf(place), planted);
        const args = ["run", "publish", ...GENTLE, "--report-dir", "reports", "--relay", relay.url];
        const refused = await place.run([...args, "--no-calibrate"]);
        assert.equal(refused.exitCode, 2, refused.stderr);
        assert.match(refused.stderr, /100 events\/s is 95 % of what this generator reaches/);
        assert.match(refused.stderr, /Lower --rate to 52, .* or give --force\./);
        assert.equal(relay.stored(), 0);

        const forced = await place.run([...args, "--force"]);
        assert.equal(forced.exitCode, 3, forced.stderr);
        assert.match(forced.stderr, /warning +100 events\/s is 95 %/);
        const [report] = await place.reports();
        assert.ok(report);
        assert.equal(publishOf(report).totals.accepted, 100);
        assert.match(report.generator.reasons.join(), /the rate is 95 % of what this generator/);

        let measured = await place.run(["calibrate", "--quick"]);
        for (let i = 1; i < MOST_TRIES && measured.exitCode === EXIT.invalid; i++) {
          measured = await place.run(["calibrate", "--quick"]);
        }
        if (measured.exitCode === EXIT.invalid && isOverloaded()) {
          t.skip("the machine is overloaded: no rate was held");
          return;
        }
        assert.equal(measured.exitCode, EXIT.ok, measured.stderr);
        assert.match(measured.stdout, /^ceiling +[\d,]+ events\/s over 100 connections/m);
        // On a busy machine no rate may be held.
        assert.match(measured.stdout, /^receiving +([\d,]+ rows\/s .*each row held|none found)/m);
        const kept = await readKept(fileOf(place), planted.generator);
        assert.ok((kept?.ceiling?.heldEps ?? 0) >= 250, measured.stdout);
      }),
    );
  });
});
