/**
 * The least that a k6 script can do to hold connections: opens them at a rate, asks once on each as a client does, and
 * keeps them. Counts those that were answered.
 */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { summaryOf } from "./summary.ts";

declare const __ENV: Readonly<Record<string, string>>;

const { URL: url = "", CLIENTS = "1000", RATE = "1000", HOLD_SEC = "4", VUS = "2" } = __ENV;
const TIMER_MS = 5;
const done = new Counter("done");

export const options = {
  scenarios: { bare: { executor: "per-vu-iterations", vus: Number(VUS), iterations: 1 } },
};

export default async function hold(): Promise<void> {
  const { instance } = exec;
  const wanted = Number(CLIENTS) / Number(VUS);
  const perMs = Number(RATE) / Number(VUS) / 1_000;
  const endMs = wanted / perMs + Number(HOLD_SEC) * 1_000;
  const startMs = instance.currentTestRunDuration;
  const sockets: WebSocket[] = [];
  let answered = 0;
  await new Promise<void>((resolve) => {
    const dial = (): void => {
      const socket = new WebSocket(url);
      sockets.push(socket);
      socket.onopen = () => socket.send('["REQ","s",{"kinds":[1],"limit":1}]');
      socket.onmessage = () => {
        answered++;
      };
    };
    const turn = (): void => {
      const ms = instance.currentTestRunDuration - startMs;
      while (sockets.length < wanted && sockets.length < ms * perMs) dial();
      if (ms < endMs) setTimeout(turn, TIMER_MS);
      else resolve();
    };
    turn();
  });
  for (const socket of sockets) socket.close();
  done.add(answered);
}

export const handleSummary = summaryOf;
