/**
 * Memory of a connection that is held and says nothing, ours beside a bare script that opens as many at the same rate, with
 * the same limits for Go's collector: k6's resident memory over a run of two connections, once all are open.
 */
import { setTimeout as wait } from "node:timers/promises";
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import { runBare } from "./bare.ts";
import { atMost, notes } from "./goal.ts";
import { median, type Rig, readUsage, runScript, type Watch } from "./k6-run.ts";
import { openFiles } from "./open-files.ts";
import { megabytes, type Print } from "./row.ts";

const FEW = 2;
const RATE = 1_000;
const HOLD_SEC = 5;
/** Behind the last handshake. */
const SETTLED_MS = 2_000;
const LOOK_EVERY_MS = 100;
/** Times a bare script's. */
const GOAL = 1.15;
/** Four runs each, of which two take half a minute. */
const MOST_REPETITIONS = 3;

type Load = (rig: Rig, clients: number, watch: Watch) => Promise<unknown>;

export async function benchIdle(
  rig: Rig,
  { clients, repetitions }: { readonly clients: number; readonly repetitions: number },
  print: Print,
): Promise<void> {
  const collector = { GOGC: String(garbageTarget(clients)), GOMEMLIMIT: memoryLimit(clients) };
  /** As many as the plan takes for so many clients. */
  const vus = String(clients > 2_500 ? 2 : 1);
  const bareHold: Load = (of, count, { onStart }) => {
    const variables = { CLIENTS: String(count), RATE: String(RATE), HOLD_SEC: String(HOLD_SEC) };
    return runBare(of, "hold", { ...collector, ...variables, VUS: vus }, onStart);
  };
  const ourHold: Load = (of, count, watch) => {
    const variables = { CLIENTS: String(count), CONNECT_RATE: String(RATE), CONNECT_MODE: "hold" };
    return runScript(
      of,
      "connect",
      { ...collector, ...variables, HOLD_SEC: String(HOLD_SEC) },
      watch,
    );
  };
  const bare: number[] = [];
  const ours: number[] = [];
  const total: number[] = [];
  for (let i = 0; i < Math.min(repetitions, MOST_REPETITIONS); i++) {
    const each = async (load: Load) => {
      const few = await held(rig, FEW, load);
      const many = await held(rig, clients, load);
      return { bytes: (many - few) / (clients - FEW), many };
    };
    bare.push((await each(bareHold)).bytes);
    const { bytes, many } = await each(ourHold);
    ours.push(bytes);
    total.push(many);
  }
  const kilobytes = (of: readonly number[]) => `${(median(of) / 1e3).toFixed(1)} kB each`;
  const times = median(ours) / median(bare);
  print(`bare hold, ${clients} connections`, kilobytes(bare));
  print(
    `ours, connect --mode hold, ${clients} connections`,
    `${kilobytes(ours)}, ${megabytes(median(total))}`,
    notes(`${times.toFixed(2)} × bare`, atMost(times, GOAL)),
  );
}

/** k6's resident bytes with so many connections; `NaN` where not all were open at once. */
async function held(rig: Rig, clients: number, load: Load): Promise<number> {
  const sink = await startRelayProcess(["--sink"]);
  const before = openFiles(sink.pid);
  let bytes = Number.NaN;
  let isOver = false;
  const look = async (pid: number) => {
    while (openFiles(sink.pid) - before < clients && !isOver) await wait(LOOK_EVERY_MS);
    await wait(SETTLED_MS);
    if (!isOver) bytes = readUsage(pid)?.rssNowBytes ?? Number.NaN;
  };
  try {
    await load({ ...rig, url: sink.url, pool: null }, clients, {
      onStart: (pid) => {
        void look(pid);
      },
    });
    isOver = true;
    return bytes;
  } finally {
    await sink.stop();
  }
}
