/** The relay of virtual time that fans out, behind a real port, and a run of `fanout` against it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { Report } from "../../src/report/types.ts";
import type { FanRelay } from "../k6-world/fan-relay.ts";
import type { RelaySide } from "../k6-world/world.ts";
import { inPlace } from "./cli.ts";

/** Told of each frame as it is handed to the system. */
export type OnSent = (data: string, atMs: number) => void;

/** The connection of a client, as the relay of virtual time has it. */
function sideOf(socket: WebSocket, onSent: OnSent): RelaySide {
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
        onSent(String(data), performance.now());
        socket.send(data);
      }),
    drop: () => socket.terminate(),
    dropAll: () => {},
    starve: () => {},
  };
}

/** 20 subscribers of four topics, 100 events/s for two seconds: 1,000 deliveries. */
const FLAGS = {
  ...{ subscribers: 20, publishers: 2, fanout: 5, rate: 100, duration: 2 },
  ...{ "delivery-timeout": 1_000, "ack-timeout": 1_000, seed: "truth", "report-dir": "reports" },
};

export async function runFanout(relay: FanRelay, onSent: OnSent = () => {}): Promise<Report> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (socket) => {
    const side = sideOf(socket, onSent);
    socket.on("message", (data) => relay.receive(String(data), side, performance.now()));
  });
  const { port } = server.address() as AddressInfo;
  const flags = Object.entries({ ...FLAGS, relay: `ws://127.0.0.1:${port}` });
  const args = flags.flatMap(([name, value]) => [`--${name}`, String(value)]);
  try {
    return await inPlace(async (place) => {
      const ended = await place.run(["run", "fanout", "--force", "--no-calibrate", ...args]);
      const [report] = await place.reports();
      if (report === undefined) throw new Error(`no report:\n${ended.stderr}`);
      return report;
    });
  } finally {
    server.close();
  }
}
