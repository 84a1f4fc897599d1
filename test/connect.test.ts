/** Connections as what a run is about, in virtual time: each mode against relays, and what is before them, that misbehave. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outcomeOf } from "../src/report/outcome.ts";
import { pointsOf } from "../src/report/points.ts";
import { recoveryOf } from "../src/report/recovery.ts";
import { badHandshake, type Guest, visit } from "./k6-world/door.ts";
import { refusal } from "./k6-world/trial.ts";

/** Windows begin at full seconds, the first one with a margin. */
const START_MS = 1_000;

describe("connections that are held", () => {
  it("come at their rate, are usable at EOSE, are asked now and then, and closed at the end", async () => {
    const { report, seen } = await visit({}, {});
    const { totals, times, rate } = report.classes.connection;
    assert.deepEqual(
      [totals.due, totals.opened, totals.usable, totals.closedByUs, totals.dropped],
      [20, 20, 20, 20, 0],
    );
    assert.deepEqual(
      seen.triesMs.map((ms) => Math.round((ms - START_MS) / 100)),
      Array.from({ length: 20 }, (_, i) => i),
    );
    // Half the time that they are held lies between probes: two come within the window, one of the twenty each.
    assert.deepEqual([totals.probes, totals.answered], [2, 2]);
    assert.ok(Math.abs((times.connect.p50 ?? 0) - 1) < 0.1, `${times.connect.p50}`);
    assert.ok(Math.abs((times.usable.p50 ?? 0) - 3) < 0.5, `${times.usable.p50}`);
    assert.ok(Math.abs((times.probe.p50 ?? 0) - 2) < 0.1, `${times.probe.p50}`);
    // While they came, and not over the time that they are held too.
    assert.deepEqual([rate.target, rate.sent, rate.done], [10, 10, 10]);
    const { responseP50, donePerSec } = report.noise.classes.connection ?? {};
    assert.deepEqual([responseP50 !== null, donePerSec], [true, [10, 10]]);
    assert.equal(report.run.durationSec, 6);
    assert.match(
      outcomeOf(report),
      /^The relay takes 10\.0 connections\/s: it opened all 20; all 20 were usable, p99 \d[^;]*; all 2 probes were answered$/,
    );
    assert.equal(report.config.pool.events, 0);
    const usable = pointsOf(report).map((point) => point.connectionsUsable);
    assert.deepEqual([Math.max(...usable.map((n) => n ?? 0)), usable.at(-1)], [20, 20]);
  });

  it("have their rate told by whole slices: one that they fill in part would look like a shortfall", async () => {
    const { report } = await visit({}, { CLIENTS: "33", CONNECT_RATE: "16", HOLD_SEC: "9" });
    const { rate } = report.classes.connection;
    assert.equal(report.run.sliceSec, 0.1);
    assert.ok(Math.abs(rate.done - 16) < 0.1, `${rate.done}`);
  });

  it("ask nothing where they are not to, and are usable at once", async () => {
    const { report, seen } = await visit({}, { ON_OPEN: "none" });
    const { totals, times } = report.classes.connection;
    assert.deepEqual([totals.asked, totals.usable, seen.asked], [0, 0, totals.probes]);
    assert.equal(times.usable.count, 20);
  });

  it("that get no EOSE, or CLOSED, are open and not usable", async () => {
    const { report } = await visit(
      { onAsk: (_, __, nth) => (nth < 5 ? "silent" : nth < 8 ? "closed" : undefined) },
      {},
    );
    const { asked, usable, refused, mute, interrupted } = report.classes.connection.totals;
    assert.deepEqual([asked, usable, refused, mute, interrupted], [20, 12, 3, 5, 0]);
    const timeout = report.errors.find((e) => e.class === "timeout");
    assert.deepEqual([timeout?.code, timeout?.count], ["no EOSE", 5]);
    const crossed = report.thresholds.filter(({ ok }) => ok === false);
    assert.deepEqual(
      crossed.map(({ metric, value }) => [metric, value]),
      [
        ["nostr_connections_refused", 3],
        ["nostr_connections_mute", 5],
      ],
    );
  });

  it("are asked one after the other, and not many in one moment", async () => {
    const askedMs: number[] = [];
    const { report } = await visit(
      {
        onAsk: ({ side }, id) => {
          if (id.startsWith("p")) askedMs.push(side.nowMs);
          return undefined;
        },
      },
      { CLIENTS: "600", CONNECT_RATE: "600", HOLD_SEC: "4" },
    );
    const { probes, answered } = report.classes.connection.totals;
    assert.deepEqual([answered, askedMs.length], [probes, probes]);
    const { vus } = report.config;
    // Of each VU one in a hundred within two seconds.
    const apartMs = 2_000 / Math.ceil(600 / vus / 100);
    const moments = [...new Set(askedMs.map((ms) => Math.round((ms - START_MS) / apartMs)))];
    assert.equal(probes, moments.length * vus);
    assert.ok(moments.length >= 5, moments.join(" "));
  });

  it("that died without a word are found by probes", async () => {
    // Half-open: nothing ends, and nothing comes any more.
    const { report } = await visit(
      { onAsk: (_, id) => (id.startsWith("p") ? "silent" : undefined) },
      {},
    );
    const { probes, unanswered, dropped } = report.classes.connection.totals;
    assert.deepEqual([probes, unanswered, dropped], [2, 2, 0]);
    assert.equal(
      report.thresholds.find(({ metric }) => metric === "nostr_probes_unanswered")?.ok,
      false,
    );
  });

  it("whose handshake takes no end wait for a place, and those without one are not tried", async () => {
    const { report } = await visit(
      { handshake: () => "silent" },
      { CONNECT_CONCURRENCY: "3", HOLD_SEC: "1" },
    );
    const { due, tried, unsent, unfinished, failed } = report.classes.connection.totals;
    assert.deepEqual([due, tried, unsent, unfinished, failed], [20, 3, 17, 3, 0]);
  });
});

