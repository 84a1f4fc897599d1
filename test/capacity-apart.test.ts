/** How far two searches may be apart: what a relay did in trials that asked for more than it could do. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CapacityReport, CapacityResult } from "../src/capacity/result.ts";
import { apartText, atItsLimit, fallingText } from "../src/report/capacity/at-its-limit.ts";
import { intervalText, widthOf } from "../src/report/capacity/interval.ts";
import { renderCapacity } from "../src/report/capacity/markdown.ts";
import { missedPrecision } from "../src/report/capacity/spent.ts";
import { renderCapacityTerminal } from "../src/report/capacity/terminal.ts";
import { searched } from "./capacity-searched.ts";
import { trialWith } from "./capacity-trial.ts";

const good = searched();

/** Of a search that ended at 950 and 1,040, whose trials did so much of what they were given. */
function reportOf(
  done: readonly (readonly [load: number, done: number])[],
  own: Partial<CapacityResult> = {},
): CapacityReport {
  const trials = done.map(([load, perSec], i) =>
    trialWith(
      { number: i + 1, load, verdict: perSec < load ? "fail" : "pass" },
      { offered: load, done: perSec, databaseBytes: 1e8 + i * 2e7 },
    ),
  );
  const result = {
    ...good.result,
    lastPassing: 950,
    firstFailing: 1_040,
    interval: [950, 1_040] as const,
  };
  return {
    ...good,
    search: { ...good.search, precision: 0.1 },
    trials,
    result: { ...result, ...own },
  };
}

describe("how far another search may be", () => {
  const steady = [
    [1_040, 950],
    [1_040, 960],
    [950, 950],
    [1_130, 955],
    [1_040, 945],
  ] as const;
  const unsteady = [
    [1_040, 976],
    [1_040, 756],
    [950, 950],
    [1_130, 869],
    [1_040, 945],
  ] as const;

  it("is told by what was done in trials that were behind, near the bounds", () => {
    const at = atItsLimit(reportOf([...unsteady, [1_600, 637], [100, 100]]));
    assert.deepEqual(at?.done, [976, 756, 869, 945]);
    assert.deepEqual([at?.least, at?.most, at?.falling], [756, 976, null]);
    assert.ok(Math.abs((at?.spread ?? 0) - (976 / 756 - 1)) < 1e-9);
    assert.equal(
      apartText(reportOf(unsteady)),
      "another search may come out up to 29.1 % away: in 4 trials that asked for more than it can do, it did 756 events/s to 976 events/s",
    );
    assert.match(
      renderCapacity(reportOf(unsteady)),
      /\*\*Its rate at its limit changes:\*\* another search may come out up to/,
    );
    assert.match(
      renderCapacityTerminal(reportOf(unsteady), []),
      /^ +- another search may come out up to 29\.1 % away/m,
    );
  });

  it("says whether it had less of the processor, or each took more of it", () => {
    const withCpu = (cpuOf: (done: number) => number) => {
      const report = reportOf(unsteady);
      const trials = report.trials.map((trial) => ({
        ...trial,
        figures: { ...trial.figures, relayCpu: cpuOf(trial.figures.done) },
      }));
      return apartText({ ...report, trials }) ?? "";
    };
    assert.match(
      withCpu(() => 90),
      /Each took 0\.92 ms to 1\.19 ms of its processor: the machine that it shares ran slower at times, or what it stores costs more$/,
    );
    // A tenth of a percent for each: it had less of it.
    assert.match(
      withCpu((done) => done / 10),
      /976 events\/s$/,
    );
  });

  it("is not said where it is within the precision, or too few trials say it", () => {
    assert.equal(apartText(reportOf(steady)), null);
    assert.equal(apartText(reportOf(unsteady.slice(0, 2))), null);
    const clients = { ...reportOf(unsteady).search, scale: "clients" as const };
    assert.equal(apartText({ ...reportOf(unsteady), search: clients }), null);
  });

  it("says that the relay did less and less, as its database grew, where that is more than chance", () => {
    const falls = [976, 960, 969, 950, 906, 862, 850, 825].map((done) => [1_040, done] as const);
    assert.equal(
      fallingText(reportOf(falls)),
      "at its limit it did less the later it was: 964 events/s in the earlier half of those trials, 861 events/s in the later half, while its database grew from 100 MB to 240 MB",
    );
    assert.match(
      renderCapacity(reportOf(falls)),
      /\*\*Under load it did age:\*\* at its limit it did less/,
    );
    assert.equal(fallingText(reportOf([...falls].reverse())), null);
    assert.equal(fallingText(reportOf(unsteady)), null);
  });
});

describe("the width of an interval", () => {
  const doubted = {
    suspect: "1040 passed 3 times",
    interval: [950, 1_130] as const,
    limit: "budget" as const,
  };

  it("is that of the interval, and not of the bounds, where the trials contradict each other", () => {
    const report = reportOf([], doubted);
    assert.ok(Math.abs((widthOf(report.result) ?? 0) - (1_130 / 950 - 1)) < 1e-9);
    assert.equal(intervalText(report), "950 events/s to 1,130 events/s, 18.9 % apart");
    assert.equal(intervalText(reportOf([])), "950 events/s to 1,040 events/s, 9.47 % apart");
    assert.equal(widthOf({ interval: [950, null] }), null);
  });

  it("is more than the precision that was asked for, which is said whatever ended the search", () => {
    const words = "the precision asked for, 10.0 %, can't be promised: the interval is 18.9 % wide";
    assert.equal(missedPrecision(reportOf([], doubted)), words);
    assert.equal(missedPrecision(reportOf([], { ...doubted, limit: "relay" })), words);
    assert.equal(missedPrecision(reportOf([])), null);
  });
});
