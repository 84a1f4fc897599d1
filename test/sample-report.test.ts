import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { checkCapacity } from "../src/node/load-capacity.ts";
import { loadReport, readJson } from "../src/node/load-report.ts";
import { renderCapacity } from "../src/report/capacity/markdown.ts";
import { renderCapacityTerminal } from "../src/report/capacity/terminal.ts";
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

describe("the sample of a search for the capacity", () => {
  it("fits the schema, and its Markdown is what is rendered of it today", async () => {
    const path = sample("capacity.json");
    const report = checkCapacity(await readJson(path), path);
    assert.equal(renderCapacity(report), await readFile(sample("capacity.md"), "utf8"));
  });

  it("is what its document shows", async () => {
    const path = sample("capacity.json");
    const report = checkCapacity(await readJson(path), path);
    const document = fileURLToPath(new URL("../docs/capacity.md", import.meta.url));
    const day = report.run.startedAt.slice(0, 10);
    const files = ["json", "md", "html"].map(
      (kind) => `reports/load-test/capacity-report-${day}.${kind}`,
    );
    const shown = renderCapacityTerminal(report, files).trim();
    assert.ok((await readFile(document, "utf8")).includes(shown), shown);
  });
});
