/**
 * The pool inside k6, in chunks of whole lines; the next chunk is fetched while the current one is being
 * sent. Served by the CLI or `pool serve`, a script asks for them over HTTP (`serve.ts`): constant memory.
 * Else they are read from the file through k6/experimental/fs, which holds it in memory for all VUs; there a
 * chunk becomes text through a Blob: 16 µs for 64 KiB, where a TextDecoder takes 125 to 185 µs.
 *
 * No way of holding a file in k6 keeps within twice its size. Peak of k6 2.2 with a pool of 199 MB and 1 VU,
 * over the file's size, medians of three; Go's garbage collector as it is, and with GOGC=20:
 *
 *     k6/experimental/fs                      6.5, 3.8 (GOGC=50: 3.7; GOMEMLIMIT=450MiB: 3.3)
 *     the same, pool cut into files of 4 MiB  4.4, 2.8
 *     SharedArray of texts of 512 KiB         6.1, 4.0
 *     SharedArray of files of 4 MiB           6.0, 4.4
 *     SharedArray of lines                    6.8, not measured
 */
import { open as openFile, SeekMode } from "k6/experimental/fs";
import http from "k6/http";
import { Blob } from "k6/websockets";
import { FRAMES_FILE } from "../../../src/pool/format.ts";
import type { Script } from "../script.ts";
import type { OpenAt, ReadChunk } from "./frame-source.ts";

declare const __VU: number;

type File = Awaited<ReturnType<typeof openFile>>;

const CHUNK_BYTES = 65_536;
const NEWLINE = 10;

/** From about here on, reading the file takes more than 2 s. */
const LARGE_BYTES = 300e6;

/** Opens the frames for all VUs. To be awaited in the init context. */
export async function openFrames({ poolDir, pool, run }: Script): Promise<OpenAt> {
  const servedAt = run.poolUrl;
  if (servedAt !== null) return async (offset) => fetchChunks(servedAt, offset);
  // The init context comes once for k6 itself, as VU 0, and once for each VU.
  if (pool.bytes > LARGE_BYTES && __VU === 0) {
    const megabytes = Math.round(pool.bytes / 1e6);
    console.log(
      `reading the pool, ${megabytes} MB, into several times as much memory; \`k6-nostr pool serve\` spares it`,
    );
  }
  const file = await openFile(`${poolDir}/${FRAMES_FILE}`);
  return async (offset) => {
    await file.seek(offset, SeekMode.Start);
    return readChunks(file);
  };
}

/** Asks the CLI for the lines from a byte offset on. */
function fetchChunks(servedAt: string, offset: number): ReadChunk {
  let from = offset;
  return async () => {
    const url = `${servedAt}/frames?from=${from}`;
    const params = { responseType: "text" as const, tags: { name: "pool" }, redirects: 0 };
    const { status, body, headers } = await http.asyncRequest("GET", url, null, params);
    if (status !== 200 || typeof body !== "string") throw new Error(`no pool: HTTP ${status}`);
    from = Number(headers["X-Next"]);
    return wholeLines(body);
  };
}

function readChunks(file: File): ReadChunk {
  const buffer = new Uint8Array(CHUNK_BYTES);
  /** The bytes behind the last whole line read. */
  let rest: Uint8Array<ArrayBuffer>[] = [];
  const read: ReadChunk = async () => {
    // k6's `read` gives null at the end of the file.
    const bytes = (await file.read(buffer)) ?? 0;
    if (bytes === 0) return [];
    // Cut at a line's end, so that no character of several bytes is cut.
    const end = buffer.lastIndexOf(NEWLINE, bytes - 1) + 1;
    if (end === 0) {
      // A line longer than a chunk: its end comes with one of the next.
      rest.push(buffer.slice(0, bytes));
      return await read();
    }
    const text = await new Blob([...rest, buffer.slice(0, end)]).text();
    rest = end < bytes ? [buffer.slice(end, bytes)] : [];
    return wholeLines(text);
  };
  return read;
}

function wholeLines(text: string): string[] {
  const lines = text.split("\n");
  lines.pop();
  return lines;
}
