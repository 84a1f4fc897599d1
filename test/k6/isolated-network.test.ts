/**
 * What `INTERNAL_NETWORK=1` opens, in a network namespace that looks like a container of an internal network: one
 * private network, no way out, a relay with a single label. With a way out it opens nothing.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { publishOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import type { Compose } from "../compose/promises.ts";
import { run } from "../compose/shell.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NETWORK = [
  "ip link set lo up",
  "ip link add eth0 type veth peer name other",
  "ip addr add 172.30.9.2/24 dev eth0",
  "ip link set other up",
  "ip link set eth0 up",
].join(" && ");
/** Relay and meter as their containers start them; their health checks say when they are there. */
const CHECKS = [
  ["deploy/relays/embedded/service.yml", "relay"],
  ["docker-compose.yml", "meter"],
] as const;
const RELAY = `
  node "$ROOT/bin/k6-nostr.mjs" relay --port 7777 --file :memory: & relay=$!
  (cd "$ROOT" && exec node --import tsx deploy/load/relay-meter.ts $relay 9779) & meter=$!
  trap 'kill $relay $meter; wait' EXIT
  until node "$ROOT/deploy/load/relay-health.mjs" 7777; do kill -0 $relay; done
  ${CHECKS.map(([file, service]) => `until HOSTNAME=relay bash -c '${checkOf(file, service)}'; do kill -0 $meter; done`).join("\n")}
`;
/** Ends all that was started in it when it is ended. */
const ALONE = ["unshare", "-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc", "sh", "-c"];

let dir = "";

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-isolated-"));
  await writeFile(join(dir, "hosts"), "127.0.0.1 localhost\n172.30.9.2 relay\n");
});

after(() => rm(dir, { recursive: true, force: true }));

describe("a single label", { skip: canMakeNetworks() ? false : "no networks to be had" }, () => {
  it("is loaded in a network without a way out, and its meter read", async () => {
    const { code, output } = await load({ INTERNAL_NETWORK: "1" }, RELAY);
    const file = (await readdir(dir)).find((name) => /^load-report-.*\.json$/.test(name));
    assert.ok(file, output);
    const report = JSON.parse(await readFile(join(dir, file), "utf8")) as Report;
    assert.equal(code, report.generator.verdict === "invalid" ? 3 : 0, output);
    assert.match(output, /`relay` is in this isolated network/);
    assert.equal(publishOf(report).totals.accepted, 40);
    assert.equal(report.resources?.relayProcess, "as its metrics at `relay:9779` say");
    const relay = report.resources.samples.filter(({ process }) => process === "relay");
    assert.ok(relay.some(({ rssBytes, openFiles }) => rssBytes && openFiles));
  });

  for (const [where, environment, route] of [
    ["without the variable", {}, ""],
    ["in a network with a way out", { INTERNAL_NETWORK: "1" }, "ip route add default dev eth0"],
  ] as const) {
    it(`is refused ${where}`, async () => {
      const { code, output } = await load(environment, route);
      assert.equal(code, 2, output);
      assert.match(output, /refused `relay:7777`: `relay` resolves to a private address/);
    });
  }
});

/** What the command line says to `relay`, after `preparation` in the namespace. */
function load(environment: Readonly<Record<string, string>>, preparation: string) {
  const script = `
    set -e
    ${NETWORK}
    mount --bind "$DIR/hosts" /etc/hosts
    ${preparation}
    node "$ROOT/bin/k6-nostr.mjs" run publish
  `;
  const env = {
    INTERNAL_NETWORK: "",
    ...environment,
    DIR: dir,
    ROOT,
    RELAY_URL: "ws://relay:7777",
    RELAY_METRICS: "http://relay:9779/metrics",
    REPORT_DIR: dir,
    CLIENTS: "2",
    RATE_EPS: "20",
    DURATION_SEC: "2",
    SEED: "isolated",
    NO_CALIBRATE: "1",
  };
  return run([...ALONE, script], { cwd: dir, env, limitMs: 120_000 });
}

/** The words that compose gives bash, `$$` being one `$` of them. */
function checkOf(file: string, service: string): string {
  const { services } = parse(readFileSync(join(ROOT, file), "utf8"), { merge: true }) as Compose;
  const [cmd, shell, flag, words = ""] = services[service]?.healthcheck?.test ?? [];
  assert.deepEqual([cmd, shell, flag], ["CMD", "bash", "-c"]);
  return words.replaceAll("$$", "$");
}

function canMakeNetworks(): boolean {
  try {
    execFileSync("unshare", [...ALONE.slice(1), NETWORK], { stdio: "ignore" });
    return true;
  } catch {
    // No root, or a kernel without them.
    return false;
  }
}
