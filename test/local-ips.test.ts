/** The addresses that connections come from: as k6 reads them, what they are worth, and whose they may be. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { refuseSources } from "../src/node/guard/sources.ts";
import { judgeMachine } from "../src/node/preflight/machine.ts";
import { mostOfASource, parseLocalIps } from "../src/plan/local-ips.ts";
import { planVariables } from "../src/plan/variables.ts";
import { planOf } from "./fixtures/reports/run.ts";

const addressesOf = (text: string) => parseLocalIps(text, "LOCAL_IPS").addresses;
const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof ConfigError && message.test(error.message);

describe("source addresses", () => {
  it("are read as k6 reads them: of a network without its first and last", () => {
    assert.deepEqual(addressesOf("127.0.0.9"), ["127.0.0.9"]);
    assert.deepEqual(addressesOf("127.0.0.254-127.0.1.1"), [
      ...["127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1"],
    ]);
    assert.deepEqual(addressesOf("127.0.0.13/30"), ["127.0.0.13", "127.0.0.14"]);
    assert.deepEqual(addressesOf("127.0.0.13/31"), ["127.0.0.12", "127.0.0.13"]);
    assert.deepEqual(addressesOf("127.9.9.9/32,10.0.0.1"), ["127.9.9.9", "10.0.0.1"]);
    assert.equal(addressesOf("127.0.2.0/24").length, 254);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ["127.0.0.0/8", /at most 256 addresses, got `16777214`/],
    ["127.0.0.9-127.0.0.2", /must be IPv4 addresses, as `127\.0\.0\.2-127\.0\.0\.9`/],
    ["127.0.0.1/33", /must be IPv4 addresses/],
    ["127.0.0.1-127.0.0.2-127.0.0.3", /must be IPv4 addresses/],
    ["::1", /must be IPv4 addresses/],
    ["localhost", /must be IPv4 addresses/],
    ["127.0.0.1,", /must be IPv4 addresses/],
    ["127.0.0.2-127.0.0.4,127.0.0.3", /each address once/],
  ];
  for (const [text, message] of wrong) {
    it(`are not \`${text}\``, () => assert.throws(() => addressesOf(text), refusal(message)));
  }

  it("have a VU each, and the companion's takes one of them", () => {
    const vus = (variables: Readonly<Record<string, string>>) =>
      planOf({ CLIENTS: "1000", CORES: "2", ...variables }, "connect").vus;
    assert.equal(vus({}), 1);
    assert.equal(vus({ LOCAL_IPS: "127.0.0.2" }), 1);
    assert.equal(vus({ LOCAL_IPS: "127.0.0.2-127.0.0.6" }), 4);
    assert.equal(vus({ LOCAL_IPS: "127.0.0.2-127.0.0.6", INSTANCES: "2" }), 8);
    // No VU is without a connection.
    assert.equal(vus({ LOCAL_IPS: "127.0.0.2-127.0.0.6", CLIENTS: "3" }), 3);
    const plan = planOf({ LOCAL_IPS: "127.0.0.2-127.0.0.6", COMPRESSION: "1" }, "query");
    const again = planOf(planVariables(plan), "query");
    assert.deepEqual([again.localIps, again.compression], [plan.localIps, true]);
  });

  it("have ports each: one that two VUs share for both, and whatever the relay", () => {
    const of = (variables: Readonly<Record<string, string>>) =>
      mostOfASource(planOf({ CLIENTS: "12000", CORES: "2", ...variables }, "connect"));
    assert.equal(of({}), 12_000);
    assert.equal(of({ RELAY_URL: "ws://127.0.0.1:1,ws://127.0.0.1:2" }), 6_000);
    // 4 VUs of 3,000 and the companion's on 5 addresses; of 2 addresses one has both VUs, or the companion's.
    assert.equal(of({ LOCAL_IPS: "127.0.0.2-127.0.0.6" }), 3_000);
    assert.equal(
      of({ LOCAL_IPS: "127.0.0.2,127.0.0.3", RELAY_URL: "ws://127.0.0.1:1,ws://127.0.0.1:2" }),
      12_000,
    );
  });

  it("are told of in preflight, with the ports that closed sessions still hold", () => {
    const machine = {
      ...{ cores: 4, openFiles: 65_536, ephemeralPorts: 28_232 },
      ...{ portsInTimeWait: 0, freeBytes: 16e9 },
    };
    const portsOf = (variables: Readonly<Record<string, string>>) => {
      const plan = planOf({ CLIENTS: "60000", FORCE: "1", CORES: "2", ...variables }, "connect");
      const found = judgeMachine(plan, machine, { bytes: 0, isServed: true }).find(
        ({ id }) => id === "ports",
      );
      return [found?.level, found?.what];
    };
    assert.deepEqual(portsOf({}), ["stop", "28,232 local ports, 60,000 connections to a relay"]);
    assert.deepEqual(portsOf({ LOCAL_IPS: "127.0.0.2-127.0.0.6" }), [
      "ok",
      "28,232 local ports, 15,000 connections from one of its addresses",
    ]);
    // Half a minute a session: each client has closed two within a minute.
    assert.deepEqual(
      portsOf({
        ...{ CLIENTS: "20000", CONNECT_MODE: "churn", SESSION_LENGTH: "fixed:30s" },
        LOCAL_IPS: "127.0.0.2-127.0.0.6",
      }),
      [
        "ok",
        "28,232 local ports, 5,000 connections from one of its addresses, 10,000 of connections that closed within a minute",
      ],
    );
  });

  const relay = (host: string, ...addresses: readonly [string, ...string[]]) => ({
    url: parseRelayUrl(`ws://${host}:7777`),
    addresses,
  });
  const own = ["127.0.0.1", "10.0.0.5"];
  const judge = (text: string, ...relays: readonly ReturnType<typeof relay>[]) =>
    refuseSources({ localIps: parseLocalIps(text, "LOCAL_IPS") }, relays, own);

  it("are this machine's: of loopback any, else one that it has", () => {
    judge("127.3.2.1-127.3.2.9", relay("127.0.0.1", "127.0.0.1"));
    judge("127.0.0.2", relay("10.0.0.5", "10.0.0.5"));
    judge("10.0.0.5", relay("10.0.0.9", "10.0.0.9"));
    refuseSources({ localIps: null }, [relay("[::1]", "::1")], own);
    assert.throws(
      () => judge("10.0.0.5-10.0.0.6", relay("10.0.0.9", "10.0.0.9")),
      refusal(/must be addresses of this machine, got `10\.0\.0\.6`/),
    );
    assert.throws(() => judge("8.8.8.8", relay("127.0.0.1", "127.0.0.1")), refusal(/`8\.8\.8\.8`/));
  });

  it("lead to the relay: not from loopback to another machine, nor to IPv6", () => {
    assert.throws(
      () => judge("127.0.0.2", relay("10.0.0.9", "10.0.0.9")),
      refusal(/must not be of loopback/),
    );
    assert.throws(() => judge("127.0.0.2", relay("[::1]", "::1")), refusal(/are IPv4 addresses/));
  });
});
