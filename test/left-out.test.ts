import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeLeftOut, type LeftOut } from "../src/pool/left-out.ts";
import { renderHtml } from "../src/report/html/render.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import type { Report } from "../src/report/types.ts";
import { buildOf } from "./fixtures/reports/run.ts";

const LEFT_OUT: readonly LeftOut[] = [
  { reason: "protected", count: 3, lines: [4, 9, 12] },
  { reason: "not-json", count: 1_234, lines: [1, 2, 3, 5, 6] },
];
const WORDS = ["3 protected (NIP-70) (lines 4, 9, 12)", "1,234 not JSON (lines 1, 2, 3, 5, 6, …)"];

function withLeftOut(leftOut: readonly LeftOut[]): Report {
  const { config, ...report } = buildOf();
  return { ...report, config: { ...config, pool: { ...config.pool, leftOut } } };
}

describe("what a replay left out", () => {
  it("is in words, with the first lines", () => {
    assert.deepEqual(LEFT_OUT.map(describeLeftOut), WORDS);
  });

  it("stands in every form of the report, and nothing where nothing was", () => {
    const assets = { script: "", scriptHash: "", style: "", styleHash: "" };
    const forms = [
      renderMarkdown,
      (report: Report) => renderHtml(report, assets),
      (report: Report) => renderTerminal(report, []),
    ];
    for (const render of forms) {
      const text = render(withLeftOut(LEFT_OUT));
      for (const words of WORDS) assert.ok(text.includes(words), `${words}: ${text}`);
      assert.doesNotMatch(render(withLeftOut([])), /left out/);
      // Reports from before have no such member.
      const { leftOut: _, ...pool } = withLeftOut([]).config.pool;
      const report = buildOf();
      assert.doesNotMatch(render({ ...report, config: { ...report.config, pool } }), /left out/);
    }
  });
});
