/**
 * Handshakes: so many connections opened as fast as a generator can, and held. The same eye looks at each of them: by
 * the sink's open files it knows when the first connection was there and when the last one, by the kernel what CPU the
 * generator took between the two.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { memoryLimit, openingTarget } from "../../src/node/k6/environment.ts";
import { memoryRoomOf, readMachine } from "../../src/node/preflight/machine.ts";
import { type RelayProcess, startRelayProcess } from "../../src/node/relay/process.ts";
import { runBare } from "./bare.ts";
import { atLeast, notes } from "./goal.ts";
import { median, type Rig, readUsage, runScript } from "./k6-run.ts";
import { obtainNostrBench } from "./nostr-bench.ts";
import { openFiles } from "./open-files.ts";
import type { Print } from "./row.ts";

const CLIENTS = 5_000;
/** Handshakes under way at once. */
const AT_ONCE = 50;
const LOOK_EVERY_MS = 5;
/** Whoever has not opened all by then does not. */
const PATIENCE_MS = 15_000;
/** Of what a bare script opens in a second. */
const OF_BARE = 0.8;

interface Opening {
  readonly perSecond: number;
  /** CPU of the generator by handshake. */
  readonly cpuMicros: number;
}

/** Opens the connections, tells who does as soon as that is known, and holds them for a moment. */
type Generator = (rig: Rig, onStart: (pid: number) => Eye) => Promise<unknown>;

export async function benchHandshakes(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const nostrBench = await obtainNostrBench();
  const bare: Opening[] = [];
  const ours: Opening[] = [];
  const crate: Opening[] = [];
  for (let i = 0; i < repetitions; i++) {
    bare.push(await watch(rig, openBare));
    ours.push(await watch(rig, openOurs));
    if (!("path" in nostrBench)) continue;
    const { path } = nostrBench;
    crate.push(await watch(rig, (of, onStart) => openCrate(path, of.url, onStart)));
  }
  const rate = (of: readonly Opening[]) => median(of.map((one) => one.perSecond));
  const cpu = (of: readonly Opening[]) => median(of.map((one) => one.cpuMicros));
  const say = (of: readonly Opening[]) =>
    `${rate(of).toFixed(0)} handshakes/s, ${cpu(of).toFixed(0)} µs of CPU each`;
  const ofBare = rate(ours) / rate(bare);
  print(`bare connect, ${CLIENTS} connections`, say(bare));
  print(
    "nostr-bench connect",
    "path" in nostrBench ? say(crate) : "not measured",
    "path" in nostrBench ? "" : nostrBench.missing,
  );
  const ofCrate = "path" in nostrBench ? rate(ours) / rate(crate) : Number.NaN;
  print(
    "ours, connect --mode storm",
    say(ours),
    notes(
      `${ofBare.toFixed(2)} of bare`,
      atLeast(ofBare, OF_BARE),
      `${ofCrate.toFixed(2)} of nostr-bench`,
      atLeast(ofCrate, 1),
      `CPU ${(cpu(ours) / cpu(bare)).toFixed(2)} × bare`,
    ),
  );
}

const openBare: Generator = (rig, onStart) =>
  runBare(rig, "connect", { CLIENTS: String(CLIENTS), AT_ONCE: String(AT_ONCE) }, onStart);

/** All of them due at once, and as many under way as others have; the collector's limits are those that the command line sets. */
const openOurs: Generator = async (rig, onStart) => {
  const room = memoryRoomOf({ clients: CLIENTS, instances: 1 }, await readMachine(), 0);
  return await runScript(
    rig,
    "connect",
    {
      CONNECT_MODE: "storm",
      CLIENTS: String(CLIENTS),
      CONNECT_RATE: String(10 * CLIENTS),
      CONNECT_CONCURRENCY: String(AT_ONCE),
      // What finds no place until the window's end is not opened.
      HOLD_SEC: "10",
      ON_OPEN: "none",
      GOGC: String(openingTarget(CLIENTS, room)),
      GOMEMLIMIT: memoryLimit(CLIENTS, 0, room),
    },
    { onStart },
  );
};

async function openCrate(path: string, url: string, onStart: (pid: number) => Eye): Promise<void> {
  // It begins so many in its first second, and holds them until it is stopped.
  const args = ["connect", "-c", String(CLIENTS), "-r", String(CLIENTS), "--json", url];
  const child = spawn(path, args, { stdio: "ignore" });
  const closed = once(child, "close");
  await Promise.race([onStart(child.pid ?? 0).opened, wait(PATIENCE_MS)]);
  child.kill();
  await closed;
}

/** Runs a generator against a sink of its own; `NaN` where not all were open at once. */
async function watch(rig: Rig, generator: Generator): Promise<Opening> {
  const sink = await startRelayProcess(["--sink"]);
  let eye: Eye | undefined;
  try {
    await generator({ ...rig, url: sink.url }, (pid) => {
      eye = lookAt(sink, pid);
      return eye;
    });
    return eye?.stop() ?? { perSecond: Number.NaN, cpuMicros: Number.NaN };
  } finally {
    await sink.stop();
  }
}

interface Look {
  readonly atMs: number;
  readonly cpuSec: number;
}

interface Eye {
  /** All are open. */
  readonly opened: Promise<void>;
  stop(): Opening;
}

function lookAt(sink: RelayProcess, pid: number): Eye {
  const before = openFiles(sink.pid);
  const take = (): Look | undefined => {
    const usage = readUsage(pid);
    return usage === null ? undefined : { atMs: performance.now(), cpuSec: usage.cpuSec };
  };
  // At once: who is no interpreter has connections before the timer's first turn.
  let first = take();
  let last: Look | undefined;
  let tell = () => {};
  const opened = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const timer = setInterval(() => {
    if (last !== undefined) return;
    const open = openFiles(sink.pid) - before;
    const look = take();
    if (look === undefined) return;
    if (open <= 0) first = look;
    if (open < CLIENTS) return;
    last = look;
    tell();
  }, LOOK_EVERY_MS);
  return {
    opened,
    stop() {
      clearInterval(timer);
      const ms = (last?.atMs ?? Number.NaN) - (first?.atMs ?? Number.NaN);
      const cpuSec = (last?.cpuSec ?? Number.NaN) - (first?.cpuSec ?? Number.NaN);
      return { perSecond: (CLIENTS * 1_000) / ms, cpuMicros: (cpuSec / CLIENTS) * 1e6 };
    },
  };
}
