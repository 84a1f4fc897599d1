/**
 * Serves a pool's frames to k6, on 127.0.0.1 and behind a token: whole lines from a byte offset on. k6
 * keeps every file it opens in memory, with a second copy and what growing both leaves behind (3 to 6 times
 * the file's size was measured); served, a pool of any size costs it the chunks it is sending.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { FRAMES_FILE } from "../../pool/format.ts";

/**
 * About 500 events of the default mix. A request costs k6 some 0.5 ms of CPU, which at 64 KiB was a tenth
 * of all it spends on an event; turning so much into lines is a pause of less than that.
 */
const CHUNK_BYTES = 524_288;
const NEWLINE = 10;

export interface PoolServer {
  /** To be asked with `/frames?from=<byte offset>`; an empty answer is the end. */
  readonly url: string;
  close(): Promise<void>;
}

export const POOL_ADDRESS = "127.0.0.1";

/** Serves a pool where a run may dial 127.0.0.1; `null` where it may not: k6 then reads the file. */
export async function servePoolTo(
  allowed: readonly string[],
  dir: string,
): Promise<PoolServer | null> {
  return mayBeServed(allowed) ? await servePool(dir) : null;
}

/** Whether k6 may dial what this process serves. */
export function mayBeServed(allowed: readonly string[]): boolean {
  return allowed.includes(POOL_ADDRESS);
}

export async function servePool(dir: string): Promise<PoolServer> {
  const file = await open(join(dir, FRAMES_FILE));
  const path = `/${randomBytes(16).toString("hex")}`;
  const answer = async (from: number, response: ServerResponse) => {
    const lines = await readLines(from);
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    response.setHeader("X-Next", String(from + lines.length));
    response.end(lines);
  };
  /** Reads on while a line is longer than what was read. */
  const readLines = async (from: number, bytes = CHUNK_BYTES): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, from);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
    if (end === 0 && bytesRead === bytes) return await readLines(from, bytes * 2);
    return buffer.subarray(0, end);
  };
  const server = createServer((request, response) => {
    const match = /^(\/[0-9a-f]{32})\/frames\?from=(\d{1,15})$/.exec(request.url ?? "");
    if (match?.[1] !== path) {
      response.writeHead(404).end();
      return;
    }
    answer(Number(match[2]), response).catch(() => response.writeHead(500).end());
  });
  server.listen(0, POOL_ADDRESS);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port for the pool");
  return {
    url: `http://${POOL_ADDRESS}:${address.port}${path}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await file.close();
    },
  };
}
