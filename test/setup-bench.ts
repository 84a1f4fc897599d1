/** Stand-ins for getting k6: a bench with an empty PATH and cache, a release server, archives. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { deflateRawSync, gzipSync } from "node:zlib";
import type { ReleaseSource } from "../src/node/setup/attempt.ts";
import { type EnsureK6Options, ensureK6 } from "../src/node/setup/ensure.ts";

export const asset = "k6-v2.2.0-linux-amd64.tar.gz";

/** A folder with an empty PATH and an empty cache, and `ensureK6` bound to them. */
export async function prepare(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "k6-nostr-setup-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const programs = join(folder, "bin");
  const cache = join(folder, "cache");
  await mkdir(programs);
  const bench = {
    folder,
    cache,
    notes: [] as string[],
    onNote: (_line: string): void => undefined,
    addProgram: (name: string, script: string) => writeScript(join(programs, name), script),
    addCached: async (script: string) => {
      await mkdir(join(cache, "k6-v2.2.0"), { recursive: true });
      return writeScript(join(cache, "k6-v2.2.0", "k6"), script);
    },
    cachedFiles: () => listFiles(cache),
    ensure: (
      env: Readonly<Record<string, string>> = {},
      options: Pick<EnsureK6Options, "release" | "limits"> = {},
    ) =>
      ensureK6({
        env: { ...env, PATH: programs, K6_NOSTR_CACHE: cache },
        onNote: (line) => {
          bench.notes.push(line);
          bench.onNote(line);
        },
        release: { baseUrl: "http://127.0.0.1:1/", assets: {} },
        ...options,
      }),
  };
  return bench;
}

/** A release with one archive for this platform, on 127.0.0.1; its digest is that of `expected`. */
export async function serve(
  t: TestContext,
  expected: Buffer,
  listener: RequestListener = (_, response) => response.end(expected),
  file = asset,
) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    listener(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await once(server.close(), "close");
  };
  t.after(close);
  const sha256 = createHash("sha256").update(expected).digest("hex");
  const release: ReleaseSource = {
    baseUrl: `http://127.0.0.1:${address.port}/`,
    assets: { [`${process.platform}-${process.arch}`]: { file, sha256 } },
  };
  return { release, paths, close };
}

export async function writeScript(path: string, script: string): Promise<string> {
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

export async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** A ustar archive with a folder, another file, and `name`. */
export function tarGz(name: string, content: string): Buffer {
  const entry = (path: string, type: string, text: string) => {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write(text.length.toString(8).padStart(11, "0"), 124);
    header.write(type, 156);
    header.write("ustar\x0000", 257);
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    body.write(text);
    return Buffer.concat([header, body]);
  };
  const blocks = [entry("folder/", "5", ""), entry("folder/README", "0", "x".repeat(513))];
  return gzipSync(Buffer.concat([...blocks, entry(name, "0", content), Buffer.alloc(1_024)]));
}

/** A zip archive of deflated entries; the fields that the reader has no use for stay 0. */
export function zip(entries: readonly (readonly [string, string])[]): Buffer {
  const locals: Buffer[] = [];
  const records: Buffer[] = [];
  for (const [name, text] of entries) {
    const packed = deflateRawSync(text);
    const local = Buffer.alloc(30);
    local.write("PK\x03\x04", "latin1");
    local.writeUInt16LE(name.length, 26);
    const record = Buffer.alloc(46);
    record.write("PK\x01\x02", "latin1");
    record.writeUInt16LE(8, 10);
    record.writeUInt32LE(packed.length, 20);
    record.writeUInt16LE(name.length, 28);
    record.writeUInt32LE(Buffer.concat(locals).length, 42);
    locals.push(local, Buffer.from(name), packed);
    records.push(record, Buffer.from(name));
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(locals).length, 16);
  return Buffer.concat([...locals, ...records, end]);
}
