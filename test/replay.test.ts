import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { finalizeEvent, generateSecretKey } from "nostr-tools/pure";
import { ConfigError } from "../src/errors.ts";
import { inspectPool } from "../src/node/pool/inspect.ts";
import { replayFile } from "../src/node/pool/replay.ts";
import { verifyPool } from "../src/node/pool/verify.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-replay-"));
});
after(() => rm(root, { recursive: true, force: true }));

const secret = generateSecretKey();
function sign(kind: number, content = "é😀"): Record<string, unknown> {
  const { id, pubkey, created_at, tags, sig } = finalizeEvent(
    { kind, created_at: 1_700_000_000 + kind, tags: [["t", "x"]], content },
    secret,
  );
  return { content, kind, created_at, tags, sig, pubkey, id };
}

async function replay(name: string, lines: readonly string[]) {
  const file = join(root, `${name}.jsonl`);
  await writeFile(file, lines.join("\n"));
  return await replayFile({ file, root: join(root, name), workers: 1 });
}

describe("replayFile", () => {
  it("takes events and frames as they are, drops duplicates, leaves out what must not be sent again", async () => {
    const own = [1, 7, 30_023].map((kind) => sign(kind));
    const lines = [
      JSON.stringify(own[0]),
      JSON.stringify(["EVENT", own[1]]),
      "",
      JSON.stringify(own[0]),
      JSON.stringify(sign(62)),
      `${JSON.stringify(own[2])}\r`,
    ];
    const { dir, manifest, replayed } = await replay("sound", lines);
    assert.deepEqual(replayed, { taken: 3, duplicates: 1, leftOut: 1 });
    assert.deepEqual(manifest.types, ["kind-1", "kind-7", "kind-30023"]);
    const frames = (await readFile(join(dir, "frames.txt"), "utf8")).trimEnd().split("\n");
    assert.deepEqual(
      frames.map((line) => line.slice(0, 3)),
      ["a00", "b00", "c00"],
    );
    assert.deepEqual(
      frames.map((line) => JSON.parse(line.slice(3))[1]),
      own,
    );
    assert.equal((await verifyPool(dir)).signaturesChecked, 3);
    assert.match(await inspectPool(dir), /replayed from a file[\s\S]*kind-30023[\s\S]*addressable/);
    assert.equal(
      (await replayFile({ file: join(root, "sound.jsonl"), root: join(root, "sound") })).made,
      false,
    );
  });

  it("refuses broken lines by their numbers, the first ten of them, and leaves nothing behind", async () => {
    const sound = JSON.stringify(sign(1));
    const forged = JSON.stringify({ ...sign(1), content: "other" });
    const unsigned = JSON.stringify({ ...sign(1), sig: "0".repeat(128) });
    const broken = [sound, "{", forged, sound, unsigned, ...Array(9).fill('{"kind":1}')];
    await assert.rejects(replay("broken", broken), (error: unknown) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.match(error.message, /^12 of 14 lines of `broken.jsonl` are broken/);
      assert.match(error.message, /line 2: not JSON.*\n {2}line 3: .*id.*\n {2}line 5: .*sig/);
      assert.match(error.message, /line 12: no event[^\n]*\n {2}and 2 more$/);
      return true;
    });
    assert.deepEqual(await readdir(join(root, "broken")), []);
  });

  it("refuses an event with an empty tag, and one too large to verify, by what is wrong with them", async () => {
    const empty = JSON.stringify({ ...sign(1), tags: [["t", "x"], []] });
    const large = JSON.stringify(sign(1, "x".repeat(2_000_000)));
    await assert.rejects(replay("odd", [empty, large]), (error: unknown) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.match(error.message, /line 1: no event with/);
      assert.match(error.message, /line 2: an event of 2000\d{3} bytes, which can't be verified/);
      return true;
    });
  });

  it("shows a pool whose events name a time that no calendar has", async () => {
    const event = finalizeEvent({ kind: 1, created_at: 2 ** 50, tags: [], content: "" }, secret);
    const { dir } = await replay("late", [JSON.stringify(event)]);
    assert.match(
      await inspectPool(dir),
      /created_at from 1125899906842624 s to 1125899906842624 s/,
    );
  });

  it("gives what is beyond 25 kinds one type", async () => {
    const { manifest } = await replay(
      "kinds",
      Array.from({ length: 28 }, (_, i) => JSON.stringify(sign(i + 1))),
    );
    assert.equal(manifest.types.length, 26);
    assert.equal(manifest.perType.other?.events, 3);
  });

  it("says that a file is missing or empty", async () => {
    await assert.rejects(
      replayFile({ file: join(root, "none"), root }),
      /`none`, which can't be read: ENOENT/,
    );
    await assert.rejects(replay("empty", [""]), /holds no events/);
  });
});
