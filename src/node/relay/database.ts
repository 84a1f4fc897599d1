/**
 * The SQLite file of a store. The WASM build has no shared memory, so WAL needs `locking_mode=EXCLUSIVE`: one
 * process holds the file. Its lock is a folder, which outlives a process that was killed; so a file beside it says
 * whose it is, and a lock whose process is gone is taken over.
 */
import { readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import sqlite, { type Database } from "node-sqlite3-wasm";
import { ConfigError } from "../../errors.ts";
import { readTree } from "../proc.ts";

const IN_MEMORY = ":memory:";

interface Owner {
  readonly pid: number;
  /** When the process started, in ticks of the system; `null` where it does not tell. */
  readonly startedTicks: number | null;
  /** Another container's processes have numbers of their own. */
  readonly host: string;
}

/** Opens or makes the file. @throws ConfigError if it cannot be used, or a running process holds it */
export function openDatabase(file: string): Database {
  try {
    return openOnce(file);
  } catch (error) {
    if (isLocked(error) && takeOver(file)) return openDatabase(file);
    const reason = error instanceof Error ? error.message : String(error);
    const hint = isLocked(error)
      ? `; no other relay may use it, and if none does, remove the folder \`${file}.lock\` that a crash left`
      : "";
    throw new ConfigError(`the relay needs a SQLite file, got \`${file}\`: ${reason}${hint}`, {
      cause: error,
    });
  }
}

export function closeDatabase(db: Database, file: string): void {
  db.close();
  if (file !== IN_MEMORY) rmSync(ownerFile(file), { force: true });
}

function openOnce(file: string): Database {
  let db: Database | undefined;
  try {
    db = new sqlite.Database(file);
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    if (file !== IN_MEMORY) writeFileSync(ownerFile(file), JSON.stringify(describeOwner()));
    return db;
  } catch (error) {
    db?.close();
    throw error;
  }
}

/** Removes the lock of a process that is gone; whether it did. */
function takeOver(file: string): boolean {
  const taken = `${ownerFile(file)}.${process.pid}`;
  try {
    if (!isGone(JSON.parse(readFileSync(ownerFile(file), "utf8")) as Owner)) return false;
    // Of several that try at once, one finds it there.
    renameSync(ownerFile(file), taken);
    rmdirSync(`${file}.lock`);
    rmSync(taken);
    return true;
  } catch {
    // Nobody says whose the lock is, or it went to another: it stays.
    return false;
  }
}

function isGone({ pid, startedTicks, host }: Owner): boolean {
  if (host !== hostname()) return false;
  return startedTicks === null ? !isRunning(pid) : startOf(pid) !== startedTicks;
}

function describeOwner(): Owner {
  return { pid: process.pid, startedTicks: startOf(process.pid), host: hostname() };
}

function startOf(pid: number): number | null {
  return readTree(pid).get(pid)?.startedTicks ?? null;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes("locked");
}

function ownerFile(file: string): string {
  return `${file}.owner`;
}
