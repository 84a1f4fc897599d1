/**
 * A relay on a public address is loaded with its owner's proof, and not without, by the CLI and by a
 * bundle that is started by hand with a forged environment. All of it happens in a network namespace.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildBundles } from "../../build/bundle.ts";
import { parseMix } from "../../src/events/mix.ts";
import { makePool } from "../../src/node/pool/make.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { DEFAULT_EPOCH } from "../../src/pool/plan.ts";
import { PROGRAM } from "../cli/program.ts";

const RELAY = fileURLToPath(new URL("public-relay.ts", import.meta.url));
/** An address that exists in the namespace only, and goes nowhere from it. */
const ADDRESS = "ip link set lo up && ip addr add 8.8.8.8/32 dev lo";
/** And there a local name resolves to it, as if its answer had changed since it was judged. */
const ANSWER = "mount --bind hosts /etc/hosts";
const SETUP = `${ADDRESS} && ${ANSWER} && exec "$@"`;
const PROOF = "host: 8.8.8.8\nuntil: 2999-12-31\nmax-rate: 50\nmax-connections: 5\n";

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly handshakes: number;
}

let dir = "";
let k6 = "";
let script = "";

before(async () => {
  k6 = (await ensureK6({ env: process.env, onNote: () => {} })).path;
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-dedicated-"));
  script = join(await buildBundles(join(dir, "dist")), "publish.js");
  await writeFile(join(dir, "hosts"), "8.8.8.8 relay.test\n127.0.0.1 localhost\n");
  const mix = parseMix("view:1");
  await makePool({ dir: join(dir, "pool"), seed: "guard", mix, events: 200, epoch: DEFAULT_EPOCH });
});
after(() => rm(dir, { recursive: true, force: true }));

const skip = mayMakeNamespace() ? false : "this system lets us make no network namespace";

describe("a relay on a public address", { skip }, () => {
  it("is loaded by the CLI with its owner's proof", async () => {
    const { output, handshakes } = await byCli(PROOF);
    assert.match(output, /the owner of `8\.8\.8\.8` allows it until 2999-12-31/);
    assert.match(output, /10 scheduled, 10 sent, 10 accepted/);
    assert.ok(handshakes >= 2, output);
  });

  it("is loaded by a bundle that was told its address, with the proof, which k6 fetches", async () => {
    const { output, handshakes } = await byHand(PROOF);
    assert.match(output, /10 scheduled, 10 sent, 10 accepted/);
    assert.equal(handshakes, 2);
  });

  const refusals: readonly (readonly [string, string, Record<string, string>, RegExp])[] = [
    ["no proof", "", {}, /serves no proof/],
    ["a redirect to a proof", "302", {}, /serves no proof/],
    ["the proof of another host", PROOF.replace("8.8.8.8", "8.8.4.4"), {}, /names `8\.8\.4\.4`/],
    ["a proof of the past", PROOF.replace("2999", "2025"), {}, /ended on 2025-12-31/],
    [
      "a plan above the proof's rate",
      PROOF,
      { RATE_EPS: "60" },
      /allows 50 events or queries a second/,
    ],
    ["a plan above its connections", PROOF, { CLIENTS: "6" }, /allows 5 connections/],
    ["a proof, but no option", PROOF, { ALLOW_DEDICATED_RELAY: "" }, /public address/],
  ];
  for (const [what, proof, variables, reason] of refusals) {
    it(`is not connected to by the CLI with ${what}`, async () => {
      const { code, output, handshakes } = await byCli(proof, variables);
      assert.equal(code, 2, output);
      assert.match(output, reason);
      assert.equal(handshakes, 0);
    });

    it(`is not connected to by a bundle with ${what} and a forged environment`, async () => {
      const { code, output, handshakes } = await byHand(proof, variables);
      assert.notEqual(code, 0, output);
      assert.match(output, /refused:/);
      assert.match(output, reason);
      assert.equal(handshakes, 0);
    });
  }
});

describe("a name that resolves to a public address when k6 dials", { skip }, () => {
  const judged = { ALLOW_DEDICATED_RELAY: "", RELAY_URL: "ws://relay.test:7777" };
  it("is blocked at the dial", async () => {
    const { output, handshakes } = await byHand(PROOF, { ...judged, ALLOWED_ADDRESSES: "" });
    assert.match(output, /10 scheduled, 0 sent/);
    assert.equal(handshakes, 0);
  });

  it("is dialled where it was pinned", async () => {
    const pinned = { ALLOWED_ADDRESSES: "127.0.0.1", HOSTS: "relay.test=127.0.0.1" };
    const { output, handshakes } = await byHand(PROOF, { ...judged, ...pinned });
    assert.match(output, /10 scheduled, 0 sent/);
    assert.equal(handshakes, 0);
  });

  it("is refused by the CLI, which asks before it dials", async () => {
    const { code, output, handshakes } = await byCli(PROOF, judged);
    assert.equal(code, 2, output);
    assert.match(output, /`relay\.test` resolves to a public address/);
    assert.equal(handshakes, 0);
  });
});

function byCli(proof: string, variables: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const args = [PROGRAM, "run", "publish", "--no-calibrate", "--force"];
  return inNamespace(proof, [process.execPath, ...args], variables);
}

function byHand(proof: string, variables: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const forged = { ALLOWED_ADDRESSES: "8.8.8.8", PROOF_CHECKED: "1", ...variables };
  return inNamespace(proof, [k6, "run", "--quiet", "--no-usage-report", script], forged);
}

async function inNamespace(
  proof: string,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const { HOME = "", PATH = "" } = process.env;
  const env = {
    HOME,
    PATH: `${dirname(k6)}${delimiter}${PATH}`,
    RELAY_URL: "ws://8.8.8.8:7777",
    ALLOW_DEDICATED_RELAY: "8.8.8.8",
    POOL: join(dir, "pool"),
    REPORT_DIR: dir,
    CLIENTS: "2",
    RATE_EPS: "10",
    DURATION_SEC: "1",
    ACK_TIMEOUT_MS: "500",
    ...variables,
  };
  const relay = [process.execPath, "--import", import.meta.resolve("tsx"), RELAY];
  const words = ["-n", "-m", "sh", "-c", SETUP, "sh", ...relay, proof, ...command];
  const { stdout } = await promisify(execFile)("unshare", words, {
    cwd: dir,
    env,
    timeout: 60_000,
  });
  return JSON.parse(stdout) as Outcome;
}

function mayMakeNamespace(): boolean {
  try {
    execFileSync(
      "unshare",
      ["-n", "-m", "sh", "-c", `${ADDRESS} && mount --bind /etc/hosts /etc/hosts`],
      { stdio: "ignore" },
    );
    return true;
  } catch {
    // No such program, or not allowed.
    return false;
  }
}
