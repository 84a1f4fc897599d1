import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  cell,
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatRate,
  sparkline,
} from "../src/report/format.ts";

describe("figures as text", () => {
  const table: readonly (readonly [got: string, expected: string])[] = [
    [formatMs(null), "not measured"],
    [formatMs(0), "0.00 ms"],
    [formatMs(1.234), "1.23 ms"],
    [formatMs(12.34), "12.3 ms"],
    [formatMs(1_234), "1.23 s"],
    [formatCount(0), "0"],
    [formatCount(999), "999"],
    [formatCount(1_000), "1,000"],
    [formatCount(1_234_567.4), "1,234,567"],
    [formatRate(0), "0.0 events/s"],
    [formatRate(99.94), "99.9 events/s"],
    [formatRate(12_345), "12,345 events/s"],
    [formatPercent(null), "not measured"],
    [formatPercent(0), "0.00 %"],
    [formatPercent(0.000_01), "< 0.01 %"],
    [formatPercent(0.012_3), "1.23 %"],
    [formatPercent(0.999_4), "99.9 %"],
    [formatPercent(0.999_68), "99.96 %"],
    [formatPercent(0.999_95), "> 99.99 %"],
    [formatPercent(1), "100.0 %"],
    [formatBytes(null), "not measured"],
    [formatBytes(0), "0 B"],
    [formatBytes(1_500), "1.5 kB"],
    [formatBytes(123_456_789), "123 MB"],
    [formatBytes(2e15), "2000 TB"],
  ];
  for (const [got, expected] of table) {
    it(`reads ${expected}`, () => assert.equal(got, expected));
  }
});

describe("sparkline", () => {
  it("shows the largest as the highest bar, and a gap where nothing was measured", () => {
    assert.equal(sparkline([0, 4, null, 8]), "▁▅ █");
    assert.equal(sparkline([0, 0]), "▁▁");
    assert.equal(sparkline([null]), " ");
    assert.equal(sparkline([]), "");
  });

  it("is never wider than asked, and keeps the peak", () => {
    const values = fc.array(fc.option(fc.nat(1_000)), { minLength: 1, maxLength: 700 });
    fc.assert(
      fc.property(values, (list) => {
        const line = sparkline(list, 60);
        assert.equal(line.length, Math.min(60, list.length));
        if (list.some((v) => v !== null && v > 0)) assert.ok(line.includes("█"));
        if (list.every((v) => v === null)) assert.equal(line.trim(), "");
      }),
    );
  });
});

describe("cell", () => {
  it("escapes what Markdown or HTML would read", () => {
    assert.equal(cell("a|b"), "a\\|b");
    assert.equal(cell("<img src=x>"), "\\<img src=x\\>");
    assert.equal(
      cell("[x](y) `z` *a* _b_ #c \\|"),
      "\\[x\\](y) \\`z\\` \\*a\\* \\_b\\_ \\#c \\\\\\|",
    );
    assert.equal(cell(" two\r\nlines\u0000\u001b[31m "), "two  lines  \\[31m");
  });

  it("is one line without a bare pipe, angle bracket or backtick, whatever the text", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(fc.constantFrom("|", "\\", "`", "<", ">", "\n", "\r", "\t", "a"))
        .map((c) => c.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const plain = cell(text).replace(/\\[\\`*_[\]<>|#]/g, "");
        assert.doesNotMatch(plain, /[\\`*_[\]<>|#]/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
        assert.doesNotMatch(plain, /[\u0000-\u001f\u007f]/);
      }),
      { numRuns: 1_000 },
    );
  });
});
