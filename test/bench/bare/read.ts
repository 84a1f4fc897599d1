/** The least that a k6 script can do to read: asks one REQ after the other on each connection, counts frames. */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { summaryOf } from "./summary.ts";

declare const __ENV: Readonly<Record<string, string>>;

const { URL: url = "", SOCKETS = "8", LIMIT = "500", SECONDS = "5" } = __ENV;
const done = new Counter("done");

export const options = {
  scenarios: { bare: { executor: "per-vu-iterations", vus: 2, iterations: 1 } },
};

export default async function read(): Promise<void> {
  const { instance } = exec;
  const sockets: WebSocket[] = [];
  const endMs = instance.currentTestRunDuration + Number(SECONDS) * 1_000;
  let frames = 0;
  let asked = 0;
  await new Promise<void>((resolve) => {
    for (let i = 0; i < Number(SOCKETS); i++) {
      const socket = new WebSocket(url);
      const ask = (): void => socket.send(`["REQ","q${++asked}",{"limit":${LIMIT}}]`);
      socket.onopen = ask;
      socket.onmessage = (message) => {
        const text = (message as { readonly data: unknown }).data as string;
        // `["EVENT"` or `["EOSE"`.
        if (text.charCodeAt(3) === 86) frames++;
        else if (instance.currentTestRunDuration < endMs) ask();
      };
      sockets.push(socket);
    }
    setTimeout(
      () => {
        for (const socket of sockets) socket.close();
        resolve();
      },
      Number(SECONDS) * 1_000 + 100,
    );
  });
  done.add(frames);
}

export const handleSummary = summaryOf;
