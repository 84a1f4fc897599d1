import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryGrowth } from "../src/report/findings/memory-growth.ts";
import { relayGone } from "../src/report/findings/outages.ts";
import { viewOf } from "../src/report/findings/view.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { describeOutage, outagesOf } from "../src/report/outages.ts";
import type { Report, Resources } from "../src/report/types.ts";
import { withTotals } from "./fixtures/reports/figures.ts";
import { changePoints } from "./fixtures/reports/points.ts";
import { buildOf, completeOf, sampleOf } from "./fixtures/reports/run.ts";

type Looks = NonNullable<Resources["portLooks"]>;

/** A run of 10 s in slices of 0.1 s, with connections but for the given times. */
function awayIn(gaps: readonly (readonly [number, number])[], portLooks: Looks = []): Report {
  const report = changePoints(
    ({ t }) => ({ connectionsOpen: gaps.some(([from, to]) => t >= from && t < to) ? 0 : 10 }),
    withTotals("connection", { dropped: 10 }, buildOf()),
  );
  return {
    ...report,
    resources: { samples: [], relayProcess: null, relayMetrics: [], notMeasured: [], portLooks },
  };
}

describe("outages", () => {
  it("are brackets: by the port where it was tried, by the clients where it was not", () => {
    const looks = [{ firstRefusedSec: 3.16, lastRefusedSec: 6.1, firstOpenSec: 6.25 }];
    const rows: readonly (readonly [Report, string])[] = [
      [
        awayIn([[3, 7.5]], looks),
        "went away between 3.0 and 3.1 s and was back between 6.1 and 6.3 s: away for 3.0 to 3.3 s",
      ],
      [awayIn([[3, 7.5]]), "went away between 3.0 and 3.1 s and was back at 7.6 s at the latest"],
      [
        awayIn([[3, 99]], [{ firstRefusedSec: 3.2, lastRefusedSec: 9.9, firstOpenSec: null }]),
        "went away between 3.0 and 3.1 s and did not come back",
      ],
      // What listened again was gone at once, or the clients came too late.
      [
        awayIn([[3, 99]], [{ firstRefusedSec: 3.2, lastRefusedSec: 8.7, firstOpenSec: 8.9 }]),
        "went away between 3.0 and 3.1 s; its port was open again between 8.7 and 8.9 s, and no client had a connection until the end",
      ],
      // A proxy takes connections all the time.
      [
        awayIn([[3, 7.5]], [{ firstRefusedSec: null, lastRefusedSec: null, firstOpenSec: 3.2 }]),
        "went away between 3.0 and 3.1 s and was back at 7.6 s at the latest",
      ],
    ];
    for (const [report, text] of rows) {
      assert.deepEqual(outagesOf(report).map(describeOutage), [text]);
    }
  });

  it("are each of their own looks, and none is before the first connection", () => {
    const report = awayIn(
      [
        [0, 1],
        [3, 4],
        [8, 9],
      ],
      [
        { firstRefusedSec: 3.2, lastRefusedSec: 3.5, firstOpenSec: 3.65 },
        { firstRefusedSec: 8.2, lastRefusedSec: 8.5, firstOpenSec: 8.65 },
      ],
    );
    assert.deepEqual(
      outagesOf(report).map(({ lastOpenSec, firstOpenSec }) => [lastOpenSec, firstOpenSec]),
      [
        [3, 3.65],
        [8, 8.65],
      ],
    );
    assert.match(
      relayGone.find(viewOf(report))?.title ?? "",
      /between 3.5 and 3.6 s: .*, the first of 2 times$/,
    );
    assert.deepEqual(outagesOf(awayIn([])), []);
  });

  it("stand in the details with the process that was there until when", () => {
    const report = completeOf(buildOf(), {
      companion: {
        ...{ relayProcess: "strfry, owner of port 7777", relayMetrics: [], notMeasured: [] },
        relayProcesses: [
          { pid: 123, fromSec: null, untilSec: 8.2 },
          { pid: 456, fromSec: 11.1, untilSec: null },
        ],
      },
    });
    assert.match(
      renderMarkdown(report),
      /strfry, owner of port 7777: process 123 until 8\.2 s, 456 from 11\.1 s/,
    );
  });

  it("are no growth of memory, and short runs tell of no hours ahead", () => {
    const growing = (seconds: number, report: Report): Report => ({
      ...report,
      run: { ...report.run, durationSec: seconds, host: { ...report.run.host, memoryBytes: 4e9 } },
      resources: report.resources && {
        ...report.resources,
        samples: Array.from({ length: seconds }, (_, i) =>
          sampleOf({ t: i + 0.5, process: "relay", rssBytes: 1e8 + i * 1e7 }),
        ),
      },
    });
    const severity = (report: Report) => memoryGrowth.find(viewOf(report))?.severity;
    const cost = (report: Report) => memoryGrowth.find(viewOf(report))?.cost;
    assert.equal(severity(growing(10, awayIn([]))), "minor");
    assert.equal(severity(growing(60, awayIn([]))), "minor", "59 s between the first and the last");
    assert.equal(severity(growing(61, awayIn([]))), "major");
    // What may be a cache that is being filled stands behind what is sure.
    assert.deepEqual([cost(growing(60, awayIn([]))), cost(growing(61, awayIn([])))], [0, 100]);
    assert.equal(severity(growing(10, awayIn([[4, 6]]))), undefined);
  });
});
