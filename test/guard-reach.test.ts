/** Which of a name's addresses a run uses, and that no other than admitted ones is tried. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { hostsFor } from "../src/guard/dialer.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { type GateRequest, judgeRelay } from "../src/node/guard/gate.ts";
import { judgeListeners } from "../src/node/preflight/listeners.ts";
import { preflight } from "../src/node/preflight/preflight.ts";
import { startFaultyRelay } from "./faulty-relay/relay.ts";
import { planOf } from "./fixtures/reports/run.ts";

const REQUEST: GateRequest = {
  policy: { allowPrivate: false },
  nowMs: 0,
  rateEps: 1,
  clients: 1,
};
const url = parseRelayUrl("ws://localhost:7777");

/** Admits `localhost` with these addresses, of which some answer; says which were tried. */
async function admit(addresses: readonly string[], answering: readonly string[]) {
  const tried: string[] = [];
  const result = await judgeRelay(url, {
    ...REQUEST,
    lookup: async () => addresses,
    connects: async (address, port) => {
      assert.equal(port, 7777);
      tried.push(address);
      return answering.includes(address);
    },
  });
  return { result, tried };
}

describe("a name with several addresses", () => {
  const rows: readonly (readonly [answering: readonly string[], first: string, said: RegExp])[] = [
    [["127.0.0.1"], "127.0.0.1", /; it answers at 127\.0\.0\.1, not at ::1$/],
    [["::1"], "::1", /; it answers at ::1, not at 127\.0\.0\.1$/],
    [["::1", "127.0.0.1"], "::1", /; it answers at ::1 and 127\.0\.0\.1, ::1 is used$/],
    [[], "::1", /loopback[^;]*$/],
  ];
  for (const [answering, first, said] of rows) {
    it(`of which ${answering.join(" and ") || "none"} answers`, async () => {
      const { result } = await admit(["::1", "127.0.0.1"], answering);
      assert.ok(result.status === "admitted");
      assert.equal(result.addresses[0], first);
      assert.equal(result.addresses.length, 2);
      assert.deepEqual(hostsFor("localhost", result.addresses), { localhost: first });
      assert.match(result.reason, said);
    });
  }

  it("is not tried where there is only one, nor where one of them may not be loaded", async () => {
    assert.deepEqual((await admit(["127.0.0.1"], [])).tried, []);
    const { result, tried } = await admit(["127.0.0.1", "8.8.8.8"], ["8.8.8.8"]);
    assert.equal(result.status, "refused");
    assert.deepEqual(tried, []);
  });

  it("may be two listeners, which is told", { skip: process.platform !== "linux" }, async () => {
    const relay = await startFaultyRelay({});
    const { port, hostname } = new URL(relay.url);
    const code = `require("net").createServer().listen(${port},"::1",()=>console.log("up"))`;
    const other = spawn(process.execPath, ["-e", code]);
    try {
      await once(other.stdout, "data");
      const own = parseRelayUrl(`ws://localhost:${port}`);
      const lookup = async () => ["::1", hostname];
      const admission = await judgeRelay(own, { ...REQUEST, lookup });
      assert.ok(admission.status === "admitted");
      const [told] = await judgeListeners(admission);
      assert.equal(told?.level, "advice");
      assert.match(told.what, new RegExp(`process ${other.pid}\\) at ::1, .*at 127\\.0\\.0\\.1`));
    } finally {
      other.kill();
      await relay.stop();
    }
  });

  it("is reached where the relay listens at the second one alone", async () => {
    const relay = await startFaultyRelay({});
    try {
      const own = parseRelayUrl(relay.url.replace("127.0.0.1", "localhost"));
      const lookup = async () => ["::1", "127.0.0.1"];
      const admission = await judgeRelay(own, { ...REQUEST, lookup });
      assert.ok(admission.status === "admitted");
      const plan = planOf();
      const request = { plan, admissions: [admission], poolDir: undefined, force: false };
      const { findings } = await preflight(request);
      assert.deepEqual(
        findings.filter(({ level }) => level !== "ok"),
        [],
      );
      assert.ok(relay.ledger.events.length > 0);
      assert.deepEqual(await judgeListeners(admission), []);
    } finally {
      await relay.stop();
    }
  });
});
