/** The least that a k6 script can do to connect: opens so many connections, and closes them when all are open. */
import { Counter } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { summaryOf } from "./summary.ts";

declare const __ENV: Readonly<Record<string, string>>;

const { URL: url = "", CLIENTS = "10000", AT_ONCE = "50" } = __ENV;
const VUS = 2;
const done = new Counter("done");

export const options = {
  scenarios: { bare: { executor: "per-vu-iterations", vus: VUS, iterations: 1 } },
};

export default async function connect(): Promise<void> {
  const sockets: WebSocket[] = [];
  const wanted = Number(CLIENTS) / VUS;
  let opened = 0;
  await new Promise<void>((resolve) => {
    const dial = (): void => {
      if (sockets.length === wanted) return;
      const socket = new WebSocket(url);
      sockets.push(socket);
      socket.onopen = () => {
        if (++opened === wanted) resolve();
        dial();
      };
    };
    for (let i = 0; i < Number(AT_ONCE) / VUS; i++) dial();
  });
  // As long as whoever counts them at the relay may need to see all.
  await new Promise<void>((resolve) => setTimeout(resolve, 1_000));
  for (const socket of sockets) socket.close();
  done.add(opened);
}

export const handleSummary = summaryOf;
