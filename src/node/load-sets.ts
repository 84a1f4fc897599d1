/** Reads what `compare` is given: a report, a set of repeated runs, the folder of either, or several by commas. */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import type { RunSet } from "../report/compare/types.ts";
import type { Report } from "../report/types.ts";
import { loadReport } from "./load-report.ts";

export const SET_SCHEMA = "k6-nostr/set@1";

/** The file that `run --repeat` leaves: paths of reports, relative to the file. */
export interface SetFile {
  readonly schema: typeof SET_SCHEMA;
  /** Sets of one call share it: their runs were made in turn. */
  readonly id: string;
  readonly label: string;
  /** The seeds of the runs: `<seed>-1`, `<seed>-2`, … */
  readonly seed: string;
  readonly reports: readonly string[];
}

export interface LoadedSet extends RunSet {
  /** `null` unless all comes from one set file. */
  readonly setId: string | null;
}

/** Loads the runs behind a text of paths. Throws `ConfigError`. */
export async function loadSet(text: string): Promise<LoadedSet> {
  const paths = text.split(",").filter((path) => path !== "");
  if (paths.length === 0) throw new ConfigError("compare needs a report, got an empty path");
  const parts = await Promise.all(paths.map(loadPart));
  const reports = parts.flatMap((part) => part.reports);
  const only = parts.length === 1 ? parts[0] : undefined;
  return {
    reports,
    setId: only?.setId ?? null,
    label: only?.label ?? labelOf(reports),
  };
}

async function loadPart(path: string): Promise<LoadedSet> {
  const file = (await isFolder(path)) ? await fileIn(path) : path;
  const set = await readSet(file);
  if (set === null) {
    const report = await loadReport(file);
    return { reports: [report], setId: null, label: labelOf([report]) };
  }
  const reports = await Promise.all(set.reports.map((p) => loadReport(resolve(dirname(file), p))));
  return { reports, setId: set.id, label: set.label };
}

async function fileIn(folder: string): Promise<string> {
  const names = await readdir(folder);
  const name = ["report.json", "set.json"].find((known) => names.includes(known));
  if (name !== undefined) return join(folder, name);
  throw new ConfigError(
    `\`${folder}\` holds neither a report.json nor a set.json; name the file, or several by commas`,
  );
}

async function readSet(file: string): Promise<SetFile | null> {
  let value: Partial<SetFile> | null;
  try {
    value = JSON.parse(await readFile(file, "utf8")) as Partial<SetFile> | null;
  } catch {
    // `loadReport` says what is wrong with it.
    return null;
  }
  if (value?.schema !== SET_SCHEMA) return null;
  if (!Array.isArray(value.reports) || !value.reports.every((p) => typeof p === "string")) {
    throw new ConfigError(`\`${file}\` is a set without a list of \`reports\``);
  }
  return value as SetFile;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Missing: whoever reads it says so.
    return false;
  }
}

function labelOf(reports: readonly Report[]): string {
  return [...new Set(reports.flatMap((r) => r.config.relays))].join(", ");
}
