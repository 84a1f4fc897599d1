/** The least that a k6 script can do to connect: opens connections and closes each as soon as it is open. */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { summaryOf } from "./summary.ts";

declare const __ENV: Readonly<Record<string, string>>;

const { URL: url = "", AT_ONCE = "25", SECONDS = "5" } = __ENV;
const done = new Counter("done");

export const options = {
  scenarios: { bare: { executor: "per-vu-iterations", vus: 2, iterations: 1 } },
};

export default async function connect(): Promise<void> {
  const { instance } = exec;
  const endMs = instance.currentTestRunDuration + Number(SECONDS) * 1_000;
  let opened = 0;
  const chain = async (): Promise<void> => {
    while (instance.currentTestRunDuration < endMs) {
      await new Promise<void>((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => {
          opened++;
          socket.close();
        };
        socket.onclose = () => resolve();
      });
    }
  };
  await Promise.all(Array.from({ length: Number(AT_ONCE) }, chain));
  done.add(opened);
}

export const handleSummary = summaryOf;
