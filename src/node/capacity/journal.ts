/**
 * The trials of a search on disk: a line each when it ends, so that nothing that was measured is lost. A little room is
 * kept for them, which is given up when the disk is full.
 */
import { appendFile, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CapacityReport, SearchSettings, Trial } from "../../capacity/result.ts";
import { ConfigError } from "../../errors.ts";
import { makeFolder } from "../make-folder.ts";

/** What a search is, and has to be the same when it goes on. */
export interface JournalHead {
  readonly id: string;
  readonly startedAt: string;
  readonly scenario: string;
  readonly seed: string;
  readonly config: CapacityReport["config"];
  readonly settings: SearchSettings;
  /** Another relay is searched in turn with it (--against). Searches from before don't say. */
  readonly isOfTwo?: boolean;
}

const FOLDER = "capacity";
const LINES = "trials.jsonl";
/** Enough for the lines of a search. */
const KEPT_FREE_BYTES = 4_000_000;

export class Journal {
  readonly dir: string;
  readonly head: JournalHead;
  private readonly reserve: string;

  private constructor(dir: string, head: JournalHead) {
    this.dir = dir;
    this.head = head;
    this.reserve = join(dir, ".reserve");
  }

  /** Throws `ConfigError` where nothing can be written. */
  static async begin(reportDir: string, head: JournalHead): Promise<Journal> {
    const dir = join(reportDir, FOLDER, head.id);
    const journal = new Journal(dir, head);
    try {
      await makeFolder(dir);
      await writeFile(join(dir, LINES), `${JSON.stringify(head)}\n`);
      await journal.keepRoom();
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new ConfigError(`\`${dir}\` can't be written (${reason})`, { cause });
    }
    return journal;
  }

  /** The newest search of a folder, with its trials; `null` where there is none. A line that is not whole is none. */
  static async last(reportDir: string): Promise<{ journal: Journal; trials: Trial[] } | null> {
    const names = await readdir(join(reportDir, FOLDER)).catch(() => []);
    for (const name of names.sort().reverse()) {
      const dir = join(reportDir, FOLDER, name);
      const text = await readFile(join(dir, LINES), "utf8").catch(() => "");
      const [head, ...trials] = text.split("\n").flatMap(parseLine);
      if (head !== undefined) {
        const journal = new Journal(dir, head as JournalHead);
        await journal.keepRoom().catch(() => {});
        return { journal, trials: trials as Trial[] };
      }
    }
    return null;
  }

  /** Throws what the disk says where the line is not there in the end. */
  async append(trial: Trial): Promise<void> {
    const line = `${JSON.stringify(trial)}\n`;
    const path = join(this.dir, LINES);
    try {
      await appendWhole(path, line);
    } catch (error) {
      await this.giveRoom();
      // Behind what there was room for: that line is not whole.
      await appendWhole(path, `\n${line}`);
      throw error;
    }
  }

  /** What is written at the end needs room too. */
  async giveRoom(): Promise<void> {
    await rm(this.reserve, { force: true });
  }

  private async keepRoom(): Promise<void> {
    await writeFile(this.reserve, Buffer.alloc(KEPT_FREE_BYTES, 1));
  }
}

async function appendWhole(path: string, text: string): Promise<void> {
  await appendFile(path, text);
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function parseLine(line: string): readonly unknown[] {
  try {
    return line.trim() === "" ? [] : [JSON.parse(line)];
  } catch {
    // The disk was full, or the process was killed, while it was written.
    return [];
  }
}
