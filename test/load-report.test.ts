import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { report } from "../src/node/commands/report.ts";
import { loadReport } from "../src/node/load-report.ts";
import { makeRunDir, writeReport } from "../src/node/report-files.ts";
import { buildOf, completeOf } from "./fixtures/reports/run.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-load-report-"));
});
after(() => rm(dir, { recursive: true }));

const good = completeOf(buildOf());

describe("k6-nostr report", () => {
  it("writes the very files that the run wrote", async () => {
    const runDir = await makeRunDir(dir, "run-1");
    await writeReport(good, dir, runDir);
    const [html, markdown] = [join(dir, "again.html"), join(dir, "again.md")];
    const json = join(runDir, "report.json");
    assert.equal(await report([json, "--html", html, "--markdown", markdown]), 0);
    assert.deepEqual(await readFile(html), await readFile(join(runDir, "report.html")));
    assert.deepEqual(await readFile(markdown), await readFile(join(runDir, "report.md")));
  });

  it("says where it can't write", async () => {
    const json = join(dir, "runs", "run-1", "report.json");
    const nowhere = join(dir, "nowhere", "x.html");
    await assert.rejects(report([json, "--html", nowhere]), (error) => {
      return error instanceof ConfigError && error.message.includes("x.html` can't be written");
    });
  });
});

describe("loadReport", () => {
  const refused: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
    "no JSON": ["{", /can't be read as a report \(not JSON\)/],
    "another thing": ["null", /has the schema `undefined`, expected `k6-nostr\/report@2`/],
    "another version": [
      JSON.stringify({ ...good, schema: "k6-nostr/report@3" }),
      /has the schema `k6-nostr\/report@3`/,
    ],
    "a report of before": [
      JSON.stringify({ ...good, schema: "k6-nostr/report@1" }),
      /is a report of version 1, from before classes of work: run it again, or read it with the commit that wrote it/,
    ],
    "half a report": [
      JSON.stringify({ ...good, classes: undefined }),
      /no whole report of this version: report must have required property 'classes'/,
    ],
    "a report with a text for a figure": [
      JSON.stringify({ ...good, noise: { ...good.noise, parts: "<b>" } }),
      /report\/noise\/parts must be/,
    ],
  };
  for (const [what, [text, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const path = join(dir, "refused.json");
      await writeFile(path, text);
      await assert.rejects(loadReport(path), (error) => {
        return error instanceof ConfigError && message.test(error.message);
      });
    });
  }

  it("refuses a file that is not there", async () => {
    await assert.rejects(loadReport(join(dir, "none.json")), /ENOENT/);
  });
});
