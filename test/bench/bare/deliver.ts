/**
 * The least that a k6 script can do to publish to subscribers: in each VU the events of one author go out on schedule on
 * one connection, and the frames that come on those that subscribe to the author are counted.
 */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { summaryOf } from "./summary.ts";

declare const __ENV: Readonly<Record<string, string>>;
declare function open(path: string): string;

const { URL: url = "", SUBSCRIBERS = "200", RATE = "100", SECONDS = "5" } = __ENV;
const VUS = 2;
const TIMER_MS = 5;
const lines = open(`${__ENV.POOL}/frames.txt`).split("\n").slice(0, -1);
const done = new Counter("done");

export const options = {
  scenarios: { bare: { executor: "per-vu-iterations", vus: VUS, iterations: 1 } },
};

export default async function deliver(): Promise<void> {
  const { instance } = exec;
  const authors = [...new Set(lines.map(authorOf))];
  const author = authors[exec.scenario.iterationInTest % authors.length];
  const own = lines.filter((line) => authorOf(line) === author);
  const subscribers = Number(SUBSCRIBERS) / VUS;
  const sockets: WebSocket[] = [];
  let ready = 0;
  let frames = 0;
  let sent = 0;
  let startMs = 0;
  await new Promise<void>((resolve) => {
    const begin = (): void => {
      if (++ready < subscribers + 1) return;
      startMs = instance.currentTestRunDuration;
      turn();
    };
    const publisher = new WebSocket(url);
    publisher.onopen = begin;
    sockets.push(publisher);
    for (let i = 0; i < subscribers; i++) {
      const socket = new WebSocket(url);
      socket.onopen = () => socket.send(`["REQ","s",{"authors":["${author}"],"limit":1}]`);
      socket.onmessage = (message) => {
        const text = (message as { readonly data: unknown }).data as string;
        // `["EVENT"` or `["EOSE"`.
        if (text.charCodeAt(3) === 86) frames++;
        else begin();
      };
      sockets.push(socket);
    }
    const turn = (): void => {
      const ms = instance.currentTestRunDuration - startMs;
      const due = (Math.min(ms, Number(SECONDS) * 1_000) * Number(RATE)) / VUS / 1_000;
      for (; sent < due && sent < own.length; sent++) {
        publisher.send((own[sent] as string).substring(3));
      }
      if (ms < Number(SECONDS) * 1_000 + 500) {
        setTimeout(turn, TIMER_MS);
        return;
      }
      for (const socket of sockets) socket.close();
      resolve();
    };
  });
  done.add(frames);
}

function authorOf(line: string): string {
  const at = line.indexOf('"pubkey":"') + 10;
  return line.substring(at, at + 64);
}

export const handleSummary = summaryOf;
