/** What is taken of a file of events, what is held out, and what is left out and why. */
import { basename } from "node:path";
import { ConfigError } from "../../errors.ts";
import { describeLeftOut, type LeftOut, type LeftOutReason } from "../../pool/left-out.ts";
import { formatCount } from "../../report/format.ts";
import { IdTable } from "./id-table.ts";
import type { CheckedLine, SoundLine } from "./replay-lines.ts";
import type { SignedChunk } from "./sign-chunk.ts";

/** Each line of a file is one of these. */
export interface Replayed {
  readonly lines: number;
  readonly blank: number;
  readonly taken: number;
  /** Kept for preflight to try a relay with. */
  readonly heldOut: number;
  readonly leftOut: number;
}

/** The types of a pool are `a` to `z`; the last is for all other kinds. */
const MOST_KINDS = 25;
const OTHER = "other";
const MOST_LINES_SHOWN = 5;

interface TallyOptions {
  readonly file: string;
  /** Ids of the events that are held out. */
  readonly heldOut: ReadonlySet<string>;
  /** Nothing may be left out. */
  readonly strict: boolean;
}

export class ReplayTally {
  readonly #file: string;
  readonly #heldOut: ReadonlySet<string>;
  readonly #strict: boolean;
  readonly #seen = new IdTable();
  readonly #leftOut = new Map<LeftOutReason, { count: number; readonly lines: number[] }>();
  readonly #counts = { lines: 0, blank: 0, taken: 0, heldOut: 0, leftOut: 0 };
  /** `kind-<n>` in the order in which the kinds come. */
  readonly types: string[] = [];
  /** Unix seconds at which the first event expires; `Infinity`: none does. */
  goodUntil = Number.POSITIVE_INFINITY;

  constructor({ file, heldOut, strict }: TallyOptions) {
    this.#file = basename(file);
    this.#heldOut = heldOut;
    this.#strict = strict;
  }

  get counts(): Replayed {
    return this.#counts;
  }

  get leftOut(): readonly LeftOut[] {
    return [...this.#leftOut].map(([reason, counts]) => ({ reason, ...counts }));
  }

  /** Why most was left out; `undefined` when nothing was. */
  get mainReason(): LeftOutReason | undefined {
    const [first] = [...this.leftOut].sort((a, b) => b.count - a.count);
    return first?.reason;
  }

  /** The next lines of the file as a pool's; `null` when nothing of them is taken. */
  take(lines: readonly CheckedLine[]): SignedChunk | null {
    const taken = lines.filter((line): line is SoundLine => this.#isTaken(line));
    if (taken.length === 0) return null;
    const types = taken.map(({ kind }) => this.#typeOf(kind));
    const texts = taken.map(
      ({ text }, i) => String.fromCharCode(97 + (types[i] ?? 0)) + text.slice(1),
    );
    const times = taken.map(({ createdAt }) => createdAt);
    return {
      bytes: Buffer.from(texts.join("")),
      sets: texts.length,
      lineLengths: Uint32Array.from(texts, (text) => Buffer.byteLength(text)),
      lineTypes: Uint8Array.from(types),
      marks: Float64Array.from(taken.flatMap(({ marks }) => marks)),
      createdAt: { min: Math.min(...times), max: Math.max(...times) },
      mostTags: Math.max(...taken.map(({ tags }) => tags)),
      longestContent: Math.max(...taken.map(({ contentLength }) => contentLength)),
    };
  }

  /** Why the file is no file to replay; `null` when at least half of its events are taken. */
  findRefusal(): string | null {
    const { lines, blank, taken, heldOut } = this.#counts;
    const duplicates = this.#leftOut.get("duplicate")?.count ?? 0;
    const ofLines = lines - blank - duplicates;
    const good = taken + heldOut;
    if (ofLines === 0) {
      return `\`${this.#file}\` holds no events; expected one signed event a line`;
    }
    if (good > 0 && 2 * good >= ofLines) return null;
    const reasons = this.leftOut.map((of) => `\n  ${describeLeftOut(of)}`);
    const share = `${formatCount(good)} of ${formatCount(ofLines)} lines`;
    return `of \`${this.#file}\` ${share} can be replayed, at least half must; left out:${reasons.join("")}`;
  }

  #isTaken(line: CheckedLine): line is SoundLine {
    this.#counts.lines++;
    if (line === null) {
      this.#counts.blank++;
      return false;
    }
    if ("fault" in line) return this.#leaveOut(line.reason, line.fault);
    if (this.#seen.put(line.id) !== undefined) {
      return this.#leaveOut("duplicate", "a duplicate of an earlier line");
    }
    this.goodUntil = Math.min(this.goodUntil, line.expiresAt);
    if (this.#heldOut.has(line.id)) {
      this.#counts.heldOut++;
      return false;
    }
    this.#counts.taken++;
    return true;
  }

  #leaveOut(reason: LeftOutReason, fault: string): false {
    const { lines: line } = this.#counts;
    if (this.#strict) {
      throw new ConfigError(
        `line ${line} of \`${this.#file}\` can't be replayed: ${fault}\nWithout --strict such lines are left out and counted.`,
      );
    }
    this.#counts.leftOut++;
    const known = this.#leftOut.get(reason) ?? { count: 0, lines: [] };
    this.#leftOut.set(reason, known);
    known.count++;
    if (known.lines.length < MOST_LINES_SHOWN) known.lines.push(line);
    return false;
  }

  #typeOf(kind: number): number {
    const known = this.types.indexOf(`kind-${kind}`);
    if (known !== -1) return known;
    if (this.types.length < MOST_KINDS) return this.types.push(`kind-${kind}`) - 1;
    if (this.types.length === MOST_KINDS) this.types.push(OTHER);
    return MOST_KINDS;
  }
}
