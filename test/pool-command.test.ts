import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { makePool } from "../src/node/pool/make.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";

const CLI = fileURLToPath(new URL("../bin/k6-nostr.mjs", import.meta.url));

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-serve-"));
  const mix = { view: 1 };
  await makePool({ dir: root, seed: "s", mix, events: 20, epoch: DEFAULT_EPOCH, workers: 1 });
});
after(() => rm(root, { recursive: true, force: true }));

describe("`pool serve`", () => {
  it("serves the frames at the URL that it prints, until it is stopped", async () => {
    const child = spawn(process.execPath, [CLI, "pool", "serve", root], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    try {
      const [line] = (await once(createInterface(child.stdout), "line")) as [string];
      const url = /-e POOL_URL=(http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}) /.exec(line)?.[1];
      assert.ok(url, line);
      assert.ok(line.includes(`-e POOL=${root} `), line);
      const answer = await fetch(`${url}/frames?from=0`);
      assert.equal(await answer.text(), await readFile(join(root, "frames.txt"), "utf8"));
    } finally {
      child.kill("SIGINT");
    }
    assert.deepEqual(await closed, [0, null]);
  });
});
