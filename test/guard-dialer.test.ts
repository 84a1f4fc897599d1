import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { ConfigError } from "../src/errors.ts";
import {
  blacklistFor,
  findMissingBlocks,
  hostsFor,
  LOOPBACK_NETWORKS,
} from "../src/guard/dialer.ts";
import { findGuardFaults, type K6GateRequest, needsProof } from "../src/guard/k6-gate.ts";
import { findProxies } from "../src/guard/proxy.ts";
import { parseRelayUrls } from "../src/guard/relay-url.ts";

type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** As Go's net.IPNet.Contains: mapped addresses and networks are IPv4. */
function parseNetwork(cidr: string): Network {
  const [network, prefix] = ipaddr.parseCIDR(cidr);
  return network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress() && prefix >= 96
    ? [network.toIPv4Address(), prefix - 96]
    : [network, prefix];
}

const networks = new Map<string, Network>();

function networkOf(cidr: string): Network {
  const network = networks.get(cidr) ?? parseNetwork(cidr);
  networks.set(cidr, network);
  return network;
}

/** In hexadecimal groups: ipaddr.js takes `::1.2.3.4` for a mapped address. */
const anyIpv6 = fc.ipV6().map((text) => new URL(`ws://[${text}]`).hostname.slice(1, -1));

function isIn(cidrs: readonly string[], text: string): boolean {
  const address = ipaddr.process(text);
  return cidrs.some((cidr) => {
    const [network, prefix] = networkOf(cidr);
    return address.kind() === network.kind() && address.match(network, prefix);
  });
}

test("a loopback run can dial loopback and nothing else", () => {
  const blacklist = blacklistFor(LOOPBACK_NETWORKS);
  const open = ["127.0.0.1", "127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.1"];
  const shut = ["126.255.255.255", "128.0.0.0", "0.0.0.0", "10.0.0.1", "255.255.255.255", "::"];
  const shut6 = [
    "::2",
    "::ffff:8.8.8.8",
    "::ffff:128.0.0.1",
    "::7f00:1",
    "fe80::1",
    "2606:4700::1",
  ];
  for (const text of open) assert.ok(!isIn(blacklist, text), text);
  for (const text of [...shut, ...shut6]) assert.ok(isIn(blacklist, text), text);
  assert.equal(blacklist.length, 8 + 128);
});

test("a run to one address can dial that one", () => {
  const blacklist = blacklistFor(["10.1.2.3"]);
  assert.ok(!isIn(blacklist, "10.1.2.3"));
  for (const text of ["10.1.2.2", "10.1.2.4", "127.0.0.1", "::1"]) assert.ok(isIn(blacklist, text));
  assert.equal(blacklist.length, 32 + 1);
});

test("a family of which nothing is allowed is blocked by one entry", () => {
  assert.ok(blacklistFor(["::1"]).includes("0.0.0.0/0"));
  assert.ok(blacklistFor(["127.0.0.1"]).includes("::/0"));
  assert.deepEqual(blacklistFor([]), ["0.0.0.0/0", "::/0"]);
  assert.deepEqual(blacklistFor(["0.0.0.0/0", "::/0"]), []);
});

test("a mapped address is allowed as the IPv4 address that Go dials", () => {
  assert.deepEqual(blacklistFor(["::ffff:10.1.2.3"]), blacklistFor(["10.1.2.3"]));
  assert.deepEqual(blacklistFor(["::ffff:10.0.0.0/104"]), blacklistFor(["10.0.0.0/8"]));
});

test("no entry is one that Go would read as all of IPv4", () => {
  const blacklist = blacklistFor(["::fffe:0:0/96", "10.1.2.3"]);
  assert.ok(!blacklist.includes("::ffff:0:0/96"));
  assert.ok(!isIn(blacklist, "10.1.2.3") && isIn(blacklist, "::ffff:10.1.2.4"));
});

