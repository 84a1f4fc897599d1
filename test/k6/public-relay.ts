/**
 * A program for dedicated.test.ts: a relay on a public address, in a network namespace where that is an
 * address of its own loopback device. It serves the proof given, starts the command given, and prints
 * what came of both as JSON.
 *
 *     public-relay.ts <proof, `302` or nothing> <program> <arguments…>
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { PROOF_PATH } from "../../src/guard/proof.ts";

const HOST = "8.8.8.8";
const [proof = "", program = "", ...args] = process.argv.slice(2);

let handshakes = 0;
const relay = createServer((_, response) => response.writeHead(404).end());
new WebSocketServer({ server: relay }).on("connection", (socket) => {
  handshakes++;
  socket.on("message", (data) => {
    const [, { id }]: [string, { id: string }] = JSON.parse(String(data));
    socket.send(JSON.stringify(["OK", id, true, ""]));
  });
});
const site = createServer((request, response) => {
  if (proof === "302") response.writeHead(302, { location: "/elsewhere" }).end();
  else if (request.url === PROOF_PATH && proof !== "") response.end(proof);
  // What a redirect would lead to is a proof indeed.
  else if (request.url === "/elsewhere") response.end(`host: ${HOST}\nuntil: 2999-12-31\n`);
  else response.writeHead(404).end();
});
await new Promise<void>((resolve) => relay.listen(7777, HOST, resolve));
await new Promise<void>((resolve) => site.listen(80, HOST, resolve));

const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
let output = "";
for (const stream of [child.stdout, child.stderr]) {
  stream.on("data", (data) => {
    output += data;
  });
}
child.on("close", (code) => {
  console.log(JSON.stringify({ code, output, handshakes }));
  process.exit();
});
