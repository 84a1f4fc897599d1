/** An overload, and what only looks like one, on whole runs in virtual time. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeLookAlikes } from "../src/node/calibrate/look-alikes.ts";
import { withFindings } from "../src/report/findings/engine.ts";
import type { Report } from "../src/report/types.ts";
import { runScenario } from "./k6-world/run.ts";
import type { Relay, RelaySide } from "./k6-world/world.ts";

let dir = "";
let pool = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-overload-"));
  pool = join(dir, "pool");
  await makeLookAlikes(pool, 25_000);
});
after(() => rm(dir, { recursive: true }));

type Variables = Readonly<Record<string, string>>;

const LOAD = { CLIENTS: "50", DURATION_SEC: "10", ACK_TIMEOUT_MS: "10000" };

async function run(relay: Relay, variables: Variables): Promise<Report> {
  const { report } = await runScenario(pool, { ...LOAD, ...variables }, relay, {
    timersLateMs: 1.1,
  });
  return withFindings(report);
}

const answer = (frame: string, socket: RelaySide, afterMs: number) =>
  socket.answer(`["OK","${frame.slice(16, 80)}",true,""]`, afterMs);

/** So many at a time, the others behind them; each takes as long as is said. */
function working(costMs: (place: number, atMs: number) => number, workers = 1): Relay {
  const freeAtMs = Array.from({ length: workers }, () => 0);
  let place = 0;
  return (frame, socket, atMs) => {
    const next = freeAtMs.indexOf(Math.min(...freeAtMs));
    const doneMs = Math.max(freeAtMs[next] ?? 0, atMs) + costMs(place++, atMs);
    freeAtMs[next] = doneMs;
    answer(frame, socket, doneMs - atMs);
  };
}

const waiting = (delayMs: (place: number, atMs: number) => number): Relay =>
  (() => {
    let place = 0;
    return (frame, socket, atMs) => answer(frame, socket, delayMs(place++, atMs));
  })();

const isSymptom = ({ labels }: Report["findings"][number]) =>
  labels.some((label) => label.startsWith("symptom-of:"));

/** Of a relay of 670 events a second, as nostr-rs-relay has them, and of others. */
const OVERLOADED: readonly (readonly [
  told: string,
  relay: () => Relay,
  variables: Variables,
  accepted: number,
])[] = [
  ["just above, and all could be sent", () => working(() => 1.49), { RATE_EPS: "700" }, 671],
  ["at twice its capacity", () => working(() => 1.49), { RATE_EPS: "1500" }, 671],
  ["at three times its capacity", () => working(() => 1.49), { RATE_EPS: "2000" }, 671],
  [
    "on one place a connection",
    () => working(() => 1.49),
    { RATE_EPS: "1500", MAX_IN_FLIGHT: "1" },
    671,
  ],
  [
    "on few connections of one place",
    () => working(() => 2),
    { RATE_EPS: "650", CLIENTS: "10", MAX_IN_FLIGHT: "1" },
    500,
  ],
  ["on many connections", () => working(() => 1.49), { RATE_EPS: "1500", CLIENTS: "1000" }, 671],
  ["of four workers", () => working(() => 8, 4), { RATE_EPS: "700" }, 500],
  ["behind a warm-up", () => working(() => 1.49), { RATE_EPS: "900", WARMUP_SEC: "3" }, 671],
  ["by chance", () => working(() => 1.49), { RATE_EPS: "900", ARRIVAL: "poisson" }, 671],
  ["for two seconds", () => working(() => 5), { RATE_EPS: "400", DURATION_SEC: "2" }, 200],
  [
    "that works unevenly",
    () => working((place) => (place % 50 === 0 ? 60 : 1)),
    { RATE_EPS: "600" },
    458,
  ],
  // Behind the timeout: what is late counts as answered late.
  [
    "with a short timeout",
    () => working(() => 10),
    { RATE_EPS: "300", ACK_TIMEOUT_MS: "800" },
    100,
  ],
  [
    "of two, one of which is slow",
    () => working(() => 2),
    { RATE_EPS: "700", RELAY_URL: "ws://127.0.0.1:1,ws://127.0.0.1:2" },
    500,
  ],
];

describe("a rate above what the relay answers", () => {
  for (const [told, relay, variables, accepted] of OVERLOADED) {
    it(`is one headline: ${told}`, async () => {
      const report = await run(relay(), variables);
      const [first, ...others] = report.findings;
      const all = report.findings.map(({ id, severity }) => `${id} ${severity}`).join(", ");
      assert.equal(first?.id, "overload", all);
      const said = Number(
        /accepts about ([\d,.]+) events/.exec(first?.title ?? "")?.[1]?.replace(",", ""),
      );
      assert.ok(Math.abs(said - accepted) <= accepted * 0.15, `${first?.title}`);
      assert.ok(others.every(isSymptom), all);
      assert.ok(!report.findings.some(({ id }) => id === "latency-drift"), all);
    });
  }

  it("is said to fall where each fifth of the run accepts less", async () => {
    const report = await run(
      working((place) => 1 + place / 4_000),
      { RATE_EPS: "1500" },
    );
    assert.match(
      report.findings[0]?.title ?? "",
      /at its limit: .*, and falls: \d+ in the first fifth/,
    );
    const even = await run(
      working(() => 1.49),
      { RATE_EPS: "1500" },
    );
    assert.doesNotMatch(even.findings[0]?.title ?? "", /falls/);
  });
});

const KEPT: readonly (readonly [
  told: string,
  first: string | null,
  relay: () => Relay,
  variables: Variables,
])[] = [
  ["a relay at nine tenths", null, () => working(() => 1.49), { RATE_EPS: "600" }],
  [
    "a relay that answers each after 60 ms",
    "fsync-floor",
    () => waiting(() => 60),
    { RATE_EPS: "300" },
  ],
  [
    "a relay whose answers take longer and longer",
    "latency-drift",
    () => waiting((place) => place / 40),
    { RATE_EPS: "200" },
  ],
  [
    "a stall at the end",
    "stalls",
    () => waiting((_, atMs) => (atMs > 9_500 ? Math.max(2, 11_500 - atMs) : 2)),
    { RATE_EPS: "500" },
  ],
  [
    "a stall that is worked off",
    "stalls",
    () => working((_, atMs) => (atMs > 4_000 && atMs < 4_003 ? 900 : 1)),
    { RATE_EPS: "500" },
  ],
];

describe("a rate that the relay keeps is no overload", () => {
  for (const [told, first, relay, variables] of KEPT) {
    it(told, async () => {
      const { findings } = await run(relay(), variables);
      const found = findings
        .map(({ id, severity, title }) => `${id} ${severity} ${title}`)
        .join("; ");
      assert.ok(!findings.some(({ id }) => id === "overload"), found);
      const blaming = findings.filter(({ severity }) => first !== null || severity !== "info");
      assert.equal(blaming[0]?.id ?? null, first, found);
    });
  }

  it("nor are too few places for a time that each answer takes", async () => {
    const few = { RATE_EPS: "300", MAX_IN_FLIGHT: "1" };
    const report = await run(
      waiting(() => 400),
      few,
    );
    const found = report.findings.map(({ id }) => id);
    assert.ok(found.includes("queueing") && !found.includes("overload"), found.join());
    const { title } = report.findings.find(({ id }) => id === "queueing") ?? {};
    assert.match(
      title ?? "",
      /^50 publishes in flight of 4\d\d ms each carry about 12\d events\/s of the 300 set$/,
    );
  });
});
