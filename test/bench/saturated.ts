/** As fast as eight events under way on each of a hundred connections allow: ours beside other clients, in turn. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atLeast, notes } from "./goal.ts";
import { type K6Figures, type K6Load, median, type PoolRig, type Rig, runK6 } from "./k6-run.ts";
import { MANY_EVENTS, withLookAlikes } from "./look-alikes.ts";
import { benchMetricCost } from "./metric-cost.ts";
import { obtainNostrBench, runNostrBench } from "./nostr-bench.ts";
import { eventsPerSecond, type Print } from "./row.ts";

export const SATURATED: K6Load = { clients: 100, rate: 100_000, seconds: 5, maxInFlight: 8 };
/** There are many variants. */
const SHORT = { ...SATURATED, seconds: 3 };
const MOST_ROUNDS = 3;
const nodeClient = fileURLToPath(new URL("node-client.ts", import.meta.url));

export async function benchSaturated(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const nostrBench = await obtainNostrBench();
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const ours: K6Figures[] = [];
  const node: number[] = [];
  const crate: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    node.push(await runNodeClient(large));
    ours.push(await runK6(large, SATURATED));
    if ("path" in nostrBench) {
      crate.push(await runNostrBench(nostrBench.path, ["event"], rig.url, SATURATED.clients));
    }
  }
  const k6PerSecond = median(ours.map((f) => f.perSecond));
  const ofCrate = "path" in nostrBench ? k6PerSecond / median(crate) : Number.NaN;
  print("saturated, plain Node client on ws", eventsPerSecond(median(node)));
  print(
    "saturated, nostr-bench (signs in its loop)",
    "path" in nostrBench ? eventsPerSecond(median(crate)) : "not measured",
    "path" in nostrBench ? "one in flight on each connection" : nostrBench.missing,
  );
  print(
    "saturated, k6",
    eventsPerSecond(k6PerSecond),
    notes(
      `${(k6PerSecond / median(node)).toFixed(2)} of the Node client`,
      `${ofCrate.toFixed(2)} of nostr-bench`,
      atLeast(ofCrate, 1),
      `${median(ours.map((f) => f.cpuMicros)).toFixed(1)} µs of CPU an event`,
    ),
  );
}

/** Saturated with each record that is kept of an event left out. */
export async function benchRecords(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const costs = await benchMetricCost(large, SHORT, Math.min(repetitions, MOST_ROUNDS));
  const [whole] = costs;
  for (const { name, perSecond, cpuMicros } of costs) {
    print(
      `saturated, ${name}`,
      eventsPerSecond(perSecond),
      `${cpuMicros.toFixed(1)} µs of CPU an event, ${(perSecond / (whole?.perSecond ?? Number.NaN)).toFixed(2)} of the whole`,
    );
  }
}

async function runNodeClient({ url, pool }: PoolRig): Promise<number> {
  const { clients, maxInFlight, seconds } = SATURATED;
  const words = [url, join(pool, "frames.txt"), clients, maxInFlight, seconds].map(String);
  const child = spawn(process.execPath, ["--import", "tsx", nodeClient, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
  });
  await once(child, "close");
  const { events, seconds: took } = JSON.parse(text) as { events: number; seconds: number };
  return events / took;
}
