/** Connections that fail or end are counted and named, and so is what was lost with them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { publishOf } from "../../src/report/class-report.ts";
import { accept, type Cut, cut } from "../faulty-relay/frames.ts";
import type { Handshake } from "../faulty-relay/relay.ts";
import { assertTrue, publish, withRelay } from "./harness.ts";

/** Place of an event → how the connection it came by is ended instead of an answer. */
const endings: Readonly<Record<number, Cut["how"]>> = {
  5: "reset",
  12: "end",
  19: 1000,
  26: 1001,
  33: 1008,
  40: 1011,
  47: 4000,
  54: "reset",
  61: "end",
};

test("names each way a connection ends, counts what was lost, and opens it again", () =>
  withRelay(
    {
      answer: ({ event, place }) => {
        const how = endings[place];
        return [how === undefined ? accept(event.id) : cut(how)];
      },
    },
    async (relay) => {
      const run = await publish(relay, { duration: 2 });
      assertTrue(run, relay, { exitCode: 99 });
      assert.equal(run.report.classes.connection.totals.dropped, Object.keys(endings).length);
      assert.ok(publishOf(run.report).totals.lost >= Object.keys(endings).length);
    },
  ));

const firstHandshakes: readonly Handshake[] = [429, "open", 503, "open", "reset", "end", 503];

test("tries again after refused handshakes and counts each", () =>
  withRelay({ handshake: (place) => firstHandshakes[place] ?? "open" }, async (relay) => {
    // Whether the second tries come before the window or in it is a matter of luck.
    const run = await publish(relay, {
      duration: 6,
      threshold: "nostr_publish_failed: rate<=1",
    });
    const { failed, opened } = run.report.classes.connection.totals;
    const { answers = [] } = run.report.handshakes ?? {};
    const refusedOnes = answers.filter(({ status }) => status !== 101);
    // Some of the places that are refused may be taken by the command line's own handshakes.
    const own = refusedOnes.reduce((sum, { count }) => sum + count, 0);
    assert.equal(failed, 5 - own);
    assert.ok(answers.length > 0 && opened >= 3, JSON.stringify(answers));
    assertTrue(run, relay, { exitCode: 0 });
  }));

for (const status of [429, 503]) {
  test(`measures nothing where each handshake is refused with ${status}`, () =>
    withRelay({ handshake: () => status }, async (relay) => {
      const run = await publish(relay);
      assert.equal(publishOf(run.report).totals.noConnection, 50);
      const { asked = 0, answers = [] } = run.report.handshakes ?? {};
      assert.ok(asked >= 1 && asked <= 6, `${asked} asked`);
      assert.deepEqual(answers, [{ status, text: "Refused", count: asked }]);
      const ids = run.report.findings.map(({ id }) => id);
      assert.deepEqual(ids, [status === 429 ? "address-limit" : "proxy-without-relay", "no-data"]);
      assertTrue(run, relay, { exitCode: 3 });
    }));
}

test("measures nothing where no one listens", () =>
  withRelay({}, async (relay) => {
    await relay.vanish();
    const run = await publish(relay, { duration: 3 });
    const { failed, opened, unfinished } = run.report.classes.connection.totals;
    assert.ok(failed >= 8 && opened === 0);
    // Each client may be trying at the very end.
    assert.ok(unfinished <= 4, `${unfinished} unfinished`);
    const errors = unfinished > 0 ? { "connect/unfinished": unfinished } : {};
    assertTrue(run, relay, { exitCode: 3, unreached: failed + unfinished, errors });
    // The try that is yet to come must not hold up the end.
    assert.equal(run.report.findings[0]?.id, "unreachable");
    const { startedAt, endedAt } = run.report.run;
    assert.ok(Date.parse(endedAt) - Date.parse(startedAt) < 5_800);
  }));

test("survives a relay that vanishes and comes back", () => {
  let back: Promise<unknown> = Promise.resolve();
  return withRelay(
    {
      answer: ({ event, place }, relay) => {
        if (place !== 20) return [accept(event.id)];
        back = relay.vanish().then(() => relay.startAgainAfter(500));
        return [];
      },
    },
    async (relay) => {
      const run = await publish(relay, { duration: 3 });
      await back;
      const { reconnected, failed } = run.report.classes.connection.totals;
      assert.equal(reconnected, 4);
      assert.ok(failed >= 4);
      assert.ok(publishOf(run.report).totals.noConnection > 10);
      // One that comes back at once may be taken, and reset, as the relay goes.
      const of = (code: string) => run.report.errors.find((e) => e.code === code)?.count ?? 0;
      assertTrue(run, relay, { exitCode: 99, unreached: of("refused"), unread: of("reset") });
    },
  );
});

test("holds off with pings what ends idle connections", () =>
  withRelay({ idleMs: 1_500 }, async (relay) => {
    const run = await publish(relay, { rate: 1, duration: 5, ping: 0.3 });
    assert.equal(run.report.classes.connection.totals.dropped, 0);
    assertTrue(run, relay, { exitCode: 0 });
  }));

test("sends the user's headers, from the addresses that were given, and shows no value of them", () => {
  const addresses = new Set<string>();
  const sources = new Set<string>();
  const offers = new Set<unknown>();
  return withRelay(
    {
      admits: (headers, from) => {
        addresses.add(String(headers["x-real-ip"]));
        sources.add(from);
        offers.add(headers["sec-websocket-extensions"]);
        return headers.origin === "https://app.example";
      },
    },
    async (relay) => {
      const run = await publish(relay, {
        header: "Origin: https://app.example",
        "client-ip-header": "X-Real-IP",
        "local-ips": "127.0.0.2-127.0.0.5",
        compression: true,
      });
      assertTrue(run, relay, { exitCode: 0 });
      assert.deepEqual(
        [...addresses].sort(),
        [1, 2, 3, 4].map((n) => `198.18.0.${n}`),
      );
      // Of four addresses three VUs have one each, and the VU that asks for resources has one.
      assert.equal(sources.size, 3);
      for (const from of sources) assert.match(from, /^127\.0\.0\.[2-5]$/);
      assert.deepEqual(
        [...offers].map((offer) => String(offer).split(";")[0]),
        ["permessage-deflate"],
      );
      const told = `${run.stdout}${run.stderr}${JSON.stringify(run.report)}`;
      assert.ok(!told.includes("app.example"));
    },
  );
});
