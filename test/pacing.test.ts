import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { paceOf } from "../k6/lib/publish/pace.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { collectOptions } from "../src/plan/options.ts";
import { choosePacing } from "../src/plan/pacing.ts";
import { buildPlan } from "../src/plan/plan.ts";

const HERE = ["ws://127.0.0.1:1", "ws://127.9.0.1:1", "ws://localhost:1", "ws://[::1]:1"];
const ELSEWHERE = ["ws://10.0.0.9:1", "ws://relay:1", "wss://relay.example:1"];

function choose(url: string, cores: number | null, vus: number): string {
  return choosePacing({ choice: "auto", cores, vus, relays: [parseRelayUrl(url)] });
}

describe("pacing by itself", () => {
  for (const url of HERE) {
    it(`is precise with a core for the VU, one for punctuality and one for ${url}`, () => {
      assert.equal(choose(url, 2, 1), "shared");
      assert.equal(choose(url, 3, 1), "precise");
      assert.equal(choose(url, 3, 2), "shared");
    });
  }
  for (const url of ELSEWHERE) {
    it(`is precise with a core beside the VU's where the relay is ${url}`, () => {
      assert.equal(choose(url, 1, 1), "shared");
      assert.equal(choose(url, 2, 1), "precise");
    });
  }
  it("counts a relay on this machine among several", () => {
    const relays = [...ELSEWHERE, "ws://localhost:1"].map(parseRelayUrl);
    assert.equal(choosePacing({ choice: "auto", cores: 2, vus: 1, relays }), "shared");
  });
  it("is shared where the cores are not known", () => {
    assert.equal(choose("wss://relay.example:1", null, 1), "shared");
  });
});

describe("--pacing", () => {
  const planWith = (PACING: string, cores: number, RATE_EPS = "50") => {
    const given = { RELAY_URL: "ws://127.0.0.1:1", CLIENTS: "10", PACING, RATE_EPS, FORCE: "1" };
    return buildPlan("publish", collectOptions({}, given, "publish"), "s", cores);
  };
  it("overrules what would be chosen", () => {
    assert.equal(planWith("auto", 2).pacing, "shared");
    assert.equal(planWith("precise", 2).pacing, "precise");
    assert.equal(planWith("shared", 8).pacing, "shared");
  });
  it("decides who reads the clock and who gathers", () => {
    const [precise, shared] = [paceOf(planWith("precise", 2)), paceOf(planWith("shared", 8))];
    assert.ok(precise.spinMs > 0 && precise.gatherMs === 0, JSON.stringify(precise));
    assert.ok(shared.spinMs === 0 && shared.gatherMs > 0, JSON.stringify(shared));
  });
  it("leaves no wait to a timer, which wakes 1.1 ms late, where reading the clock takes the core anyway", () => {
    const spins = ["4999", "5000", "30000"].map(
      (rate) => paceOf(planWith("precise", 2, rate)).spinMs,
    );
    assert.deepEqual(spins, [0.2, 1.2, 1.2]);
    assert.equal(paceOf(planWith("shared", 2, "30000")).spinMs, 0);
  });
});