describe("who is turned away", () => {
  it("by an accept and a close comes back as the policy has it, and the report names who is held", async () => {
    const { report, seen } = await visit(
      { onOpen: (guest, open) => open > 20 && guest.cut(1_013) },
      { CLIENTS: "300", CONNECT_RATE: "100", HOLD_SEC: "17" },
    );
    assert.ok(seen.triesMs.length > 600 && seen.triesMs.length < 2_000, `${seen.triesMs.length}`);
    const [finding] = report.findings;
    assert.equal(finding?.id, "connection-limit");
    assert.match(
      finding?.title ?? "",
      /holds 20 connections of 300: it accepts and closes with 1013/,
    );
    assert.equal(report.generator.verdict, "valid", report.generator.reasons.join("; "));
    const { mute, usable } = report.classes.connection.totals;
    assert.deepEqual([usable, mute], [20, seen.opened - 20]);
    const unmet = report.thresholds.filter(({ ok }) => ok !== true).map(({ metric }) => metric);
    assert.deepEqual(unmet, ["nostr_connections_mute"]);
  });

  const policies = {
    // From the first try: what follows as each one is refused.
    immediate: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    "nostr-tools": [10, 10, 10, 20],
    snort: [4, 8, 16, 32],
  };
  for (const [policy, delaysSec] of Object.entries(policies)) {
    it(`comes back as \`${policy}\` does: no sooner, and no oftener`, async () => {
      const { seen } = await visit(
        { handshake: () => ({ error: badHandshake }) },
        {
          ...{ CLIENTS: "1", CONNECT_RATE: "1", RECONNECT: policy },
          HOLD_SEC: policy === "immediate" ? "9.5" : "59",
        },
      );
      const gaps = seen.triesMs.slice(1).map((ms, i) => ms - (seen.triesMs[i] ?? 0));
      // A handshake takes a millisecond.
      const told = gaps.map((ms) => Math.round((ms - 1) / 10) / 100);
      assert.deepEqual(told, delaysSec.slice(0, told.length));
      assert.equal(
        told.length,
        delaysSec.length - (policy === "nostr-tools" ? 0 : policy === "snort" ? 1 : 0),
      );
    });
  }

  it("by jitter: each delay is below its bound, and not all of them near it", async () => {
    const { seen } = await visit(
      { handshake: () => ({ error: refusal }) },
      { CLIENTS: "40", CONNECT_RATE: "40", HOLD_SEC: "29" },
    );
    // At most as often as with half of each delay: 0.5, 1, 2, 4, 8, … s.
    const each = seen.triesMs.length / 40;
    assert.ok(each > 4 && each < 8, `${each} tries each`);
  });

  it("by a status of what stands before the relay has it counted", async () => {
    const { report } = await visit(
      { handshake: (place) => (place % 2 === 0 ? { error: badHandshake } : "open") },
      { RECONNECT: "immediate" },
    );
    const { opened, failed, due } = report.classes.connection.totals;
    assert.deepEqual([opened, due - opened], [20, failed]);
    assert.ok(failed >= 15);
  });
});

describe("sessions that follow each other", () => {
  it("last as long as they are to, and each is due when the one before ended", async () => {
    const { report, seen } = await visit(
      {},
      {
        CONNECT_MODE: "churn",
        SESSION_LENGTH: "fixed:1s",
        CLIENTS: "5",
        CONNECT_RATE: "5",
        HOLD_SEC: "4",
      },
    );
    const { ramp, churn, recovery } = report.classes.connection.rows;
    // Of five seconds each client has a session a second, less what opening and asking take.
    assert.equal(ramp?.totals.due, 5);
    assert.ok(
      (churn?.totals.due ?? 0) >= 18 && (churn?.totals.due ?? 0) <= 20,
      `${churn?.totals.due}`,
    );
    assert.equal(recovery, undefined);
    const { opened, closedByUs, interrupted, mute } = report.classes.connection.totals;
    assert.deepEqual([closedByUs, interrupted, mute], [opened, 0, 0]);
    assert.equal(seen.triesMs.length, opened);
  });

  it("are not cut short before their answer came", async () => {
    const { report } = await visit(
      { onAsk: () => "silent" },
      {
        CONNECT_MODE: "churn",
        SESSION_LENGTH: "fixed:0.1s",
        CLIENTS: "1",
        CONNECT_RATE: "1",
        HOLD_SEC: "3",
      },
    );
    const { opened, mute } = report.classes.connection.totals;
    assert.equal(mute, opened);
    assert.ok(opened >= 6 && opened <= 8, `${opened} sessions of half a second`);
  });
});

