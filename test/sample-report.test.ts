import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { loadReport } from "../src/node/load-report.ts";
import { renderMarkdown } from "../src/report/markdown.ts";

const sample = (name: string) =>
  fileURLToPath(new URL(`../reports/sample/${name}`, import.meta.url));

describe("the sample report", () => {
  it("fits the schema, and its Markdown is what is rendered of it today", async () => {
    const report = await loadReport(sample("report.json"));
    assert.equal(renderMarkdown(report), await readFile(sample("report.md"), "utf8"));
    assert.equal(report.findings[0]?.id, "stalls");
  });
});
