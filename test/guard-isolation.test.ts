import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { blacklistFor } from "../src/guard/dialer.ts";
import type { GuardPolicy } from "../src/guard/guard.ts";
import {
  type Isolation,
  judgeIsolation,
  liesWithin,
  parseIsolatedNetworks,
} from "../src/guard/isolation.ts";
import { findGuardFaults } from "../src/guard/k6-gate.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { readIsolation } from "../src/node/guard/internal-network.ts";
import { listen } from "../src/node/relay/listen.ts";
import { dialledBy } from "../src/node/run/dialled.ts";

const HEAD =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
/** 172.18.0.0/16 and 10.5.0.0/24 as a container of an internal network has them. */
const ATTACHED = "eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const SECOND = "eth1\t0000050A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const DEFAULT = "eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
const V6_LO =
  "00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001 lo\n" +
  "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n";
const V6_LINK =
  "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n" +
  "ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001 eth0\n";
const V6_ULA =
  "fd000001000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n";
const V6_DEFAULT =
  "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n";

const ISOLATED = [
  ["an internal network", HEAD + ATTACHED, V6_LO + V6_LINK, ["172.18.0.0/16"]],
  ["two of them", HEAD + ATTACHED + SECOND, "", ["172.18.0.0/16", "10.5.0.0/24"]],
  [
    "IPv6 too",
    HEAD + ATTACHED,
    V6_LO + V6_LINK + V6_ULA,
    ["172.18.0.0/16", "fd00:0001:0000:0000:0000:0000:0000:0000/64"],
  ],
] as const;

const OPEN = [
  ["a default route", HEAD + ATTACHED + DEFAULT, "", /leads out/],
  [
    "a default route without a gateway",
    `${HEAD}tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n`,
    "",
    /leads out/,
  ],
  [
    "a route through a gateway",
    `${HEAD}${ATTACHED}eth0\t0000050A\t010012AC\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`,
    "",
    /leads out/,
  ],
  ["a default route of IPv6 alone", HEAD + ATTACHED, V6_LO + V6_DEFAULT, /leads out/],
  ["no network at all", HEAD, V6_LO, /no network is attached/],
  [
    "a public network",
    `${HEAD}eth0\t00080808\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`,
    "",
    /not a private one/,
  ],
  [
    "half the internet by two routes",
    `${HEAD}tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n`,
    "",
    /not a private one/,
  ],
  ["a table of another make", "something else", "", /can't be read/],
  ["no table", "", "", /can't be read/],
  ["a broken line", `${HEAD}eth0 what\n`, "", /can't be read/],
] as const;

describe("judgeIsolation", () => {
  for (const [name, ipv4, ipv6, networks] of ISOLATED) {
    it(`takes ${name} for isolated`, () => {
      assert.deepEqual(judgeIsolation(ipv4, ipv6), { status: "isolated", networks });
    });
  }
  for (const [name, ipv4, ipv6, reason] of OPEN) {
    it(`takes ${name} for a network that leads elsewhere`, () => {
      const isolation = judgeIsolation(ipv4, ipv6);
      assert.equal(isolation.status, "open");
      assert.match(isolation.status === "open" ? isolation.reason : "", reason);
    });
  }
});

describe("parseIsolatedNetworks", () => {
  it("takes what the CLI hands over", () => {
    const networks = ["172.18.0.0/16", "fd00:1::/64"];
    assert.deepEqual(parseIsolatedNetworks(networks.join(",")), { status: "isolated", networks });
  });
  for (const text of ["", "8.8.8.0/24", "0.0.0.0/0", "10.0.0.0/1", "10.0.0.0", "10.0.0.0/8,::/0"]) {
    it(`takes \`${text}\` for nothing`, () => {
      assert.equal(parseIsolatedNetworks(text).status, "open");
    });
  }
});

describe("liesWithin", () => {
  it("holds an address against networks of its own family", () => {
    assert.ok(liesWithin("172.18.3.4", ["10.0.0.0/8", "172.18.0.0/16"]));
    assert.ok(liesWithin("fd00:1::9", ["fd00:0001:0000:0000:0000:0000:0000:0000/64"]));
    assert.ok(!liesWithin("172.19.0.1", ["172.18.0.0/16", "fd00:1::/64"]));
    assert.ok(!liesWithin("::ffff:172.18.0.1", ["172.18.0.0/16"]));
    assert.ok(!liesWithin("relay", ["172.18.0.0/16"]));
  });
});

describe("what k6 may dial", () => {
  const relay = { url: parseRelayUrl("ws://relay:7777"), addresses: ["172.18.0.2"] as [string] };
  const dialled = (isolation: Isolation | undefined) =>
    dialledBy([relay], { relay: "172.18.0.2" }, isolation);

  it("is loopback too in an isolated network, where pool and companion are served", () => {
    const isolation = { status: "isolated", networks: ["172.18.0.0/16"] } as const;
    assert.deepEqual(dialled(isolation), ["172.18.0.2", "127.0.0.1"]);
  });

  it("is the relay alone elsewhere", () => {
    assert.deepEqual(dialled({ status: "open", reason: "" }), ["172.18.0.2"]);
    assert.deepEqual(dialled(undefined), ["172.18.0.2"]);
  });
});

describe("the embedded relay's address", () => {
  const networks = ["172.18.0.0/16"];
  for (const [host, isolatedNetworks] of [
    ["0.0.0.0", networks],
    ["172.19.0.2", networks],
    ["172.18.0.2", []],
  ] as const) {
    it(`is not ${host} in ${isolatedNetworks[0] ?? "no isolated network"}`, async () => {
      const listening = listen(createServer(), { host, port: 0, isolatedNetworks });
      await assert.rejects(listening, /127\.0\.0\.1 or ::1 only/);
    });
  }
});

describe("INTERNAL_NETWORK", () => {
  it("is asked for by `1` alone, and then the kernel is asked", () => {
    const read = (path: string) => (path.endsWith("ipv6_route") ? V6_LO : HEAD + ATTACHED);
    assert.equal(readIsolation({}, read), undefined);
    assert.equal(readIsolation({ INTERNAL_NETWORK: "yes" }, read), undefined);
    assert.deepEqual(readIsolation({ INTERNAL_NETWORK: "1" }, read), {
      status: "isolated",
      networks: ["172.18.0.0/16"],
    });
  });

  it("opens nothing where there is no routing table", () => {
    const read = () => {
      throw new Error("ENOENT");
    };
    assert.equal(readIsolation({ INTERNAL_NETWORK: "1" }, read)?.status, "open");
  });

  it("is held by the gate inside k6 too", () => {
    const faultsOf = (policy: GuardPolicy, address: string) =>
      findGuardFaults({
        relays: [parseRelayUrl("ws://relay:7777")],
        policy,
        allowed: [address],
        hosts: { relay: address },
        blacklistIps: blacklistFor([address]),
        env: { PATH: "/bin" },
      });
    const isolation = judgeIsolation(HEAD + ATTACHED, "");
    const isolated = { allowPrivate: false, isolation };
    assert.deepEqual(faultsOf(isolated, "172.18.0.2"), []);
    assert.notDeepEqual(faultsOf(isolated, "172.19.0.2"), []);
    assert.notDeepEqual(faultsOf({ allowPrivate: false }, "172.18.0.2"), []);
    const open = judgeIsolation(HEAD + ATTACHED + DEFAULT, "");
    assert.notDeepEqual(faultsOf({ allowPrivate: false, isolation: open }, "172.18.0.2"), []);
  });
});
