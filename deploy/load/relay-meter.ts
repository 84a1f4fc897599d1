/**
 * What the relay's container takes of processor and memory, in the terms of Prometheus' client libraries. It
 * runs beside the relay, in its network and process namespace, since no relay here says so of itself.
 */
import { createServer } from "node:http";
import { placeOf } from "../../src/node/guard/own-address.ts";
import { type ProcessUsage, readTree } from "../../src/node/proc.ts";
import { listen } from "../../src/node/relay/listen.ts";
import { catchInterrupts } from "../../src/node/signals.ts";

const [root = "1", port = "9779"] = process.argv.slice(2);

const FIGURES = [
  ["process_cpu_seconds_total", "counter", "User and system time, seconds", "cpuSec"],
  ["process_resident_memory_bytes", "gauge", "Resident memory, bytes", "rssBytes"],
  ["process_open_fds", "gauge", "Open files", "openFiles"],
] as const;

const server = createServer((_, response) => {
  const tree = readTree(Number(root));
  response.setHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.end(render([...tree.values()]));
});
const { authority } = await listen(server, { ...placeOf(process.env), port: Number(port) });
process.stdout.write(`metrics of process ${root} and all below it: http://${authority}/metrics\n`);
catchInterrupts().signal.addEventListener("abort", () => {
  server.close();
  server.closeAllConnections();
});

/** A figure that one of the processes lacks is left out: a sum without it would be wrong. */
function render(usages: readonly ProcessUsage[]): string {
  return FIGURES.map(([name, type, help, figure]) => {
    const values = usages.map((usage) => usage[figure]);
    if (values.length === 0 || values.includes(null)) return "";
    const sum = values.reduce<number>((total, value) => total + (value ?? 0), 0);
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${sum}\n`;
  }).join("");
}
