/**
 * The yardstick: a plain Node client on `ws` that does the same closed-loop work as the generator under
 * saturation: so many connections, so many events in flight on each, each OK matched to its event by
 * id. Prints `{ events, seconds }`.
 */
import { readFileSync } from "node:fs";
import { WebSocket } from "ws";

const [url = "", frames = "", connections = "100", inFlight = "8", seconds = "5"] =
  process.argv.slice(2);
const lines = readFileSync(frames, "utf8").split("\n");
let at = 0;
let answered = 0;
let endMs = Number.POSITIVE_INFINITY;

function open(): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on("open", () => resolve(socket));
    socket.on("error", reject);
  });
}

const sockets = await Promise.all(Array.from({ length: Number(connections) }, open));
const startMs = performance.now();
endMs = startMs + Number(seconds) * 1_000;
for (const socket of sockets) {
  const pending = new Map<string, number>();
  const send = () => {
    const frame = lines[at++ % (lines.length - 1)]?.slice(3) ?? "";
    pending.set(frame.slice(16, 80), performance.now());
    socket.send(frame);
  };
  socket.on("message", (data: Buffer) => {
    const text = data.toString();
    if (!pending.delete(text.slice(7, 71))) return;
    answered++;
    if (performance.now() < endMs) send();
  });
  for (let i = 0; i < Number(inFlight); i++) send();
}
setTimeout(() => {
  console.log(JSON.stringify({ events: answered, seconds: (performance.now() - startMs) / 1_000 }));
  process.exit(0);
}, Number(seconds) * 1_000);