test("refuses what is neither address nor CIDR", () => {
  const bad = [
    "",
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0/8",
    "::1/129",
  ];
  for (const text of [...bad, "::ffff:10.0.0.0/95", "127.1", "10.0.0.0/08"]) {
    assert.throws(() => blacklistFor([text]), ConfigError, text);
  }
});

test("2,000 random lists: blocked if and only if not allowed, no entry twice or too many", () => {
  const v4 = fc.oneof(fc.ipV4(), fc.constantFrom("127.0.0.0/8", "10.0.0.0/8", "192.168.1.0/24"));
  const v6 = fc.oneof(anyIpv6, fc.constantFrom("::1", "fd00::/8", "::ffff:10.0.0.0/104", "::/64"));
  const lists = fc.array(fc.oneof(v4, v6), { maxLength: 4 });
  const property = fc.property(lists, fc.array(fc.oneof(fc.ipV4(), anyIpv6)), (allowed, probes) => {
    const blacklist = blacklistFor(allowed);
    const cidrs = allowed.map((entry) =>
      entry.includes("/") ? entry : `${entry}/${entry.includes(":") ? 128 : 32}`,
    );
    for (const probe of [...probes, ...allowed.map((entry) => entry.replace(/\/.*/, ""))]) {
      assert.equal(isIn(blacklist, probe), !isIn(cidrs, probe), `${probe} of ${allowed}`);
    }
    assert.equal(new Set(blacklist).size, blacklist.length);
    assert.ok(blacklist.length <= 2 + allowed.length * 128);
  });
  fc.assert(property, { numRuns: 2_000, seed: 11 });
});

test("finds the entries that k6's consolidated options lost", () => {
  const required = blacklistFor(LOOPBACK_NETWORKS);
  assert.deepEqual(findMissingBlocks(required, [...required, "127.0.0.0/8"]), []);
  assert.deepEqual(findMissingBlocks(required, required.slice(1)), required.slice(0, 1));
  assert.deepEqual(findMissingBlocks(required, []), required);
});

test("pins a name to its first address, and nothing that k6 can't pin", () => {
  assert.deepEqual(hostsFor("relay.internal", ["10.0.0.1", "10.0.0.2"]), {
    "relay.internal": "10.0.0.1",
  });
  assert.deepEqual(hostsFor("my_relay", ["10.0.0.1"]), {});
  assert.deepEqual(hostsFor("127.0.0.1", ["127.0.0.1"]), {});
  assert.deepEqual(hostsFor("relay", []), {});
});

test("names the proxies that would get round the blacklist", () => {
  assert.deepEqual(findProxies({ PATH: "/bin", HTTP_PROXY: "", http_proxy: undefined }), []);
  const names = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
  ];
  for (const name of [...names, "Https_Proxy"])
    assert.deepEqual(findProxies({ [name]: "x" }), [name]);
});

test("`NO_PROXY=*` switches proxies off as Go reads it", () => {
  assert.deepEqual(findProxies({ HTTP_PROXY: "x", NO_PROXY: "*" }), []);
  assert.deepEqual(findProxies({ HTTP_PROXY: "x", no_proxy: "a, *" }), []);
  assert.deepEqual(findProxies({ HTTP_PROXY: "x", NO_PROXY: "", no_proxy: "*" }), []);
  assert.deepEqual(findProxies({ HTTP_PROXY: "x", NO_PROXY: "a", no_proxy: "*" }), ["HTTP_PROXY"]);
  assert.deepEqual(findProxies({ HTTP_PROXY: "x", NO_PROXY: "*.example" }), ["HTTP_PROXY"]);
});

function gate(relays: string, change: Partial<K6GateRequest> = {}): string[] {
  const allowed = change.allowed ?? LOOPBACK_NETWORKS;
  return findGuardFaults({
    relays: parseRelayUrls(relays),
    policy: { allowPrivate: false },
    hosts: {},
    env: { PATH: "/bin" },
    blacklistIps: blacklistFor(allowed.filter((entry) => entry !== "junk")),
    ...change,
    allowed,
  });
}

