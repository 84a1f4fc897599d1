/** Writes `frames.txt` chunk by chunk and counts what the manifest will say of it. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { ExpectedCounter } from "../../pool/expected.ts";
import { HEADER_LENGTH, INDEX_STEP, type PoolManifest } from "../../pool/format.ts";
import type { SignedChunk } from "./sign-chunk.ts";

export type FramesSummary = Pick<
  PoolManifest,
  | "events"
  | "bytes"
  | "largestFrame"
  | "perType"
  | "createdAt"
  | "mostTags"
  | "longestContent"
  | "expected"
  | "sha256"
  | "index"
>;

export class FramesWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  readonly #index: number[] = [];
  readonly #expected = new ExpectedCounter();
  readonly #perType: { events: number; bytes: number }[] = [];
  readonly #types: readonly string[];
  /** The bytes before these sets are kept, in rising order. */
  readonly #marked: readonly number[];
  readonly #starts: number[] = [];
  #events = 0;
  #sets = 0;
  #bytes = 0;
  #largestFrame = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #mostTags = 0;
  #longestContent = 0;

  private constructor(file: FileHandle, types: readonly string[], marked: readonly number[]) {
    this.#file = file;
    this.#types = types;
    this.#marked = marked;
  }

  /**
   * Creates the file, or goes on with one that is there. `types` may grow while chunks are written. `marked`: sets
   * with which a chunk begins, whose place in the file is asked for.
   */
  static async open(
    path: string,
    types: readonly string[],
    marked: readonly number[] = [],
  ): Promise<FramesWriter> {
    return new FramesWriter(await open(path, "a"), types, marked);
  }

  /** The bytes before each of the marked sets. */
  get starts(): readonly number[] {
    return this.#starts;
  }

  get events(): number {
    return this.#events;
  }

  get sets(): number {
    return this.#sets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(chunk: SignedChunk): Promise<void> {
    this.countWritten(chunk);
    await this.#file.appendFile(chunk.bytes);
  }

  /** Counts what is in the file already. */
  countWritten(chunk: SignedChunk): void {
    this.#noteStarts();
    this.#count(chunk);
    this.#hash.update(chunk.bytes);
    this.#sets += chunk.sets;
  }

  /** Drops what is in the file behind the events counted. */
  async cut(): Promise<void> {
    await this.#file.truncate(this.#bytes);
  }

  /** Makes sure that the file is on the disk, and closes it. */
  async finish(): Promise<FramesSummary> {
    this.#noteStarts();
    await this.#file.sync();
    await this.#file.close();
    return {
      events: this.#events,
      bytes: this.#bytes,
      largestFrame: this.#largestFrame,
      perType: Object.fromEntries(
        this.#types.map((name, i) => [name, this.#perType[i] ?? { events: 0, bytes: 0 }]),
      ),
      createdAt: { min: this.#min, max: this.#max },
      mostTags: this.#mostTags,
      longestContent: this.#longestContent,
      expected: this.#expected.finish(),
      sha256: this.#hash.digest("hex"),
      index: this.#index,
    };
  }

  /** Closes the file of a pool that will not be finished. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  /** Sets that are none lie where the next one begins. */
  #noteStarts(): void {
    while (this.#marked[this.#starts.length] === this.#sets) this.#starts.push(this.#bytes);
  }

  #count({ lineLengths, lineTypes, marks, createdAt, ...most }: SignedChunk): void {
    this.#expected.add(marks);
    this.#mostTags = Math.max(this.#mostTags, most.mostTags);
    this.#longestContent = Math.max(this.#longestContent, most.longestContent);
    for (const [i, length] of lineLengths.entries()) {
      if (this.#events % INDEX_STEP === 0) this.#index.push(this.#bytes);
      const frame = length - HEADER_LENGTH - 1;
      const type = lineTypes[i] ?? 0;
      const counts = this.#perType[type] ?? { events: 0, bytes: 0 };
      this.#perType[type] = counts;
      counts.events++;
      counts.bytes += frame;
      this.#largestFrame = Math.max(this.#largestFrame, frame);
      this.#bytes += length;
      this.#events++;
    }
    this.#min = Math.min(this.#min, createdAt.min);
    this.#max = Math.max(this.#max, createdAt.max);
  }
}
