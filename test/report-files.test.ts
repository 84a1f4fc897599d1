import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { makeRunDir, tellUnwritten, writeReport } from "../src/node/report-files.ts";
import { EXIT } from "../src/report/verdict.ts";
import { buildOf } from "./fixtures/reports/run.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-reports-"));
});
after(() => rm(dir, { recursive: true }));

describe("makeRunDir", () => {
  it("makes the folder of a run, however deep", async () => {
    const runDir = await makeRunDir(join(dir, "a", "b"), "run-1");
    assert.equal(runDir, join(dir, "a", "b", "runs", "run-1"));
    await readdir(runDir);
  });

  it("says which option is wrong when it can't", async () => {
    const file = join(dir, "file");
    await writeFile(file, "");
    await assert.rejects(
      makeRunDir(file, "run-1"),
      (error) =>
        error instanceof ConfigError &&
        error.message.startsWith("REPORT_DIR (--report-dir)") &&
        error.message.includes(`\`${file}\` (`),
    );
  });

  it("ends on a file system that makes no folders", {
    skip: process.platform !== "linux",
    timeout: 10_000,
  }, async () => {
    await assert.rejects(makeRunDir("/proc/k6-nostr/deep", "run-1"), /REPORT_DIR.*\(ENOENT\)/);
  });
});

describe("writeReport", () => {
  it("keeps each run for good, and the newest of a day under its date", async () => {
    const reportDir = join(dir, "reports");
    const write = async (runId: string) =>
      writeReport(buildOf({ runId }), reportDir, await makeRunDir(reportDir, runId));
    const first = await write("run-1");
    assert.deepEqual(await write("run-2"), first);
    const [json = "", markdown = "", html = ""] = first.files;
    assert.deepEqual(first, {
      files: [
        join(reportDir, "load-report-2026-01-02.json"),
        join(reportDir, "load-test-report-2026-01-02.md"),
        join(reportDir, "load-test-report-2026-01-02.html"),
      ],
      failure: null,
    });
    const idOf = async (path: string) => JSON.parse(await readFile(path, "utf8")).run.id;
    assert.equal(await idOf(json), "run-2");
    for (const id of ["run-1", "run-2"]) {
      const runDir = join(reportDir, "runs", id);
      assert.equal(await idOf(join(runDir, "report.json")), id);
      assert.match(await readFile(join(runDir, "report.md"), "utf8"), new RegExp(`\`${id}\``));
      assert.match(await readFile(join(runDir, "report.html"), "utf8"), new RegExp(`run ${id}\\.`));
    }
    assert.match(await readFile(html, "utf8"), /run run-2\./);
    assert.match(await readFile(markdown, "utf8"), /`run-2`/);
  });

  it("says what the disk did not take, and which files are there all the same", async () => {
    const reportDir = join(dir, "full");
    const runDir = await makeRunDir(reportDir, "run-1");
    // Nothing can be put in its place, whoever writes.
    await mkdir(join(runDir, "report.html", "in-the-way"), { recursive: true });
    const written = await writeReport(buildOf({ runId: "run-1" }), reportDir, runDir);
    assert.deepEqual(written.files, [join(runDir, "report.json"), join(runDir, "report.md")]);
    assert.match(written.failure ?? "", /^EISDIR|^ENOTEMPTY/);
    assert.equal(tellUnwritten(written, EXIT.ok), EXIT.other);
    assert.equal(tellUnwritten({ ...written, failure: null }, EXIT.threshold), EXIT.threshold);
  });

  it("leaves no temporary file behind", async () => {
    const names = await readdir(dir, { recursive: true });
    assert.deepEqual(
      names.filter((name) => name.endsWith(".tmp")),
      [],
    );
  });
});
