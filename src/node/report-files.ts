/** Where reports are kept: each run for good under `runs/<run id>/`, the newest of a day under its date. */
import { copyFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildPageAssets } from "../../build/page.ts";
import { ConfigError } from "../errors.ts";
import { renderHtml } from "../report/html/render.ts";
import { renderMarkdown } from "../report/markdown.ts";
import type { Report } from "../report/types.ts";
import { EXIT } from "../report/verdict.ts";
import { makeFolder } from "./make-folder.ts";

export interface Written {
  /** The newest of the day; those of the run that are there, where not all could be written. */
  readonly files: readonly string[];
  /** What the disk said; `null` where all is written. */
  readonly failure: string | null;
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

/**
 * Writes the report of a run and makes it the newest of its day. What the disk does not take is said and not thrown:
 * the run was made, and can be told of all the same.
 */
export async function writeReport(
  report: Report,
  reportDir: string,
  runDir: string,
): Promise<Written> {
  const day = report.run.startedAt.slice(0, 10);
  const forms = [
    ["report.json", `load-report-${day}.json`, () => `${JSON.stringify(report)}\n`],
    ["report.md", `load-test-report-${day}.md`, () => renderMarkdown(report)],
    ["report.html", `load-test-report-${day}.html`, () => renderHtml(report, buildPageAssets())],
  ] as const;
  const written: string[] = [];
  try {
    for (const [name, , render] of forms) {
      await writeWhole(join(runDir, name), render());
      written.push(join(runDir, name));
    }
    for (const [name, newest] of forms) {
      await putInPlace(join(reportDir, newest), (path) => copyFile(join(runDir, name), path));
    }
    return { files: forms.map(([, newest]) => join(reportDir, newest)), failure: null };
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    return { files: written, failure: error.message };
  }
}

/** Says that a report is not whole on the disk, if so; gives the exit code, which then is no run's. */
export function tellUnwritten({ failure }: Written, code: number): number {
  if (failure === null) return code;
  process.stderr.write(`k6-nostr: the report could not be written: ${failure}\n`);
  return EXIT.other;
}

/** A reader sees the old file or the new one, never half of one. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await putInPlace(path, (temporary) => writeFile(temporary, text));
}

async function putInPlace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    // On a full disk half of a file takes place for nothing.
    await rm(temporary, { force: true });
  }
}
