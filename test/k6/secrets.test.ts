/**
 * Path and query of a relay's URL may be secrets: nothing that a run prints or writes holds them, and
 * neither does a command line that other users of the machine can read.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { PROGRAM } from "../cli/program.ts";
import { type Behaviour, startFaultyRelay } from "../faulty-relay/relay.ts";

const SECRET = /secret-path|token|abc123/;
const PATH_AND_QUERY = "/secret-path?token=abc123";

let path = "";
let dir = "";
before(async () => {
  const k6 = await ensureK6({ env: process.env, onNote: () => {} });
  path = `${dirname(k6.path)}${delimiter}${process.env.PATH ?? ""}`;
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-hush-"));
});
after(() => rm(dir, { recursive: true, force: true }));

const behaviours: readonly (readonly [string, Behaviour, force: boolean])[] = [
  ["a relay that takes everything", {}, true],
  ["a relay that refuses handshakes", { handshake: () => 429 }, true],
  ["a relay that cuts handshakes", { handshake: () => "reset" }, true],
  ["a relay that refuses the preflight's handshake", { handshake: () => 429 }, false],
];

describe("the path of a relay's URL is nowhere to be read after a run against", () => {
  for (const [what, behaviour, force] of behaviours) {
    it(what, async () => {
      const relay = await startFaultyRelay(behaviour);
      try {
        await assertHushed(`${relay.url}${PATH_AND_QUERY}`, force);
      } finally {
        await relay.stop();
      }
    });
  }

  it("a port where nobody listens", async () => {
    const relay = await startFaultyRelay({});
    await relay.stop();
    await assertHushed(`${relay.url}${PATH_AND_QUERY}`, true);
  });

  it("an address that is refused", () => assertHushed(`ws://8.8.8.8${PATH_AND_QUERY}`, false));
});

async function assertHushed(url: string, force: boolean): Promise<void> {
  const { output, commandLines } = await run(url, force);
  assert.doesNotMatch(output, SECRET);
  for (const line of commandLines) assert.doesNotMatch(line, SECRET);
  const isRun = force;
  assert.equal(commandLines.length > 0, isRun, output);
  let files = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const name = join(entry.parentPath, entry.name);
    assert.doesNotMatch(await readFile(name, "utf8"), SECRET, name);
    files++;
  }
  if (isRun) assert.ok(files > 0);
}

/** Runs the CLI with the URL in its environment; gives what it printed and the command lines of its k6. */
function run(url: string, force: boolean): Promise<{ output: string; commandLines: string[] }> {
  const { HOME = "" } = process.env;
  const env = {
    HOME,
    PATH: path,
    RELAY_URL: url,
    CLIENTS: "2",
    RATE_EPS: "10",
    DURATION_SEC: "1",
    ACK_TIMEOUT_MS: "200",
    SEED: "hush",
    ...(force ? { FORCE: "1" } : {}),
  };
  const args = [PROGRAM, "run", "publish", "--no-calibrate"];
  const child = spawn(process.execPath, args, { cwd: dir, env, stdio: "pipe" });
  const commandLines = new Set<string>();
  const watch = setInterval(async () => {
    for (const line of await childrenOf(child.pid ?? 0)) commandLines.add(line);
  }, 20);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      clearInterval(watch);
      const isK6 = (line: string) => /k6\0run\0/.test(line);
      resolve({ output, commandLines: [...commandLines].filter(isK6) });
    });
  });
}

async function childrenOf(pid: number): Promise<string[]> {
  try {
    const pids = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    const lines = pids
      .trim()
      .split(" ")
      .map((child) => readFile(`/proc/${child}/cmdline`, "utf8"));
    return await Promise.all(lines);
  } catch {
    // Ended in between.
    return [];
  }
}
