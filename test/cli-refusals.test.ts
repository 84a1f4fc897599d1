/** What the CLI refuses: exit code 2, one or two lines on stderr, nothing on stdout, nothing written. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CLI, type Ended, Lines, runProgram } from "./cli/lines.ts";

const RELAY = ["--relay", "ws://127.0.0.1:9"];
const HEX_KEY = "0123456789abcdef".repeat(4);
const NSEC = `nsec1${"q".repeat(58)}`;

let dir = "";
let lines: Lines;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-refusals-"));
  lines = new Lines();
});
after(async () => {
  await lines.close();
  await rm(dir, { recursive: true });
});

describe("the CLI refuses", () => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["constructor"], /unknown command `constructor`/],
    [["prefligth"], /unknown command `prefligth`; did you mean `preflight`\?/],
    [["pool", "verfy", "x"], /did you mean `verify`\?/],
    [["run"], /a scenario is required/],
    [["capacity"], /RELAY_URL \(--relay\) is required/],
    [["capacity", "--relay", "wss://relay.damus.io"], /public relay/],
    [["capacity", ...RELAY, "--rate", "5"], /`--rate` is set by the search for each trial/],
    [["capacity", ...RELAY, "--duration", "5"], /`--duration` is set by the search/],
    [["capacity", ...RELAY, "--pool", "x"], /POOL \(--pool\) is for a single run/],
    [["capacity", ...RELAY, "--audit"], /AUDIT \(--audit\) is for a single run/],
    [["capacity", ...RELAY, "--precision", "1%"], /a precision of 1 % is more than trials of 30 s/],
    [["capacity", ...RELAY, "--resume"], /--resume: there is no search in/],
    [["capacity", "fanout", ...RELAY, "--rate", "5"], /`--rate` is set by the search/],
    [
      ["capacity", "fanout", ...RELAY, "--scale", "subscribers", "--subscribers", "5"],
      /`--subscribers` is set by the search/,
    ],
    [
      ["capacity", ...RELAY, "--threshold", "nostr_delivery_time: p(99)<5"],
      /--threshold `nostr_delivery_time: p\(99\)<5`: `publish` has no deliveries/,
    ],
    [
      ["capacity", "connect", ...RELAY, "--mode", "recover"],
      /does not search with `--mode recover`/,
    ],
    [
      ["capacity", "connect", ...RELAY, "--mode", "storm", "--clients", "9"],
      /`--clients` is set by the search/,
    ],
    [["run", "playbak", ...RELAY], /scenario `playbak`; did you mean `playback`\?/],
    [["run", "publish", ...RELAY, "--dir", "/dev/null/x"], /REPORT_DIR.*got `\/dev\/null\/x`/],
    [["run", "publsh", ...RELAY], /scenario `publsh`/],
    [["run", "query", ...RELAY, "--rate", "5"], /`--rate` has no say in `query`.*\n.*--query-rate/],
    [["run", "publish"], /RELAY_URL \(--relay\) is required/],
    [["run", "publish", "--relay", "wss://relay.damus.io"], /public relay/],
    [["run", "publish", "--relay", "wss://RELAY.Damus.IO."], /public relay/],
    [["run", "publish", "--relay", "ws://8.8.8.8"], /public address/],
    [["run", "publish", "--relay", "ws://0x08080808"], /IPv4 address must be/],
    [["run", "publish", "--relay", "ws://[::ffff:8.8.8.8]"], /public address/],
    [["run", "publish", "--relay", "ws://relay.example.com"], /not a name of this machine/],
    [["run", "publish", "--relay", "ws://10.1.2.3"], /private address.*\n.*--allow-private/],
    [["run", "publish", "--relay", "http://127.0.0.1"], /ws:\/\/ or wss:\/\//],
    [["run", "publish", "--relay", "ws://me:hush@127.0.0.1"], /credentials/],
    [["run", "publish", ...RELAY, "--relay", "ws://8.8.8.8"], /refused `8\.8\.8\.8:80`/],
    [
      ["run", "publish", "--relay", "wss://relay.damus.io", "--allow-dedicated-relay", "damus.io"],
      /public relay/,
    ],
    [["run", "publish", ...RELAY, "--rate", "abc"], /RATE_EPS \(--rate\).*got `abc`/],
    [["run", "publish", ...RELAY, "--rate", "1e9"], /RATE_EPS/],
    [["run", "publish", ...RELAY, "--clients", "0"], /CLIENTS/],
    [["run", "publish", ...RELAY, "--duration=-1"], /DURATION_SEC/],
    [["run", "publish", ...RELAY, "--mix", "view:lots"], /MIX/],
    [["run", "publish", ...RELAY, "--mix", "song:1"], /MIX/],
    [["run", "publish", ...RELAY, "--arrival", "sometimes"], /ARRIVAL/],
    [["run", "publish", ...RELAY, "--threshold", "p95<1"], /THRESHOLDS/],
    [["run", "publish", ...RELAY, "--relay-pid", "me"], /RELAY_PID/],
    [["run", "publish", ...RELAY, "--relay-note", "x".repeat(301)], /RELAY_NOTE.*got 301/],
    [["run", "publish", ...RELAY, "--k6-out", "cloud"], /K6_OUT \(--k6-out\)/],
    [
      ["run", "publish", ...RELAY, "--k6-out", "prometheus=http://8.8.8.8:9090/"],
      /refused `8\.8\.8\.8:9090`/,
    ],
    [["run", "publish", ...RELAY, "--dry"], /unknown flag `--dry`/],
    [
      ["run", "publish", ...RELAY, "--report-dir", "/dev/null/x"],
      /REPORT_DIR.*got `\/dev\/null\/x`/,
    ],
    [["run", "publish", ...RELAY, "--epoch", "yesterday"], /EPOCH \(--epoch\).*got `yesterday`/],
    [["run", "publish", ...RELAY, "--epoch", "12"], /EPOCH \(--epoch\).*ten digits/],
    [
      ["run", "publish", ...RELAY, "--epoch", "now", "--events", "x"],
      /EPOCH \(--epoch\) is for a pool that is made; leave it out with EVENTS/,
    ],
    [["run", "publish", ...RELAY, "--pools-limit", "much"], /POOLS_LIMIT_MB/],
    [["run", "publish", ...RELAY, "--events", "x", "--repeat", "3"], /EVENTS.*duplicates/],
    [
      ["run", "publish", ...RELAY, "--events", "many.jsonl", "--mix", "view:1"],
      /EVENTS \(--events\).*as they are; leave out MIX \(--mix\)/,
    ],
    [["run", "publish", ...RELAY, "--pool", "nowhere"], /no pool at `nowhere`/],
    [["run", "publish", ...RELAY, "--clients", "3"], /can't be reached: ECONNREFUSED/],
    [["preflight", "--relay", "gopher://x"], /ws:\/\/ or wss:\/\//],
    [["pool", "--events", "many"], /--events/],
    [
      ["pool", "--events", "many", "--mix", "view:1", "--seed", "7"],
      /events are taken as they are; leave out --mix, --seed/,
    ],
    [["relay", "--port", "70000"], /--port/],
    // Keys: whatever the option, the message names it and not the key.
    [["run", "publish", ...RELAY, "--seed", NSEC], /secret key/],
    [["run", "publish", ...RELAY, "--seed", HEX_KEY], /secret key/],
    [["run", "publish", "--relay", `ws://127.0.0.1:9/${HEX_KEY}`], /RELAY_URL.* secret key/],
    [["run", "publish", ...RELAY, `--mix=${NSEC}`], /secret key/],
    [["run", "publish", ...RELAY, `--${NSEC}`], /secret key/],
    [["run", "publish", ...RELAY, "--pool", `pools/${NSEC}`], /secret key/],
    [["pool", "--seed", HEX_KEY], /secret key/],
    [[NSEC], /secret key/],
  ];
  for (const [args, message] of cases) {
    const shown = args.join(" ").replaceAll(NSEC, "nsec1…").replaceAll(HEX_KEY, "<64 hex>");
    it(shown, async () => assertRefusal(await runCli(args), message));
  }

  const variables: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ RELAY_URL: "wss://nos.lol" }, /public relay/],
    [{ RATE_EPS: "fast" }, /RATE_EPS/],
    [{ SEED: HEX_KEY }, /SEED.* secret key/],
    [{ REPORT_DIR: HEX_KEY }, /REPORT_DIR.* secret key/],
    [{ DRY_RUN: "perhaps" }, /DRY_RUN/],
  ];
  for (const [environment, message] of variables) {
    const shown = JSON.stringify(environment).replaceAll(HEX_KEY, "<64 hex>");
    it(`run publish with ${shown}`, async () => {
      const given = { RELAY_URL: "ws://127.0.0.1:9", ...environment };
      assertRefusal(await runCli(["run", "publish"], given), message);
    });
  }

  // Wiring: what the process itself gives.
  for (const [args, message] of [
    [["constructor"], /unknown command `constructor`/],
    [["run", "publish", "--relay", "wss://relay.damus.io"], /public relay/],
    [["run", "publish", ...RELAY, "--clients", "3"], /can't be reached: ECONNREFUSED/],
  ] as const) {
    it(`${args.join(" ")}, as a program of its own`, async () => {
      assertRefusal(await startProgram([process.execPath, CLI, ...args]), message);
    });
  }

  it("and writes nothing while it does", async () => {
    assert.deepEqual(await readdir(dir), []);
  });
});

describe("the dry run", () => {
  const args = ["run", "publish", "--dry-run", "--relay", "ws://relay.test:7777/box?token=hush"];

  it("prints the plan and the k6 command, and writes nothing", async () => {
    const { code, stdout, stderr } = await runCli([...args, "--seed", "7", "--rate", "20"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /nothing is sent, resolved or written/);
    assert.match(stdout, /relay\.test:7777 .*candidate by text/);
    assert.match(stdout, /k6 run --quiet .*--blacklist-ip .*publish\.js/);
    assert.match(stdout, /known once the pool is made/);
    assert.doesNotMatch(stdout, /hush|box|\d ms (?:p\d|response)|p95 \d/);
    assert.deepEqual(await readdir(dir), []);
  });

  it("refuses by text what a run would refuse", async () => {
    assertRefusal(await runCli([...args, "--relay", "wss://nos.lol"]), /public relay/);
  });

  const hasStrace = spawnSync("strace", ["-f", "-e", "trace=network", "true"]).status === 0;
  const skip = hasStrace ? false : "strace is missing, or may not trace";
  it("opens no socket but local ones, and resolves nothing", { skip }, async () => {
    const log = join(tmpdir(), `k6-nostr-strace-${process.pid}`);
    const strace = ["strace", "-f", "-qq", "-e", "trace=network,openat", "-o", log];
    const { code, stderr } = await startProgram([...strace, process.execPath, CLI, ...args]);
    const calls = (await readFile(log, "utf8")).split("\n");
    await rm(log);
    assert.equal(code, 0, stderr);
    const network = calls.filter((call) => /\b(?:socket|connect|send\w*|bind)\(/.test(call));
    const foreign = network.filter((call) => /AF_INET|AF_NETLINK|sin_port|sin6_port/.test(call));
    assert.deepEqual(foreign, []);
    // What getaddrinfo reads first; `resolv.conf` is read when Node's resolver is loaded, asked or not.
    const resolver = calls.filter((call) => call.includes('"/etc/hosts"'));
    assert.deepEqual(resolver, []);
  });
});

function assertRefusal({ code, stdout, stderr }: Ended, message: RegExp): void {
  assert.equal(code, 2, `${stdout}\n${stderr}`);
  assert.match(stderr, message);
  assert.equal(stdout, "");
  // A run that got as far as the gate has said so in a line before.
  const lines = stderr.trimEnd().split("\n");
  const own = lines.filter((line) => !/^(?:relay|pool|generator|advice) {2,}/.test(line));
  assert.ok(own.length >= 1 && own.length <= 2, stderr);
  assert.match(own[0] ?? "", /^k6-nostr: /);
  assert.doesNotMatch(stderr, /\n\s+at |node:internal/);
  assert.ok(!/nsec1q|0123456789abcdef|hush/i.test(stderr), stderr);
}

function runCli(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return lines.run({ words, cwd: dir, environment: { ...surroundings(), ...variables } });
}

function startProgram(words: readonly string[]): Promise<Ended> {
  return runProgram(words, { cwd: dir, environment: surroundings() });
}

function surroundings(): Readonly<Record<string, string>> {
  const { HOME = "", PATH = "" } = process.env;
  return { HOME, PATH };
}
