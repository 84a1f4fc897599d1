/**
 * The pool inside k6: read in chunks of 64 KiB through k6/experimental/fs, which holds the bytes of
 * the file once for all VUs. One decode and one split a chunk; the next chunk is read while the
 * current one is being sent. A larger chunk makes longer pauses: 1 MiB stalls sending for about 3 ms.
 */
import { open as openFile, SeekMode } from "k6/experimental/fs";
import {
  FRAMES_FILE,
  HEADER_LENGTH,
  INDEX_STEP,
  type PoolManifest,
} from "../../src/pool/format.ts";

type File = Awaited<ReturnType<typeof openFile>>;
const CHUNK_BYTES = 65_536;
const FIRST_PART = 48;

/** A line of the pool, cut where it is needed and no earlier. */
export interface FrameSource {
  /** The next line with its two header characters; `null` when this share of the pool is used up. */
  next(): string | null;
  /** The next chunk is on its way: `next` has nothing now and will have something soon. */
  readonly starved: boolean;
}

/** Opens the frames for all VUs. To be awaited in the init context. */
export function openFrames(dir: string): Promise<File> {
  return openFile(`${dir}/${FRAMES_FILE}`);
}

/** Whether a line starts a multipart set. */
export function startsSet(line: string): boolean {
  return line.charCodeAt(1) === FIRST_PART;
}

/** The frame of a line. */
export function frameOf(line: string): string {
  return line.substring(HEADER_LENGTH);
}

/**
 * Gives VU `share` of `shares` its part of the pool: the lines from `events × share / shares` on, up
 * to where the next VU begins. Both ends are moved to the start of a set, so that no set is cut.
 */
export async function createFrameSource(
  file: File,
  manifest: PoolManifest,
  share: number,
  shares: number,
): Promise<FrameSource> {
  const firstLine = Math.floor((manifest.events * share) / shares);
  const endLine = Math.floor((manifest.events * (share + 1)) / shares);
  const indexed = Math.floor(firstLine / INDEX_STEP);
  await file.seek(manifest.index[indexed] ?? 0, SeekMode.Start);
  const source = new ChunkedLines(file, indexed * INDEX_STEP, endLine, manifest.events);
  await source.refill();
  while (source.lineNumber < firstLine) await source.skip();
  while (source.lineNumber < endLine && !(await source.peekStartsSet())) await source.skip();
  await source.refill();
  return source;
}

class ChunkedLines implements FrameSource {
  lineNumber: number;
  readonly #file: File;
  readonly #endLine: number;
  readonly #lastLine: number;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  readonly #decoder = new TextDecoder();
  #lines: string[] = [];
  #at = 0;
  #ahead: string[] | null = null;
  #reading: Promise<void> | null = null;
  #rest = "";
  #ended = false;

  constructor(file: File, line: number, endLine: number, lastLine: number) {
    this.#file = file;
    this.lineNumber = line;
    this.#endLine = endLine;
    this.#lastLine = lastLine;
  }

  get starved(): boolean {
    return this.#at >= this.#lines.length && this.#ahead === null && !this.#ended;
  }

  next(): string | null {
    if (this.#at >= this.#lines.length && !this.#turn()) return null;
    const line = this.#lines[this.#at];
    if (line === undefined) return null;
    // The lines of a set that began before the end still belong to this share.
    if (
      this.lineNumber >= this.#endLine &&
      (startsSet(line) || this.lineNumber >= this.#lastLine)
    ) {
      return null;
    }
    this.#at++;
    this.lineNumber++;
    return line;
  }

  /** Waits until a line is there, or the end. */
  async refill(): Promise<void> {
    while (this.starved) await this.#read();
    if (this.#at >= this.#lines.length) this.#turn();
  }

  async skip(): Promise<void> {
    await this.refill();
    this.#at++;
    this.lineNumber++;
  }

  async peekStartsSet(): Promise<boolean> {
    await this.refill();
    return startsSet(this.#lines[this.#at] ?? "a0");
  }

  #turn(): boolean {
    if (this.#ahead === null) {
      void this.#read();
      return false;
    }
    this.#lines = this.#ahead;
    this.#ahead = null;
    this.#at = 0;
    void this.#read();
    return this.#lines.length > 0;
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readChunk().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readChunk(): Promise<void> {
    if (this.#ended || this.#ahead !== null) return;
    const bytes = await readOrEnd(this.#file, this.#buffer);
    if (bytes === 0) {
      this.#ended = true;
      return;
    }
    const decoded = this.#decoder.decode(this.#buffer.subarray(0, bytes), { stream: true });
    const lines = (this.#rest + decoded).split("\n");
    this.#rest = lines.pop() ?? "";
    this.#ahead = lines.length > 0 ? lines : null;
  }
}

/** k6's `read` gives null at the end of the file. */
async function readOrEnd(file: File, buffer: Uint8Array): Promise<number> {
  return (await file.read(buffer)) ?? 0;
}