describe("connections that end together", () => {
  it("by our own cut come back, and the report says when half and nearly all could use the relay", async () => {
    const { report, seen } = await visit(
      {},
      {
        CONNECT_MODE: "recover",
        CLIENTS: "100",
        CONNECT_RATE: "50",
        HOLD_SEC: "12",
        RECONNECT: "nostr-tools",
      },
    );
    const { interrupted, recovered, dropped } = report.classes.connection.totals;
    assert.deepEqual([interrupted, recovered, dropped], [100, 100, 0]);
    assert.equal(seen.cuts.length, 0);
    const recovery = recoveryOf(report);
    for (const [share, ms] of recovery?.afterMs ?? []) {
      // Ten seconds, then a handshake and an answer.
      assert.ok(ms !== null && ms > 9_990 && ms < 10_200, `${share}: ${ms}`);
    }
    // Ramp of two seconds, held for twelve: none before.
    const back = seen.triesMs.slice(100);
    assert.ok(Math.min(...back) >= START_MS + 24_000, `${Math.min(...back)}`);
  });

  it("in part: the share that was asked for", async () => {
    const { report } = await visit(
      {},
      {
        CONNECT_MODE: "recover",
        CLIENTS: "200",
        CONNECT_RATE: "200",
        HOLD_SEC: "2",
        DROP_SHARE: "0.3",
        RECONNECT: "immediate",
      },
    );
    const { interrupted } = report.classes.connection.totals;
    assert.ok(interrupted > 40 && interrupted < 80, `${interrupted} of 200`);
  });

  it("as the relay restarts for a moment: what failed meanwhile was asked for", async () => {
    let isDown = false;
    const at = (ms: number, down: boolean) =>
      [
        START_MS + ms,
        (guests: readonly Guest[]) => {
          isDown = down;
          for (const guest of guests) guest.cut();
        },
      ] as const;
    const { report } = await visit(
      {
        handshake: () => (isDown ? { error: refusal } : "open"),
        at: [at(6_000, true), at(7_500, false)],
      },
      {
        CONNECT_MODE: "recover",
        CLIENTS: "100",
        CONNECT_RATE: "50",
        HOLD_SEC: "4",
        DROP_SHARE: "0",
        RECONNECT: "immediate",
      },
    );
    const { failed, interrupted, recovered } = report.classes.connection.totals;
    assert.ok(failed > 100, `${failed} failed`);
    assert.deepEqual([interrupted, recovered], [100, 100]);
    assert.deepEqual(
      report.thresholds.map(({ metric, ok }) => [metric, ok]),
      [
        ["nostr_clients_unrecovered", true],
        ["nostr_usable_time", true],
        ["nostr_connections_opened", true],
      ],
    );
  });

  it("as the relay restarts: who is not back counts against it", async () => {
    let isDown = false;
    let isBack = false;
    let back = 0;
    const { report } = await visit(
      {
        handshake: () => {
          if (isDown) return { error: refusal };
          return isBack && back++ >= 60 ? { error: refusal } : "open";
        },
        at: [
          [
            START_MS + 6_000,
            (guests) => {
              isDown = true;
              for (const guest of guests) guest.cut();
            },
          ],
          [
            START_MS + 8_000,
            () => {
              isDown = false;
              isBack = true;
            },
          ],
        ],
      },
      {
        CONNECT_MODE: "recover",
        CLIENTS: "100",
        CONNECT_RATE: "50",
        HOLD_SEC: "8",
        DROP_SHARE: "0",
        RECONNECT: "immediate",
      },
    );
    const { interrupted, recovered, unrecovered, dropped, reconnected, stillDown } =
      report.classes.connection.totals;
    assert.deepEqual([interrupted, recovered, unrecovered], [100, 60, 40]);
    assert.deepEqual([dropped, reconnected, stillDown], [100, 60, 40]);
    const [half, most] = recoveryOf(report)?.afterMs ?? [];
    assert.ok((half?.[1] ?? 0) > 1_900 && (half?.[1] ?? 0) < 3_200, `${half?.[1]}`);
    assert.equal(most?.[1], null);
  });

  it("one by one, as an idle timeout ends them, are named as that", async () => {
    const { report } = await visit(
      { onOpen: (guest) => guest.side.later(2_002, () => guest.cut()) },
      { HOLD_SEC: "8", RECONNECT: "immediate" },
    );
    assert.ok(
      report.findings.some(({ id }) => id === "idle-timeout"),
      report.findings.map(({ id }) => id).join(),
    );
    const { interrupted, recovered, unrecovered } = report.classes.connection.totals;
    assert.ok(interrupted >= 60 && recovered + unrecovered === interrupted);
  });
});