test("the gate in k6 lets a whole guard pass", () => {
  assert.deepEqual(gate("ws://127.0.0.1:7777,ws://localhost"), []);
  const policy = { allowPrivate: true };
  assert.deepEqual(gate("ws://10.1.2.3", { policy, allowed: ["10.1.2.3", "127.0.0.1"] }), []);
  const dedicated = { allowPrivate: false, dedicatedHost: "8.8.8.8" };
  assert.deepEqual(gate("ws://8.8.8.8", { policy: dedicated, allowed: ["8.8.8.8"] }), []);
  const named = {
    policy: { allowPrivate: false, dedicatedHost: "relay.example.com" },
    allowed: ["8.8.8.8"],
    hosts: { "relay.example.com": "8.8.8.8" },
  };
  assert.deepEqual(gate("ws://relay.example.com", named), []);
});

test("the gate in k6 leaves to the caller what needs a proof, and nothing else", () => {
  const relays = parseRelayUrls("ws://127.0.0.1,ws://8.8.8.8,ws://relay.test");
  const policy = { allowPrivate: false, dedicatedHost: "8.8.8.8" };
  assert.deepEqual(
    needsProof(relays, policy).map(({ host }) => host),
    ["8.8.8.8"],
  );
});

test("the gate in k6 finds every weakness", () => {
  const dedicated = { allowPrivate: false, dedicatedHost: "8.8.8.8" };
  const cases: readonly [string, Partial<K6GateRequest>, RegExp][] = [
    ["ws://relay.damus.io", {}, /public relay/],
    ["ws://127.0.0.1", { relays: [] }, /no relay/],
    ["ws://127.0.0.1", { blacklistIps: [] }, /blacklistIPs.*replaced/],
    ["ws://127.0.0.1", { blacklistIps: ["10.0.0.0/8"] }, /blacklistIPs.*replaced/],
    ["ws://127.0.0.1", { env: { HTTP_PROXY: "x" } }, /HTTP_PROXY/],
    ["ws://127.0.0.1", { env: { HTTPS_PROXY: "x", NO_PROXY: "*" } }, /HTTPS_PROXY/],
    ["ws://127.0.0.1", { env: { K6_HOSTS: "x" } }, /K6_HOSTS/],
    ["ws://127.0.0.1", { env: {} }, /environment is hidden/],
    ["ws://127.0.0.1", { allowed: ["0.0.0.0/0"] }, /not an address to be dialled/],
    ["ws://127.0.0.1", { allowed: ["junk"] }, /not an address to be dialled/],
    ["ws://127.0.0.1", { allowed: ["10.0.0.1"] }, /not an address to be dialled/],
    ["ws://127.0.0.1", { allowed: ["8.8.8.8"] }, /not an address to be dialled/],
    ["ws://127.0.0.1", { allowed: ["169.254.169.254"] }, /not an address to be dialled/],
    // A forged environment: the dedicated host's address is the only public one, and its name alone
    // may lead there.
    ["ws://8.8.8.8", { policy: dedicated, allowed: ["8.8.8.8", "8.8.4.4"] }, /`8.8.4.4` is not an/],
    ["ws://127.0.0.1", { policy: dedicated, allowed: ["8.8.8.8"] }, /not an address to be dialled/],
    [
      "ws://8.8.8.8,ws://other.test",
      { policy: dedicated, allowed: ["8.8.8.8"], hosts: { "other.test": "8.8.8.8" } },
      /`other.test` resolves to a public address/,
    ],
    [
      "ws://relay.damus.io",
      { policy: { allowPrivate: true, dedicatedHost: "relay.damus.io" }, allowed: ["8.8.8.8"] },
      /public relay/,
    ],
  ];
  for (const [relays, change, fault] of cases) {
    const faults = gate(relays, change);
    assert.ok(
      faults.some((text) => fault.test(text)),
      `${relays} ${fault}: ${faults}`,
    );
  }
});
