import assert from "node:assert/strict";
import { test } from "node:test";
import { type GuardPolicy, judgeAddresses, judgeByText } from "../src/guard/guard.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { resolveTarget } from "../src/node/guard/resolve.ts";

const STRICT: GuardPolicy = { allowPrivate: false };
const PRIVATE: GuardPolicy = { allowPrivate: true };
const INTERNAL: GuardPolicy = {
  allowPrivate: false,
  isolation: { status: "isolated", networks: ["172.18.0.0/16", "fd00:1::/64"] },
};
const NOT_ISOLATED: GuardPolicy = {
  allowPrivate: false,
  isolation: { status: "open", reason: "a route leads out" },
};
const DEDICATED: GuardPolicy = { allowPrivate: false, dedicatedHost: "relay.example.com" };

type Case = readonly [
  host: string,
  addresses: readonly string[],
  policy: GuardPolicy,
  status: string,
  reason: RegExp,
];

const CASES: readonly Case[] = [
  ["localhost", ["127.0.0.1", "::1"], STRICT, "allowed", /loopback/],
  ["localhost", ["10.0.0.1"], PRIVATE, "refused", /must be this machine/],
  ["localhost", ["8.8.8.8"], PRIVATE, "refused", /public/],
  ["a.localhost", ["192.168.0.1"], INTERNAL, "refused", /must be this machine/],
  ["relay", ["127.0.0.1"], STRICT, "allowed", /loopback/],
  ["relay", ["172.18.0.2", "fd00::2"], PRIVATE, "allowed", /private/],
  ["relay", ["172.18.0.2"], STRICT, "refused", /private/],
  ["relay", ["172.18.0.2"], INTERNAL, "allowed", /isolated network/],
  ["relay", ["fd00:1::2"], INTERNAL, "allowed", /isolated network/],
  ["relay", ["172.18.0.2"], NOT_ISOLATED, "refused", /private/],
  ["relay", ["172.19.0.2"], INTERNAL, "refused", /private/],
  ["relay", ["172.18.0.2", "172.19.0.2"], INTERNAL, "refused", /private/],
  ["relay", ["8.8.8.8"], INTERNAL, "refused", /public/],
  ["relay.internal", ["172.18.0.2"], INTERNAL, "refused", /private/],
  ["a.localhost", ["172.18.0.2"], INTERNAL, "refused", /must be this machine/],
  ["172.18.0.2", ["172.18.0.2"], INTERNAL, "refused", /private address/],
  ["relay.internal", ["10.0.0.1", "127.0.0.1"], PRIVATE, "refused", /loopback and private/],
  ["relay.internal", ["10.0.0.1", "8.8.8.8"], PRIVATE, "refused", /private and public/],
  ["relay.internal", ["8.8.8.8"], PRIVATE, "refused", /public/],
  ["relay.internal", ["8.8.8.8"], INTERNAL, "refused", /public/],
  ["relay.internal", ["169.254.169.254"], PRIVATE, "refused", /link-local/],
  ["relay.internal", ["127.0.0.1", "0.0.0.0"], PRIVATE, "refused", /unspecified/],
  ["relay.internal", ["::ffff:8.8.8.8"], PRIVATE, "refused", /public/],
  ["relay.internal", ["64:ff9b::7f00:1"], PRIVATE, "refused", /NAT64/],
  ["relay.internal", [], PRIVATE, "refused", /no address/],
  ["relay.internal", ["fe80::1%eth0"], PRIVATE, "refused", /no address/],
  ["relay.example.com", ["8.8.8.8"], STRICT, "refused", /not a name of this machine/],
  ["relay.example.com", ["127.0.0.1"], PRIVATE, "refused", /not a name of this machine/],
  ["relay.example.com", ["8.8.8.8", "2606:4700::1"], DEDICATED, "needs-proof", /proof/],
  ["relay.example.com", ["127.0.0.1"], DEDICATED, "needs-proof", /proof/],
  ["relay.example.com", ["10.0.0.1"], DEDICATED, "refused", /private/],
  ["relay.example.com", ["10.0.0.1"], { ...DEDICATED, ...PRIVATE }, "needs-proof", /proof/],
  ["relay.example.com", ["10.0.0.1"], { ...DEDICATED, ...INTERNAL }, "refused", /private/],
  ["relay.example.com", ["8.8.8.8", "127.0.0.1"], DEDICATED, "refused", /at once/],
  ["relay.example.com", ["203.0.113.1"], DEDICATED, "refused", /TEST-NET-3/],
  ["relay.damus.io", ["127.0.0.1"], PRIVATE, "refused", /public relay/],
  ["127.0.0.1", ["127.0.0.1"], STRICT, "allowed", /this machine/],
  ["127.0.0.1", ["::ffff:127.0.0.1"], STRICT, "allowed", /this machine/],
  ["127.0.0.1", ["127.0.0.2"], STRICT, "refused", /another address/],
];

for (const [host, addresses, policy, status, reason] of CASES) {
  const flags = Object.entries(policy).filter(([, value]) => value !== false);
  const given = flags.map(([name]) => name).join(" ") || "nothing allowed";
  test(`${host} at ${addresses.join(" ") || "no address"} (${given}): ${status}`, () => {
    const verdict = judgeAddresses(parseRelayUrl(`ws://${host}`), addresses, policy);
    assert.equal(verdict.status, status, verdict.reason);
    assert.match(verdict.reason, reason);
  });
}

test("a refusal for a private address says why and what to do", () => {
  const verdict = judgeByText(parseRelayUrl("ws://10.0.0.1"), STRICT);
  assert.ok(verdict.status === "refused");
  assert.match(verdict.remedy, /several people may share this network.*--allow-private/);
});

test("resolves a candidate once, and gives every address without repeats", async () => {
  const asked: string[] = [];
  const lookup = async (name: string) => {
    asked.push(name);
    return ["10.0.0.1", "fd00::1", "10.0.0.1"];
  };
  const url = parseRelayUrl("ws://relay.internal");
  const { verdict, addresses } = await resolveTarget(url, PRIVATE, lookup);
  assert.equal(verdict.status, "allowed");
  assert.deepEqual(addresses, ["10.0.0.1", "fd00::1"]);
  assert.deepEqual(asked, ["relay.internal"]);
});

test("asks no resolver for a literal, for what is refused, and for the part before .localhost", async () => {
  const forbidden = async (): Promise<readonly string[]> => assert.fail("looked up");
  const refused = parseRelayUrl("ws://relay.example.com");
  assert.deepEqual((await resolveTarget(refused, PRIVATE, forbidden)).addresses, []);
  const literal = parseRelayUrl("ws://[::1]");
  assert.deepEqual((await resolveTarget(literal, STRICT, forbidden)).addresses, ["::1"]);
  const lookup = async (name: string) => (name === "localhost" ? ["127.0.0.1"] : forbidden());
  const { verdict } = await resolveTarget(parseRelayUrl("ws://a.localhost"), STRICT, lookup);
  assert.equal(verdict.status, "allowed");
});

test("a name that can't be resolved, or resolves to what is refused, gives no address", async () => {
  const url = parseRelayUrl("ws://relay.internal");
  const failing = async () => {
    throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
  };
  const failed = await resolveTarget(url, PRIVATE, failing);
  assert.equal(failed.verdict.status, "refused");
  assert.match(failed.verdict.reason, /ENOTFOUND/);
  const mixed = await resolveTarget(url, PRIVATE, async () => ["10.0.0.1", "8.8.8.8"]);
  assert.equal(mixed.verdict.status, "refused");
  assert.deepEqual(mixed.addresses, []);
});
