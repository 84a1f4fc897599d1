/** What is taken of a file of events, what is left out, and what is broken. */
import { basename } from "node:path";
import { ConfigError } from "../../errors.ts";
import { IdTable } from "./id-table.ts";
import type { CheckedLine } from "./replay-lines.ts";
import type { SignedChunk } from "./sign-chunk.ts";

export interface Replayed {
  readonly taken: number;
  readonly duplicates: number;
  /** Requests to vanish (kind 62) and AUTH events (22242). */
  readonly leftOut: number;
}

/** The types of a pool are `a` to `z`; the last is for all other kinds. */
const MOST_KINDS = 25;
const OTHER = "other";
const MOST_FAULTS_SHOWN = 10;
/** An export may hold them; sent again, one wipes a key and the other is for one connection alone. */
const LEFT_OUT: readonly number[] = [62, 22_242];

export class ReplayTally {
  readonly #file: string;
  readonly #seen = new IdTable();
  readonly #shown: string[] = [];
  readonly #counts = { taken: 0, duplicates: 0, leftOut: 0 };
  /** `kind-<n>` in the order in which the kinds come. */
  readonly types: string[] = [];
  #lines = 0;
  faults = 0;

  constructor(file: string) {
    this.#file = basename(file);
  }

  get counts(): Replayed {
    return this.#counts;
  }

  /** The next lines of the file as a pool's; `null` when nothing of them is taken. */
  take(lines: readonly CheckedLine[]): SignedChunk | null {
    const texts: string[] = [];
    const lineTypes: number[] = [];
    const marks: number[] = [];
    let min = Number.POSITIVE_INFINITY;
    let max = 0;
    for (const line of lines) {
      this.#lines++;
      if (line === null) continue;
      if ("fault" in line) this.#note(line.fault);
      else if (this.#isTaken(line.id, line.kind)) {
        const type = this.#typeOf(line.kind);
        texts.push(String.fromCharCode(97 + type) + line.text.slice(1));
        lineTypes.push(type);
        marks.push(...line.marks);
        min = Math.min(min, line.createdAt);
        max = Math.max(max, line.createdAt);
      }
    }
    if (texts.length === 0) return null;
    return {
      bytes: Buffer.from(texts.join("")),
      sets: texts.length,
      lineLengths: Uint32Array.from(texts, (text) => Buffer.byteLength(text)),
      lineTypes: Uint8Array.from(lineTypes),
      marks: Float64Array.from(marks),
      createdAt: { min, max },
    };
  }

  /** Throws `ConfigError` when lines were broken, or nothing was taken. */
  finish(): void {
    if (this.faults > 0) {
      const more = this.faults - this.#shown.length;
      const rest = more > 0 ? `\n  and ${more} more` : "";
      throw new ConfigError(
        `${this.faults} of ${this.#lines} lines of \`${this.#file}\` are broken, expected a signed event on each\n${this.#shown.join("\n")}${rest}`,
      );
    }
    if (this.#counts.taken === 0) {
      throw new ConfigError(`\`${this.#file}\` holds no events; expected one signed event a line`);
    }
  }

  #note(fault: string): void {
    this.faults++;
    if (this.#shown.length < MOST_FAULTS_SHOWN) this.#shown.push(`  line ${this.#lines}: ${fault}`);
  }

  #isTaken(id: string, kind: number): boolean {
    if (LEFT_OUT.includes(kind)) {
      this.#counts.leftOut++;
      return false;
    }
    if (this.#seen.put(id) !== undefined) {
      this.#counts.duplicates++;
      return false;
    }
    this.#counts.taken++;
    return true;
  }

  #typeOf(kind: number): number {
    const known = this.types.indexOf(`kind-${kind}`);
    if (known !== -1) return known;
    if (this.types.length < MOST_KINDS) return this.types.push(`kind-${kind}`) - 1;
    if (this.types.length === MOST_KINDS) this.types.push(OTHER);
    return MOST_KINDS;
  }
}
