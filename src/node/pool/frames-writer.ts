/** Writes `frames.txt` chunk by chunk and counts what the manifest will say of it. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { ExpectedCounter } from "../../pool/expected.ts";
import { HEADER_LENGTH, INDEX_STEP, type PoolManifest } from "../../pool/format.ts";
import type { SignedChunk } from "./sign-chunk.ts";

export type FramesSummary = Pick<
  PoolManifest,
  "events" | "bytes" | "largestFrame" | "perType" | "createdAt" | "expected" | "sha256" | "index"
>;

export class FramesWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  readonly #index: number[] = [];
  readonly #expected = new ExpectedCounter();
  readonly #perType: { events: number; bytes: number }[];
  readonly #types: readonly string[];
  #events = 0;
  #bytes = 0;
  #largestFrame = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  private constructor(file: FileHandle, types: readonly string[]) {
    this.#file = file;
    this.#types = types;
    this.#perType = types.map(() => ({ events: 0, bytes: 0 }));
  }

  /** Creates the file; fails if there is one. */
  static async open(path: string, types: readonly string[]): Promise<FramesWriter> {
    return new FramesWriter(await open(path, "wx"), types);
  }

  get events(): number {
    return this.#events;
  }

  async write(chunk: SignedChunk): Promise<void> {
    this.#count(chunk);
    this.#hash.update(chunk.bytes);
    await this.#file.appendFile(chunk.bytes);
  }

  /** Makes sure that the file is on the disk, and closes it. */
  async finish(): Promise<FramesSummary> {
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
      expected: this.#expected.finish(),
      sha256: this.#hash.digest("hex"),
      index: this.#index,
    };
  }

  /** Closes the file of a pool that will not be finished. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  #count({ lineLengths, lineTypes, marks, createdAt }: SignedChunk): void {
    this.#expected.add(marks);
    for (const [i, length] of lineLengths.entries()) {
      if (this.#events % INDEX_STEP === 0) this.#index.push(this.#bytes);
      const frame = length - HEADER_LENGTH - 1;
      const counts = this.#perType[lineTypes[i] ?? 0];
      if (counts !== undefined) {
        counts.events++;
        counts.bytes += frame;
      }
      this.#largestFrame = Math.max(this.#largestFrame, frame);
      this.#bytes += length;
      this.#events++;
    }
    this.#min = Math.min(this.#min, createdAt.min);
    this.#max = Math.max(this.#max, createdAt.max);
  }
}
