import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { namePool, removePool, trimPools, usePool } from "../src/node/pool/shelf.ts";

let root: string;
let number = 0;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-shelf-"));
});
after(() => rm(root, { recursive: true, force: true }));

const NOW_MS = Date.now();
const HOUR_MS = 3_600_000;

function idOf(place: number): string {
  return place.toString(16).padStart(16, "0");
}

/** A folder of pools of 1,000 bytes each; the first was used so many hours ago, each next an hour later. */
async function shelfOf(pools: number, hoursAgo = pools): Promise<string> {
  const shelf = join(root, `shelf-${number++}`);
  for (let i = 0; i < pools; i++) {
    const dir = join(shelf, idOf(i));
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "frames.txt"), "x".repeat(998));
    await writeFile(join(dir, "manifest.json"), "{}");
    await backdate(dir, NOW_MS - (hoursAgo - i) * HOUR_MS);
  }
  return shelf;
}

async function backdate(dir: string, atMs: number): Promise<void> {
  await utimes(join(dir, "manifest.json"), atMs / 1_000, atMs / 1_000);
}

async function poolsIn(shelf: string): Promise<readonly number[]> {
  const names = await readdir(shelf);
  return names.filter((name) => !name.startsWith(".")).map((name) => Number.parseInt(name, 16));
}

const trim = (shelf: string, mostBytes: number) => trimPools(shelf, { mostBytes, nowMs: NOW_MS });

describe("trimPools", () => {
  it("removes what was used longest ago, and no more than it must", async () => {
    const shelf = await shelfOf(5);
    assert.deepEqual(await trim(shelf, 5_000), { pools: 0, bytes: 0 });
    assert.deepEqual(await trim(shelf, 2_999), { pools: 3, bytes: 3_000 });
    assert.deepEqual(await poolsIn(shelf), [3, 4]);
    assert.deepEqual(await readdir(shelf), [idOf(3), idOf(4)]);
    assert.deepEqual(await trim(shelf, Number.POSITIVE_INFINITY), { pools: 0, bytes: 0 });
  });

  it("leaves what is in use, until it is not", async () => {
    const shelf = await shelfOf(3);
    const end = await usePool(join(shelf, idOf(0)));
    await backdate(join(shelf, idOf(0)), NOW_MS - 9 * HOUR_MS);
    assert.deepEqual(await trim(shelf, 0), { pools: 2, bytes: 2_000 });
    assert.deepEqual(await poolsIn(shelf), [0]);
    assert.equal(await removePool(shelf, idOf(0)), false);
    await end();
    await backdate(join(shelf, idOf(0)), NOW_MS - 9 * HOUR_MS);
    assert.deepEqual(await trim(shelf, 0), { pools: 1, bytes: 1_000 });
  });

  it("leaves what two use until both have ended", async () => {
    const shelf = await shelfOf(1);
    const dir = join(shelf, idOf(0));
    const [one, other] = [await usePool(dir), await usePool(dir)];
    await one();
    assert.equal(await removePool(shelf, idOf(0)), false);
    await other();
    assert.equal(await removePool(shelf, idOf(0)), true);
  });

  it("does not believe a use whose process is gone", async () => {
    const shelf = await shelfOf(1);
    const end = await usePool(join(shelf, idOf(0)));
    const [mark = ""] = await readdir(join(shelf, ".uses"));
    await end();
    // No process has a number as high as this.
    await writeFile(join(shelf, ".uses", mark.replace(/-\d+-/, "-4194305-")), "");
    await backdate(join(shelf, idOf(0)), NOW_MS - HOUR_MS);
    assert.deepEqual(await trim(shelf, 0), { pools: 1, bytes: 1_000 });
    assert.deepEqual(await readdir(join(shelf, ".uses")), []);
  });

  it("believes a use on another host", async () => {
    const shelf = await shelfOf(1);
    await mkdir(join(shelf, ".uses"));
    await writeFile(join(shelf, ".uses", `${idOf(0)}.otherhost-1-abcdef01`), "");
    assert.deepEqual(await trim(shelf, 0), { pools: 0, bytes: 0 });
  });

  it("neither removes nor counts what a person made or named", async () => {
    const shelf = await shelfOf(3);
    await namePool(join(shelf, idOf(0)));
    assert.deepEqual(await trim(shelf, 2_000), { pools: 0, bytes: 0 });
    assert.deepEqual(await trim(shelf, 0), { pools: 2, bytes: 2_000 });
    assert.deepEqual(await poolsIn(shelf), [0]);
  });

  it("leaves what was used within minutes: a run may not have said so yet", async () => {
    const shelf = await shelfOf(2);
    await backdate(join(shelf, idOf(0)), NOW_MS - 60_000);
    assert.deepEqual(await trim(shelf, 0), { pools: 1, bytes: 1_000 });
    assert.deepEqual(await poolsIn(shelf), [0]);
  });

  it("touches nothing that is no pool of a run, and follows no link", async () => {
    const shelf = await shelfOf(1);
    const elsewhere = join(await shelfOf(1), idOf(0));
    await mkdir(join(shelf, "my-events"));
    await writeFile(join(shelf, "my-events", "manifest.json"), "{}");
    await mkdir(join(shelf, "f".repeat(16)));
    await symlink(elsewhere, join(shelf, "e".repeat(16)));
    assert.deepEqual(await trim(shelf, 0), { pools: 1, bytes: 1_000 });
    assert.deepEqual((await readdir(shelf)).sort(), ["e".repeat(16), "f".repeat(16), "my-events"]);
    assert.equal((await readdir(elsewhere)).length, 2);
    assert.deepEqual(await trim(join(root, "none"), 0), { pools: 0, bytes: 0 });
  });

  it("counts each pool once where two trim at the same time", async () => {
    const shelf = await shelfOf(12);
    const both = await Promise.all([trim(shelf, 0), trim(shelf, 0)]);
    assert.equal(
      both.reduce((sum, { pools }) => sum + pools, 0),
      12,
    );
    assert.deepEqual(await readdir(shelf), []);
  });
});
