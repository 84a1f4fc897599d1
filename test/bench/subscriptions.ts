/**
 * Memory of a subscription beyond that of its connection: what lives in k6's heap, right behind a collection, with many on
 * each of a hundred connections and with one on each. Resident memory is some times that, and would hide it.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { signFanoutPool, withEmbedded } from "./fanout-pool.ts";
import { atMost, notes } from "./goal.ts";
import { median, type Rig, runScript } from "./k6-run.ts";
import type { Print } from "./row.ts";

const CONNECTIONS = 100;
const FANOUT = 10;
const GOAL_BYTES = 1_000;
const LOOK_EVERY_MS = 500;
/** The last looks find the run at its end, those before with all subscriptions open. */
const [OPEN_LOOKS, END_LOOKS] = [4, 2];
const MOST_REPETITIONS = 3;

export async function benchSubscriptions(
  rig: Rig,
  { subscriptions, repetitions }: { readonly subscriptions: number; readonly repetitions: number },
  print: Print,
): Promise<void> {
  const loads = [1, subscriptions / CONNECTIONS].map(loadOf);
  const pools: string[] = [];
  for (const load of loads) {
    const name = `subscriptions-${load.SUBS_PER_CONNECTION}`;
    pools.push(await signFanoutPool(rig, name, load));
  }
  const heaps = loads.map((): number[] => []);
  for (let i = 0; i < Math.min(repetitions, MOST_REPETITIONS); i++) {
    for (const [place, load] of loads.entries()) {
      heaps[place]?.push(await liveHeap({ ...rig, pool: pools[place] ?? null }, load));
    }
  }
  const [few = Number.NaN, many = Number.NaN] = heaps.map(median);
  const each = (many - few) / (subscriptions - CONNECTIONS);
  print(
    `${subscriptions} subscriptions on ${CONNECTIONS} connections`,
    `${each.toFixed(0)} B each beyond the connection`,
    notes(
      atMost(each, GOAL_BYTES, "B"),
      `k6's live heap ${(many / 1e6).toFixed(1)} MB, with one on each connection ${(few / 1e6).toFixed(1)} MB`,
      "their share of their topics included",
    ),
  );
}

function loadOf(each: number) {
  return {
    SUBSCRIBERS: String(CONNECTIONS),
    SUBS_PER_CONNECTION: String(each),
    FANOUT: String(FANOUT),
    PUBLISHERS: "2",
    RATE_EPS: "10",
    DURATION_SEC: "4",
    DELIVERY_TIMEOUT_MS: "1000",
  };
}

/** Bytes that live, with all subscriptions open. */
async function liveHeap(rig: Rig, load: Readonly<Record<string, string>>): Promise<number> {
  const address = `127.0.0.1:${await freePort()}`;
  const looks: number[] = [];
  let isOver = false;
  const look = async () => {
    for (; !isOver; await wait(LOOK_EVERY_MS)) {
      const bytes = await heapBytes(address);
      if (bytes !== null) looks.push(bytes);
    }
  };
  const looking = look();
  await withEmbedded((url) =>
    runScript({ ...rig, url }, "fanout", load, {
      args: ["--profiling-enabled", "--address", address],
    }),
  );
  isOver = true;
  await looking;
  return median(looks.slice(-OPEN_LOOKS - END_LOOKS, -END_LOOKS));
}

/** By Go's profile of the heap, which collects garbage first; `null` while k6 is not there. */
async function heapBytes(address: string): Promise<number | null> {
  try {
    const answer = await fetch(`http://${address}/debug/pprof/heap?gc=1&debug=1`);
    const bytes = /^# HeapAlloc = (\d+)$/m.exec(await answer.text())?.[1];
    return bytes === undefined ? null : Number(bytes);
  } catch {
    return null;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
