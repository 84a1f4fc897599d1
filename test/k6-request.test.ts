import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { k6Environment } from "../src/node/k6/environment.ts";
import { k6RequestOf } from "../src/node/run/k6-request.ts";
import { planOf, pool } from "./fixtures/reports/run.ts";

describe("k6RequestOf", () => {
  const plan = planOf({ CLIENTS: "10000", RATE_EPS: "2000" });
  const drive = {
    plan,
    poolDir: "pools/one",
    pool: { ...pool, bytes: 500e6 },
    runId: "run-1",
    runDir: "/reports/runs/run-1",
    metricsUrl: null,
    corpus: null,
    preflight: { answers: [], left: [], findings: [] },
  };
  const around = {
    script: "/dist/publish.js",
    allowed: ["127.0.0.1"],
    hosts: {},
    isolation: undefined,
    poolUrl: "http://127.0.0.1:2",
    companionUrl: "http://127.0.0.1:1",
    authorities: undefined,
    machine: { freeBytes: null },
  };
  const environmentOf = (more: Partial<typeof around>) =>
    k6Environment(k6RequestOf(drive, { ...around, ...more }), {});

  it("lets k6 collect garbage seldom where this machine has memory that the run does not need", () => {
    const of = (freeBytes: number | null) => {
      const { GOGC, GOMEMLIMIT } = environmentOf({ machine: { freeBytes } } as never);
      return [GOGC, GOMEMLIMIT];
    };
    // 1.25 GB are needed: of k6, and of 10,000 connections.
    assert.deepEqual(
      [of(null), of(1.25e9)],
      [
        ["100", "1774MiB"],
        ["100", "1192MiB"],
      ],
    );
    assert.deepEqual(
      [of(3.25e9), of(64e9)],
      [
        ["176", "2260MiB"],
        ["251", "2584MiB"],
      ],
    );
  });

  it("gives k6 room for a pool that it reads itself, and for none that is served", () => {
    const machine = { freeBytes: null };
    const few = { ...drive, plan: planOf({ CLIENTS: "100", RATE_EPS: "1000" }) };
    const of = (poolUrl: string | null, poolDir: string | null = "pools/one") => {
      const request = k6RequestOf({ ...few, poolDir }, { ...around, machine, poolUrl });
      const { GOGC, GOMEMLIMIT } = k6Environment(request, {});
      return [GOGC, GOMEMLIMIT];
    };
    const served = of("http://127.0.0.1:2");
    assert.deepEqual(served, ["774", "282MiB"]);
    assert.deepEqual(of(null, null), served);
    // 500 MB: four times as much, and garbage is collected as Go does.
    assert.deepEqual(of(null), ["100", "2282MiB"]);
  });

  it("says of which relays a COUNT can count nothing but the corpus", () => {
    const loading = {
      loaded: 0,
      alreadyThere: 9,
      refused: [],
      loadSec: 1,
      ownCounts: [true, false],
    };
    const corpus = { source: "seed", events: 9, fingerprint: "0".repeat(16), loading } as const;
    assert.equal(k6Environment(k6RequestOf({ ...drive, corpus }, around), {}).OWN_COUNTS, "1,0");
    assert.equal(environmentOf({}).OWN_COUNTS, "");
  });

  it("names the companion only where k6 may dial it", () => {
    assert.equal(environmentOf({}).COMPANION_URL, around.companionUrl);
    assert.equal(environmentOf({ allowed: ["127.0.0.2"] }).COMPANION_URL, undefined);
  });
});
