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
    poolUrl: null,
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
    // 2.25 GB are needed: of k6, of 10,000 connections, and twice the pool.
    assert.deepEqual(
      [of(null), of(2.25e9)],
      [
        ["100", "1774MiB"],
        ["100", "1774MiB"],
      ],
    );
    assert.deepEqual(
      [of(4.25e9), of(64e9)],
      [
        ["176", "2260MiB"],
        ["251", "2584MiB"],
      ],
    );
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
