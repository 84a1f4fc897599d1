/** Where reports are kept: each run for good under `runs/<run id>/`, the newest of a day under its date. */
import { copyFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildPageAssets } from "../../build/page.ts";
import { ConfigError } from "../errors.ts";
import { renderHtml } from "../report/html/render.ts";
import { renderMarkdown } from "../report/markdown.ts";
import type { Report } from "../report/types.ts";
import { makeFolder } from "./make-folder.ts";

export interface ReportFiles {
  readonly json: string;
  readonly markdown: string;
  readonly html: string;
}

/** Makes the folder of a run, which shows that reports can be written. Throws `ConfigError`. */
export async function makeRunDir(reportDir: string, runId: string): Promise<string> {
  const dir = join(reportDir, "runs", runId);
  try {
    await makeFolder(dir);
    await writeFile(join(dir, ".writable"), "");
    return dir;
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ConfigError(
      `REPORT_DIR (--report-dir) must be a folder that can be written, got \`${reportDir}\` (${reason})`,
      { cause },
    );
  }
}

/** Writes the report of a run and makes it the newest of its day. */
export async function writeReport(
  report: Report,
  reportDir: string,
  runDir: string,
): Promise<ReportFiles> {
  const day = report.run.startedAt.slice(0, 10);
  const json = join(runDir, "report.json");
  const markdown = join(runDir, "report.md");
  const html = join(runDir, "report.html");
  await writeWhole(json, `${JSON.stringify(report)}\n`);
  await writeWhole(markdown, renderMarkdown(report));
  await writeWhole(html, renderHtml(report, buildPageAssets()));
  const newest = {
    json: join(reportDir, `load-report-${day}.json`),
    markdown: join(reportDir, `load-test-report-${day}.md`),
    html: join(reportDir, `load-test-report-${day}.html`),
  };
  await replace(json, newest.json);
  await replace(markdown, newest.markdown);
  await replace(html, newest.html);
  return newest;
}

/** A reader sees the old file or the new one, never half of one. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

async function replace(from: string, to: string): Promise<void> {
  const temporary = `${to}.${process.pid}.tmp`;
  await copyFile(from, temporary);
  await rename(temporary, to);
}
