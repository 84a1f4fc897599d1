/** `--github` and `--junit`: hands the items of a gate to a CI system. */
import { appendFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ConfigError } from "../errors.ts";
import type { GateItem } from "../report/gate.ts";
import { capSummary, renderAnnotations } from "../report/github.ts";
import { renderJunit } from "../report/junit.ts";
import type { FlagRow } from "./command-line.ts";
import { makeFolder } from "./make-folder.ts";

export const GATE_FLAGS: readonly FlagRow[] = [
  { flag: "github", help: "step summary and annotations for GitHub Actions" },
  { flag: "junit", value: "FILE", help: "write JUnit XML: thresholds, verdict, audit" },
];

/** Under the 1 MiB that GitHub takes for a step. */
const SUMMARY_BYTES = 1_000_000;

export interface GateRequest {
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly items: readonly GateItem[];
  readonly markdown: string;
  readonly suite: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Writes what the flags ask for. Throws `ConfigError` when a file can't be written. */
export async function passGate(request: GateRequest): Promise<void> {
  const { flags, items } = request;
  if (flags.junit !== undefined) await save(flags.junit, renderJunit(items, request.suite));
  if (!flags.github) return;
  process.stdout.write(renderAnnotations(items));
  const path = request.environment.GITHUB_STEP_SUMMARY;
  if (!path) {
    process.stderr.write("GITHUB_STEP_SUMMARY is not set: no step summary was written\n");
    return;
  }
  const left = SUMMARY_BYTES - (await sizeOf(path));
  try {
    await appendFile(path, capSummary(request.markdown, left));
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Writes a file and the folders it needs. */
export async function save(path: string, text: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await writeFile(path, text);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Writes a file that is not there yet, nor a link of its name; tells whether it did. */
export async function saveNew(path: string, text: string): Promise<boolean> {
  try {
    await makeFolder(dirname(path));
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw unwritable(path, cause);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    // Not there yet: the first to write makes it.
    return 0;
  }
}

function unwritable(path: string, cause: unknown): ConfigError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new ConfigError(`\`${path}\` can't be written (${reason})`, { cause });
}
