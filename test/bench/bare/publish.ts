/**
 * The least that a k6 script can do to publish: sends a pool's frames, matches each OK by its id, counts. With
 * `RATE` on schedule (an open model by a timer and by each answer), without it as fast as `IN_FLIGHT` on each
 * connection allows. No times, no outcomes, no connection that ends: the bound, not a generator.
 */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { summaryOf } from "./summary.ts";

declare const __ENV: Readonly<Record<string, string>>;
declare function open(path: string): string;

const { URL: url = "", SOCKETS = "50", IN_FLIGHT = "8", RATE = "0", SECONDS = "5" } = __ENV;
const VUS = 2;
const TIMER_MS = 0.5;
const lines = open(`${__ENV.POOL}/frames.txt`).split("\n").slice(0, -1);
const done = new Counter("done");

export const options = {
  scenarios: { bare: { executor: "per-vu-iterations", vus: VUS, iterations: 1 } },
};

export default async function publish(): Promise<void> {
  const { instance } = exec;
  const sockets: WebSocket[] = [];
  const pending = new Map<string, number>();
  const rate = Number(RATE) / VUS;
  let at = 0;
  let sent = 0;
  let answered = 0;
  let startMs = 0;
  let endMs = Number.POSITIVE_INFINITY;
  const send = (socket: WebSocket): void => {
    const line = lines[at++ % lines.length] as string;
    pending.set(line.substring(19, 83), ++sent);
    socket.send(line.substring(3));
  };
  const pump = (): void => {
    const due =
      Math.min(rate * (instance.currentTestRunDuration - startMs), rate * Number(SECONDS) * 1_000) /
      1_000;
    for (let n = 0; n < 64 && sent < due; n++) send(sockets[sent % sockets.length] as WebSocket);
  };
  await new Promise<void>((resolve) => {
    for (let i = 0; i < Number(SOCKETS); i++) {
      const socket = new WebSocket(url);
      socket.onopen = () => {
        if (sockets.push(socket) < Number(SOCKETS)) return;
        startMs = instance.currentTestRunDuration;
        endMs = startMs + Number(SECONDS) * 1_000;
        if (rate === 0)
          for (const one of sockets) for (let n = 0; n < Number(IN_FLIGHT); n++) send(one);
      };
      socket.onmessage = (message) => {
        const text = (message as { readonly data: unknown }).data as string;
        if (pending.delete(text.substring(7, 71))) answered++;
        if (rate > 0) pump();
        else if (instance.currentTestRunDuration < endMs) send(socket);
      };
    }
    const turn = (): void => {
      if (rate > 0 && startMs > 0) pump();
      if (instance.currentTestRunDuration < endMs + 200) {
        setTimeout(turn, rate > 0 ? TIMER_MS : 50);
        return;
      }
      for (const socket of sockets) socket.close();
      resolve();
    };
    setTimeout(turn, 1);
  });
  done.add(answered);
}

export const handleSummary = summaryOf;
