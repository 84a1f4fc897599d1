/** What subscribers get of a relay that loses, repeats and drops, the real k6 counts as its ledger has it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { deliveryOf } from "../../src/report/class-report.ts";
import { zerosOf } from "../../src/report/zeros.ts";
import { FanRelay, right } from "../k6-world/fan-relay.ts";
import type { RelaySide } from "../k6-world/world.ts";
import { inPlace } from "./cli.ts";

/** The connection of a client, as the relay of virtual time has it. */
function sideOf(socket: WebSocket): RelaySide {
  const later = (ms: number, act: () => void) => void setTimeout(act, ms);
  return {
    url: "",
    get nowMs() {
      return performance.now();
    },
    later,
    answer: (data, afterMs, whenRead = () => {}) =>
      later(afterMs, () => {
        if (socket.readyState !== socket.OPEN) return;
        whenRead();
        socket.send(data);
      }),
    drop: () => socket.terminate(),
    dropAll: () => {},
    starve: () => {},
  };
}

async function serve(relay: FanRelay) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (socket) => {
    const side = sideOf(socket);
    socket.on("message", (data) => relay.receive(String(data), side, performance.now()));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, stop: () => server.close() };
}

describe("run fanout", () => {
  it("counts what was lost, repeated, delivered to others, and dropped in silence", async () => {
    const relay = new FanRelay({
      deliver: ({ place, subscription, eventPlace, event }, { subscriptions }) => {
        if (subscription.place === 3 && eventPlace >= 100) {
          subscription.ended = true;
          return [];
        }
        if (place % 100 === 7) return [];
        if (place % 100 === 8)
          return [...right(), { afterMs: 20, counts: ["frames", "duplicate"] }];
        if (place % 100 !== 9) return right();
        const to = subscriptions.find(
          ({ filters }) => !filters[0]?.authors?.includes(event.pubkey),
        );
        const counts = ["frames", "unexpected", "wrongSubscription"] as const;
        return to === undefined ? right() : [...right(), { afterMs: 5, to, counts }];
      },
    });
    const { url, stop } = await serve(relay);
    await inPlace(async (place) => {
      const flags = {
        ...{ relay: url, subscribers: 20, publishers: 2, fanout: 5, rate: 100, duration: 2 },
        ...{
          "delivery-timeout": 1_000,
          "ack-timeout": 1_000,
          seed: "truth",
          "report-dir": "reports",
        },
      };
      const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const ended = await place.run(["run", "fanout", "--force", "--no-calibrate", ...args]);
      const [report] = await place.reports();
      assert.ok(report, ended.stderr);
      const { bytes: _, inverted, invertedTies, ...totals } = deliveryOf(report).totals;
      const { bytes: __, inverted: ___, invertedTies: ____, ...zeros } = zerosOf("delivery");
      assert.deepEqual(totals, { ...zeros, ...relay.counts });
      assert.equal(totals.due, 1_000);
      // A repeated or strange frame is no delivery, and timers of the relay keep their order.
      assert.deepEqual([inverted, invertedTies], [0, 0]);
      const named = report.errors.filter((error) => error.class === "subscription");
      assert.deepEqual(
        named.map(({ code, count }) => [code, count]),
        [["silence", 1]],
      );
    });
    stop();
  });
});
