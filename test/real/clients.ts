/** Connections and subscriptions on a real relay: what `connect` and `fanout` say of one that does well. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { deliveryOf } from "../../src/report/class-report.ts";
import { recoveryOf } from "../../src/report/recovery.ts";
import { countedDeliveries } from "../../src/report/relay-counts.ts";
import type { Report } from "../../src/report/types.ts";
import { assertBelieved } from "../k6/held-up.ts";
import { pause, type Tried } from "./tried.ts";

const DOWN_MS = 700;

export function tryClients(open: (use: (tried: Tried) => Promise<void>) => Promise<void>): void {
  for (const [mode, flags] of [
    ["storm", { clients: 200, "connect-rate": 400, hold: 4 }],
    ["churn", { clients: 50, "connect-rate": 50, hold: 5, "session-length": "fixed:1s" }],
  ] as const) {
    it(`connect --mode ${mode}: every client opens, is answered, and none is ended`, () =>
      open(async (tried) => {
        const report = await tried.clients("connect", { mode, ...flags });
        const { due, opened, usable, closedByUs, answered, probes } = totalsOf(report);
        assert.deepEqual([opened, usable, closedByUs], [due, due, due], said(report));
        assert.ok(probes > 0 && answered === probes, `${answered} of ${probes} probes`);
        if (mode === "churn") assert.ok(due > flags.clients * 4, `${due} sessions`);
        assertUnblamed(report);
      }));
  }

  it("connect --mode recover: restarted on purpose, all come back, no sooner than it is back", () =>
    open(async (tried) => {
      const restart = async () => {
        await tried.running.stop("SIGTERM");
        await pause(DOWN_MS);
        await tried.running.start();
      };
      const clients = 60;
      let restarted = Promise.resolve();
      const onSignal = () => {
        restarted = restart();
      };
      process.once("SIGUSR2", onSignal);
      const report = await tried
        .clients("connect", {
          ...{ mode: "recover", clients, "connect-rate": 60, hold: 6, reconnect: "immediate" },
          "restart-relay": `kill -USR2 ${process.pid}`,
        })
        .finally(() => process.off("SIGUSR2", onSignal));
      await restarted;
      const { interrupted, recovered, dropped, reconnected } = totalsOf(report);
      assert.deepEqual(
        [interrupted, recovered, dropped, reconnected],
        [clients, clients, clients, clients],
        said(report),
      );
      const [half] = recoveryOf(report)?.afterMs ?? [];
      assert.ok((half?.[1] ?? 0) >= DOWN_MS, `half were back after ${half?.[1]} ms`);
    }));

  it("fanout: every subscriber gets every event, once", () =>
    open(async (tried) => {
      const report = await tried.clients("fanout", {
        ...{ subscribers: 40, publishers: 4, fanout: 10, rate: 10, duration: 5 },
      });
      const { due, delivered, duplicate, unexpected } = deliveryOf(report).totals;
      assert.ok(due > 400, `${due} due`);
      assert.deepEqual([delivered, duplicate, unexpected], [due, 0, 0], said(report));
      const counted = countedDeliveries(report);
      assert.equal(counted !== null, tried.isCounting);
      assert.equal(counted?.counted, counted?.came, "what it sent, by its own count");
      assertUnblamed(report);
    }));
}

/** On a relay that serves those only who said who they are. */
export function tryAuth(open: (use: (tried: Tried) => Promise<void>) => Promise<void>): void {
  it("connect --on-open auth: every client is let in, and served then", () =>
    open(async (tried) => {
      const clients = 100;
      const flags = { mode: "storm", clients, "connect-rate": 100, hold: 3, "on-open": "auth" };
      const report = await tried.clients("connect", flags);
      const { needed, accepted, askedAgain } = report.classes.auth?.totals ?? {};
      assert.deepEqual([needed, accepted, askedAgain], [clients, clients, clients], said(report));
      assert.equal(totalsOf(report).usable, clients, said(report));
      assertUnblamed(report);
    }));

  it("connect without AUTH: nobody is served, and it is said why", () =>
    open(async (tried) => {
      const report = await tried.clients("connect", { mode: "storm", clients: 20, hold: 2 });
      assert.equal(totalsOf(report).refused, 20, said(report));
      const findings = report.findings.map(({ id }) => id);
      assert.ok(findings.includes("unusable-connections"), findings.join());
      assert.ok(!findings.includes("auth-challenge"), findings.join());
    }));
}

function totalsOf(report: Report) {
  return report.classes.connection.totals;
}

/** What is only slow may be the machine's doing; what is lost or refused is nobody's but the relay's. */
function assertUnblamed(report: Report): void {
  assertBelieved(report);
  const blaming = report.findings.filter(({ severity }) => severity === "critical");
  assert.deepEqual(blaming, []);
}

function said({ errors }: Report): string {
  return errors.map((e) => `${e.class} ${e.code} ${e.count} times: ${e.example}`).join("\n");
}
