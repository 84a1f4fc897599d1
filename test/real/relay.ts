/** A real relay: how to get it, start it, count what it holds. One file a relay in `relays/`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a relay is to be set up. */
export interface Setup {
  /** With the limit that `RealRelay.limit` describes. */
  readonly isLimited: boolean;
  /** Serves those only who said who they are (NIP-42), where `RealRelay.canAuth`. */
  readonly wantsAuth: boolean;
}

/** Where a relay runs: its database is in `dir`, which outlives a restart. */
export interface Place extends Setup {
  readonly program: string;
  readonly dir: string;
  readonly port: number;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Events by kind. */
export type Counts = ReadonlyMap<number, number>;

export interface RealRelay {
  readonly name: string;
  /** The path of its program; throws `NotHad` with the reason. */
  readonly obtain: () => Promise<string>;
  /** Writes its configuration, and gives what starts it. */
  readonly command: (place: Place) => Promise<Command>;
  /** What it holds by its own word, asked of its database or by its own means while it runs. */
  readonly count: (place: Place) => Promise<Counts>;
  /** Events per second that it takes with ease on a small machine. */
  readonly easyEps: number;
  /** Several times what it takes, and far below what k6 sends on a small machine: slow relays only. */
  readonly overloadEps?: number;
  /** Without, it has none that could be set. */
  readonly limit?: Limit;
  /** It can be set to want AUTH (NIP-42). */
  readonly canAuth?: boolean;
  /** Where it shows its counters as Prometheus' text. */
  readonly metricsPath?: string;
  /** Shapes of questions that it answers otherwise than NIP-01 has it, and why. */
  readonly wrongShapes?: Readonly<Record<string, string>>;
  /** What it does about ephemeral events that nobody listens to; without, it accepts them. */
  readonly ephemeral?: "unheard" | "unanswered";
}

export interface Limit {
  readonly what: string;
  /** Findings of which one must be the first, above `info`. */
  readonly findings: readonly string[];
  readonly flags?: Readonly<Record<string, string>>;
}

export interface RunningRelay {
  readonly place: Place;
  readonly url: string;
  /** Ends the process, by its id and with all that it started, and waits until it is gone. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  start(): Promise<void>;
}

const READY_MS = 20_000;
/** A relay that waits for its clients is not waited for longer. */
const MOST_STOP_MS = 2_000;

/** Starts a relay in a folder of its own, gives it to `use`, and leaves neither process nor folder. */
export async function withReal<T>(
  relay: RealRelay,
  program: string,
  setup: Setup,
  use: (running: RunningRelay) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), `k6-nostr-real-${relay.name}-`));
  const place = { program, dir, port: await freePort(), ...setup };
  let child: ChildProcess | undefined;
  const running: RunningRelay = {
    place,
    url: `ws://127.0.0.1:${place.port}`,
    start: async () => {
      child = await startIn(relay, place);
    },
    stop: async (signal) => {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = once(ending, "exit");
      signalAll(ending, signal);
      const limit = setTimeout(() => signalAll(ending, "SIGKILL"), MOST_STOP_MS);
      await ended;
      clearTimeout(limit);
      signalAll(ending, "SIGKILL");
    },
  };
  // It has a group of its own, so that what ends the tests does not reach it.
  const onEnd = () => {
    if (child !== undefined) signalAll(child, "SIGKILL");
    process.exit(143);
  };
  process.once("SIGTERM", onEnd).once("SIGINT", onEnd);
  try {
    await running.start();
    return await use(running);
  } finally {
    process.off("SIGTERM", onEnd).off("SIGINT", onEnd);
    await running.stop("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  }
}

async function startIn(relay: RealRelay, place: Place): Promise<ChildProcess> {
  const { program, args, env = {} } = await relay.command(place);
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(program, args, {
    cwd: place.dir,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: a relay may have processes of its own, which a kill must reach.
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      said = `${said}${data}`.slice(-2_000);
    });
  }
  child.on("error", (cause) => {
    said += String(cause);
  });
  const lastMs = Date.now() + READY_MS;
  while (!(await answers(place.port))) {
    if (child.exitCode !== null || Date.now() > lastMs) {
      signalAll(child, "SIGKILL");
      throw new Error(`${relay.name} does not listen on ${place.port}:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

/** To a process that this one started, and to those that it started itself. */
function signalAll({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (cause) {
    // All of them have ended.
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
