/**
 * The guard under the real k6: whatever weakens it aborts the run before a connection is made. A
 * listener on loopback counts connections, and must stay silent. Where a public address is named, k6
 * runs in a network namespace in which nothing but loopback exists.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { buildBundles } from "../../build/bundle.ts";
import { parseMix } from "../../src/events/mix.ts";
import { makePool } from "../../src/node/pool/make.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { DEFAULT_EPOCH } from "../../src/pool/plan.ts";
import { PROGRAM } from "../cli/program.ts";
import { k6ByHand, runWith } from "./cli.ts";

const hasNamespaces = canUnshare();

let dir = "";
let k6 = "";
let script = "";
let listener: Server;
let connections = 0;
let url = "";

before(async () => {
  k6 = (await ensureK6({ env: process.env, onNote: () => {} })).path;
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-guard-"));
  script = join(await buildBundles(join(dir, "dist")), "publish.js");
  const mix = parseMix("view:1");
  await makePool({ dir: join(dir, "pool"), seed: "guard", mix, events: 200, epoch: DEFAULT_EPOCH });
  // It takes connections and says nothing: whoever comes has come too far.
  listener = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  url = `ws://127.0.0.1:${(listener.address() as AddressInfo).port}`;
});

after(async () => {
  listener.close();
  await rm(dir, { recursive: true, force: true });
});

describe("a bundle started by hand", () => {
  it("connects when nothing weakens its guard", async () => {
    connections = 0;
    const { output } = await byHand({});
    assert.ok(connections > 0, output);
    assert.doesNotMatch(output, /refused:/);
  });

  const blocks = ["--blacklist-ip", "10.0.0.0/8"];
  const halfOf = (segment: string) => [
    ...["--execution-segment", segment],
    ...["--execution-segment-sequence", "0,1/2,1"],
  ];
  const weakened: readonly (readonly [
    string,
    Record<string, string>,
    readonly string[],
    RegExp,
  ])[] = [
    ["an empty K6_BLACKLIST_IPS", { K6_BLACKLIST_IPS: "" }, [], /blacklistIPs/],
    ["another K6_BLACKLIST_IPS", { K6_BLACKLIST_IPS: "10.0.0.0/8" }, [], /blacklistIPs/],
    ["--blacklist-ip", {}, blocks, /blacklistIPs/],
    ["K6_HOSTS", { K6_HOSTS: '{"localhost":"127.0.0.1"}' }, [], /K6_HOSTS/],
    ["HTTP_PROXY", { HTTP_PROXY: "URL" }, [], /HTTP_PROXY/],
    ["HTTPS_PROXY", { HTTPS_PROXY: "URL" }, [], /HTTPS_PROXY/],
    ["a proxy, exempted by -e", { http_proxy: "URL" }, ["-e", "NO_PROXY=*"], /http_proxy/],
    ["a hidden environment", {}, ["--include-system-env-vars=false"], /environment is hidden/],
    ["--vus", {}, ["--vus", "2", "--iterations", "2"], /scenarios were replaced/],
    ["--duration", {}, ["--duration", "2s"], /scenarios were replaced/],
    ["K6_VUS", { K6_VUS: "2", K6_DURATION: "2s" }, [], /scenarios were replaced/],
    ["the first half of a test", {}, halfOf("0:1/2"), /the segment 0:1\/2 of the test/],
    // It has no VU.
    ["the second half of a test", {}, halfOf("1/2:1"), /the segment 1\/2:1 of the test/],
    ["two instances and no part", { INSTANCES: "2" }, [], /it would send the whole plan/],
    [
      "a part without the sequence of parts",
      { INSTANCES: "2" },
      ["--execution-segment", "0:1/2"],
      /shares would overlap/,
    ],
    [
      "the part of another",
      { INSTANCES: "2", INSTANCE: "1" },
      halfOf("0:1/2"),
      /of instance 0, and/,
    ],
    ["a pod's number and no number of pods", { JOB_COMPLETION_INDEX: "1" }, [], /from 0 to 0/],
    ["no certificates", { K6_INSECURE_SKIP_TLS_VERIFY: "true" }, [], /certificates/],
  ];
  for (const [what, environment, args, reason] of weakened) {
    it(`opens no socket with ${what}`, async () => {
      connections = 0;
      const values = Object.entries(environment).map(([name, value]) => [
        name,
        value === "URL" ? url.replace("ws:", "http:") : value,
      ]);
      const { code, output } = await byHand(Object.fromEntries(values), args);
      assert.equal(connections, 0, output);
      assert.notEqual(code, 0, output);
      assert.match(output, reason);
    });
  }

  const refused: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ["ws://8.8.8.8", {}, /public address/],
    ["wss://relay.damus.io", {}, /public relay/],
    ["ws://10.1.2.3", {}, /private address/],
    ["ws://example.com", {}, /not a name of this machine/],
    ["ws://8.8.8.8", { ALLOWED_ADDRESSES: "8.8.8.8", PROOF_CHECKED: "1" }, /public address/],
    ["ws://127.0.0.1", { ALLOWED_ADDRESSES: "8.8.8.8,127.0.0.1" }, /not an address to be dialled/],
    ["ws://127.0.0.1", { ALLOWED_ADDRESSES: "0.0.0.0/0" }, /not an address to be dialled/],
    [
      "ws://relay.test",
      { ALLOWED_ADDRESSES: "8.8.8.8", HOSTS: "relay.test=8.8.8.8", PROOF_CHECKED: "1" },
      /public address/,
    ],
    [
      "wss://relay.damus.io",
      {
        ALLOW_DEDICATED_RELAY: "relay.damus.io",
        ALLOWED_ADDRESSES: "8.8.8.8",
        HOSTS: "relay.damus.io=8.8.8.8",
        PROOF_CHECKED: "1",
      },
      /public relay/,
    ],
    [
      "ws://relay:7777",
      {
        INTERNAL_NETWORK: "1",
        ALLOWED_ADDRESSES: "172.18.0.2",
        HOSTS: "relay=172.18.0.2",
      },
      /INTERNAL_NETWORK=1 opens nothing here: the command line found no isolated network/,
    ],
    // All forged, and the relay's host serves no proof: here nothing answers at all.
    [
      "ws://8.8.8.8:7777",
      { ALLOW_DEDICATED_RELAY: "8.8.8.8", ALLOWED_ADDRESSES: "8.8.8.8", PROOF_CHECKED: "1" },
      /serves no proof/,
    ],
  ];
  const skip = hasNamespaces ? false : "this system lets us make no network namespace";
  for (const [relay, environment, reason] of refused) {
    const forged = Object.keys(environment).join(", ");
    it(`refuses ${relay}${forged && ` with ${forged}`}`, { skip }, async () => {
      const { code, output } = await byHand({ RELAY_URL: relay, ...environment }, [], true);
      assert.notEqual(code, 0, output);
      assert.match(output, /refused:/);
      assert.match(output, reason);
    });
  }
});

describe("a bundle started by the CLI", () => {
  it("is intact whatever the environment around the CLI says", async () => {
    connections = 0;
    const proxy = url.replace("ws:", "http:");
    const { output } = await byCli({
      K6_BLACKLIST_IPS: "",
      K6_HOSTS: '{"localhost":"8.8.8.8"}',
      K6_VUS: "9",
      K6_DURATION: "1h",
      HTTP_PROXY: proxy,
      HTTPS_PROXY: proxy,
      ALLOWED_ADDRESSES: "8.8.8.8",
      INTERNAL_NETWORK: "1",
    });
    assert.ok(connections > 0, output);
    assert.match(output, /verdict +INVALID/);
  });

  it("is not started for a relay that is refused", async () => {
    connections = 0;
    const { code, output } = await byCli({ RELAY_URL: `ws://8.8.8.8,${url}` });
    assert.equal(code, 2);
    assert.match(output, /^k6-nostr: refused `8\.8\.8\.8:80`/);
    assert.equal(connections, 0);
  });
});

/** k6 itself with the bundle; `alone`: in a network namespace with nothing but loopback. */
function byHand(
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  alone = false,
) {
  const own = { ...planVariables(), RELAY_URL: url, ...environment };
  // Without the system's environment the script has what `-e` gives.
  const given = args.includes("--include-system-env-vars=false")
    ? Object.entries(own).flatMap(([name, value]) => ["-e", `${name}=${value}`])
    : [];
  const words = k6ByHand(k6, ...args, ...given, script);
  return start(
    alone ? ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", ...words] : words,
    own,
  );
}

function byCli(environment: Readonly<Record<string, string>>) {
  const words = [process.execPath, PROGRAM, "run", "publish", "--force", "--no-calibrate"];
  return start(words, { ...planVariables(), RELAY_URL: url, ...environment });
}

function planVariables(): Record<string, string> {
  return {
    POOL: join(dir, "pool"),
    REPORT_DIR: join(dir, "reports"),
    CLIENTS: "2",
    RATE_EPS: "10",
    DURATION_SEC: "1",
    ACK_TIMEOUT_MS: "200",
  };
}

async function start(words: readonly string[], environment: Readonly<Record<string, string>>) {
  const { exitCode: code, stdout, stderr } = await runWith({ dir, k6 }, words, environment);
  return { code, output: stdout + stderr };
}

function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["-n", "sh", "-c", "ip link set lo up"], { stdio: "ignore" });
    return true;
  } catch {
    // No such program, or not allowed: the tests that need it say so.
    return false;
  }
}
