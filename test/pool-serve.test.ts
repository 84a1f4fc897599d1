import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { servePool, servePoolTo } from "../src/node/pool/serve.ts";

/** Serves these lines, gives what a reader gets chunk by chunk. */
async function readThrough(lines: readonly string[], from = 0): Promise<readonly string[]> {
  return await withServer(lines, async (url) => {
    const chunks: string[] = [];
    for (let at = from; ; ) {
      const response = await fetch(`${url}/frames?from=${at}`);
      const text = await response.text();
      if (text === "") return chunks;
      chunks.push(text);
      at = Number(response.headers.get("X-Next"));
    }
  });
}

async function withServer<T>(
  lines: readonly string[],
  use: (url: string) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-serve-"));
  await writeFile(join(dir, "frames.txt"), lines.map((line) => `${line}\n`).join(""));
  const server = await servePool(dir);
  try {
    return await use(server.url);
  } finally {
    await server.close();
    await rm(dir, { recursive: true });
  }
}

describe("servePool", () => {
  it("gives every line once, whole, in order, however long and in any alphabet", async () => {
    const lines = Array.from({ length: 400 }, (_, i) => `${i} ${"é😀x".repeat((i * 37) % 300)}`);
    const long = ["short", "l".repeat(300_000), "é".repeat(70_000), "end"];
    for (const own of [lines, long, ["one"], []]) {
      const chunks = await readThrough(own);
      assert.ok(chunks.every((chunk) => chunk.endsWith("\n")));
      assert.equal(chunks.join(""), own.map((line) => `${line}\n`).join(""));
    }
  });

  it("starts at any byte offset", async () => {
    assert.deepEqual(await readThrough(["first", "second"], 6), ["second\n"]);
  });

  it("answers nobody who does not know its path", async () => {
    await withServer(["a line"], async (url) => {
      const { origin } = new URL(url);
      for (const path of ["/", "/frames?from=0", `/${"0".repeat(32)}/frames?from=0`]) {
        assert.equal((await fetch(origin + path)).status, 404, path);
      }
      for (const rest of ["", "/frames", "/frames?from=-1", "/../frames?from=0"]) {
        assert.equal((await fetch(url + rest)).status, 404, rest);
      }
    });
  });

  it("is not started where the run may not dial it", async () => {
    assert.equal(await servePoolTo(["10.1.2.3", "::1"], "/nowhere"), null);
  });
});
