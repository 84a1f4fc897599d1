import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, mock } from "node:test";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../src/errors.ts";
import { ensurePool } from "../src/node/pool/cache.ts";
import { type MakeOptions, makePool } from "../src/node/pool/make.ts";
import { readPool } from "../src/node/pool/read.ts";
import { verifyPool } from "../src/node/pool/verify.ts";
import {
  FRAME_ID_OFFSET,
  FRAMES_FILE,
  HEADER_LENGTH,
  MANIFEST_FILE,
  type PoolManifest,
} from "../src/pool/format.ts";
import { DEFAULT_EPOCH, type PoolRequest } from "../src/pool/plan.ts";

const request: PoolRequest = {
  seed: "seed 1",
  mix: { view: 0.9, video: 0.1 },
  events: 40,
  epoch: DEFAULT_EPOCH,
};

let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-pool-"));
});
after(() => rm(root, { recursive: true, force: true }));

function make(name: string, options: Partial<MakeOptions> = {}): Promise<PoolManifest> {
  return makePool({ ...request, workers: 1, ...options, dir: join(root, name) });
}

function readFrames(dir: string): Promise<string> {
  return readFile(join(dir, FRAMES_FILE), "utf8");
}

describe("a making that fails", () => {
  const requests: readonly (readonly [options: Partial<MakeOptions>, problem: RegExp])[] = [
    [{ events: 0 }, /whole number of events/],
    [{ events: 1.5 }, /whole number of events/],
    [{ epoch: 12 }, /epoch/],
    [{ mix: {} }, /at least one event type/],
    [{ mix: { other: 1 } }, /`other`/],
  ];
  for (const [options, problem] of requests) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      await assert.rejects(make("refused", options), configError(problem));
    });
  }

  it("says that the place cannot hold a folder", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    await assert.rejects(make("file/pool"), configError(/not a folder.*ENOTDIR/));
  });

  it("does not touch a folder that is no pool", async () => {
    const dir = join(root, "photos");
    await mkdir(dir);
    await writeFile(join(dir, "cat.jpg"), "");
    await assert.rejects(make("photos"), configError(/not a pool's/));
    assert.deepEqual(await readdir(dir), ["cat.jpg"]);
  });

  it("says that the disk is full, and leaves nothing behind", async () => {
    const handle = await open(join(root, "handle"), "w");
    const fileHandle = Object.getPrototypeOf(handle);
    await handle.close();
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    const write = mock.method(fileHandle, "appendFile", () => Promise.reject(full));
    try {
      await assert.rejects(make("full"), configError(/no space is left.*ENOSPC/));
    } finally {
      write.mock.restore();
    }
    assert.deepEqual(await temporaryFolders(root), []);
    await assert.rejects(readPool(join(root, "full")), configError(/there is no pool/));
  });

  it("leaves nothing behind where not even a byte can be written", async () => {
    const dir = join(root, "no-byte");
    const cli = fileURLToPath(new URL("../bin/k6-nostr.mjs", import.meta.url));
    const command = ["sh", cli, "pool", "--events", "8", "--dir", dir];
    // In place of a disk that is full: no file may have any bytes.
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", 'ulimit -f 0; exec "$NODE" "$@"', ...command],
      {
        env: { ...process.env, NODE: process.execPath, TSX_DISABLE_CACHE: "1" },
        encoding: "utf8",
      },
    );
    assert.match(stderr, /cannot make the pool .*EFBIG/);
    assert.equal(status, 2);
    assert.deepEqual(await readdir(dir), []);
  });

  it("goes on where it was stopped, and gives the same pool", async () => {
    const stop = new AbortController();
    const stopped = make("resumed", {
      events: 400,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await assert.rejects(stopped, /abort/);
    const [left = ""] = await temporaryFolders(root);
    const frames = join(root, left, FRAMES_FILE);
    // A killed maker may have written half a line.
    await truncate(frames, (await readFile(frames)).length - 100);
    let resumedAt = 0;
    const onResume = (events: number) => {
      resumedAt = events;
    };
    const resumed = await make("resumed", { events: 400, onResume });
    assert.ok(resumedAt >= 25 && resumedAt < 400, `${resumedAt}`);
    assert.deepEqual(resumed, await make("at-once", { events: 400 }));
    assert.equal(await readFrames(join(root, "resumed")), await readFrames(join(root, "at-once")));
    await verifyPool(join(root, "resumed"));
    assert.deepEqual(await temporaryFolders(root), []);
  });

  it("stops on a signal, and leaves nothing behind", async () => {
    const stop = new AbortController();
    const making = make("stopped", { signal: stop.signal });
    stop.abort(new Error("stopped by the test"));
    await assert.rejects(making, /stopped by the test/);
    assert.deepEqual(await temporaryFolders(root), []);
  });
});

describe("readPool", () => {
  const damages: readonly {
    readonly name: string;
    readonly damage: (dir: string) => Promise<unknown>;
    readonly problem: RegExp;
  }[] = [
    {
      name: "no folder",
      damage: (dir) => rm(dir, { recursive: true }),
      problem: /there is no pool at/,
    },
    {
      name: "no manifest",
      damage: (dir) => rm(join(dir, MANIFEST_FILE)),
      problem: /is not a pool: it has no readable manifest\.json/,
    },
    {
      name: "half a manifest",
      damage: (dir) => truncate(join(dir, MANIFEST_FILE), 100),
      problem: /damaged manifest/,
    },
    {
      name: "another version",
      damage: (dir) => editManifest(dir, { format: "k6-nostr/pool@3" }),
      problem: /has the format `k6-nostr\/pool@3`, expected `k6-nostr\/pool@2`/,
    },
    {
      name: "an incomplete manifest",
      damage: (dir) => editManifest(dir, { index: [] }),
      problem: /incomplete manifest/,
    },
    {
      name: "a type with the name of a report's own row",
      damage: (dir) => editManifest(dir, { types: ["(none)", "view"] }),
      problem: /has a type `\(none\)`: a name is 1 to 40 letters/,
    },
    {
      name: "no frames",
      damage: (dir) => rm(join(dir, FRAMES_FILE)),
      problem: /has no frames\.txt/,
    },
    {
      name: "a cut file",
      damage: (dir) => truncate(join(dir, FRAMES_FILE), 1_000),
      problem: /is cut short: frames\.txt has 1000 bytes/,
    },
    { name: "a flipped bit", damage: (dir) => flipBit(dir, 700), problem: /is damaged: .*SHA-256/ },
  ];
  for (const [i, { name, damage, problem }] of damages.entries()) {
    it(`refuses ${name} with its own reason, and ensurePool makes the pool anew`, async () => {
      const kept = { ...request, root: join(root, `damaged-${i}`), events: 8, workers: 1 };
      const { dir, made } = await ensurePool(kept);
      assert.equal(made, true);
      assert.equal((await ensurePool(kept)).made, false);
      await damage(dir);
      await assert.rejects(readPool(dir), configError(problem));
      assert.equal((await ensurePool(kept)).made, true);
      await verifyPool(dir);
    });
  }
});

describe("verifyPool", () => {
  it("refuses a manifest that expects a relay to hold other events", async () => {
    const { expected = {} } = await make("expecting", { events: 8 });
    const [[kind = "", one] = []] = Object.entries(expected);
    assert.ok(one !== undefined);
    const wrong = { ...expected, [kind]: { ...one, stored: one.stored + 1 } };
    const dir = join(root, "expecting");
    await verifyPool(dir);
    await editManifest(dir, { expected: wrong });
    await assert.rejects(verifyPool(dir), configError(/expects a relay to hold something else/));
  });

  it("refuses a line that was changed together with the manifest", async () => {
    await make("forged", { events: 8 });
    const dir = join(root, "forged");
    await flipBit(dir, HEADER_LENGTH + FRAME_ID_OFFSET);
    const sha256 = createHash("sha256")
      .update(await readFrames(dir))
      .digest("hex");
    await editManifest(dir, { sha256 });
    await assert.rejects(verifyPool(dir), configError(/line 1: the id is not the hash/));
  });
});

function configError(problem: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, problem);
    return true;
  };
}

async function temporaryFolders(dir: string): Promise<readonly string[]> {
  return (await readdir(dir)).filter((name) => name.includes(".tmp-"));
}

async function editManifest(dir: string, change: Record<string, unknown>): Promise<void> {
  const path = join(dir, MANIFEST_FILE);
  const manifest = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...manifest, ...change }));
}

async function flipBit(dir: string, offset: number): Promise<void> {
  const path = join(dir, FRAMES_FILE);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  await writeFile(path, bytes);
}
