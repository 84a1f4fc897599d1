/** How a relay is between two trials: whether it is there, how busy it is, and how soon it answers a question about nothing. */
import { connect } from "node:net";
import { findRelay } from "../companion/relay-process.ts";
import type { Admission } from "../guard/gate.ts";
import { dial, hangUp, readMessage, wait } from "../preflight/dial.ts";
import { readTree } from "../proc.ts";
import type { Resting } from "./cooling.ts";

const HANDSHAKE_MS = 3_000;
const ANSWER_MS = 2_000;
const QUESTIONS = 15;
/** The system counts processor time in hundredths of a second. */
const CPU_WINDOW_MS = 400;
const LOOKS_APART_MS = 500;
const GONE_AFTER_MS = 5_000;

/** Looks at relays: at their processes where they can be seen, and by asking them. */
export async function lookAtRest(
  admissions: readonly Admission[],
  relayPid: number | undefined,
): Promise<Resting> {
  const { pids } = await findRelay(relayPid, admissions);
  const cpuPercent = await cpuOf(pids);
  return { cpuPercent, lookMs: await lookAt(admissions) };
}

/** Of one core, over a while; `null` where no process is seen. */
async function cpuOf(pids: readonly number[]): Promise<number | null> {
  const before = cpuSecOf(pids);
  const startMs = performance.now();
  if (before === null) return null;
  await wait(CPU_WINDOW_MS);
  const after = cpuSecOf(pids);
  const sec = (performance.now() - startMs) / 1_000;
  return after === null ? null : (Math.max(0, after - before) / sec) * 100;
}

function cpuSecOf(pids: readonly number[]): number | null {
  const usages = pids.flatMap((pid) => [...readTree(pid).values()]);
  return usages.length === 0 ? null : usages.reduce((sum, { cpuSec }) => sum + cpuSec, 0);
}

/** Why no connection comes about any more; `null` where one does. A relay that is busy gets time. */
export async function whyGone(admissions: readonly Admission[]): Promise<string | null> {
  const untilMs = performance.now() + GONE_AFTER_MS;
  for (;;) {
    const whys = await Promise.all(admissions.map(tryPort));
    const why = whys.find((one) => one !== null) ?? null;
    if (why === null || performance.now() >= untilMs) return why;
    await wait(LOOKS_APART_MS);
  }
}

function tryPort({ url, addresses: [host] }: Admission): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: url.port, timeout: HANDSHAKE_MS });
    const end = (why: string | null) => {
      socket.destroy();
      resolve(why);
    };
    socket.once("connect", () => end(null));
    socket.once("timeout", () => end(`${url.label} takes no connection any more`));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      end(`${url.label} takes no connection any more (${error.code ?? error.message})`),
    );
  });
}

/** The slowest relay's median. */
async function lookAt(admissions: readonly Admission[]): Promise<number | null> {
  const medians = await Promise.all(admissions.map(askNothing));
  return medians.includes(null) ? null : Math.max(...medians.map((one) => one ?? 0));
}

async function askNothing(admission: Admission): Promise<number | null> {
  let onAnswer = () => {};
  const socket = await dial(admission, HANDSHAKE_MS, (opened) => {
    opened.on("message", (data) => {
      if (["EOSE", "CLOSED", "NOTICE"].includes(String(readMessage(data)[0]))) onAnswer();
    });
    return opened;
  });
  if (typeof socket === "string") return null;
  const times: number[] = [];
  try {
    for (let i = 0; i < QUESTIONS; i++) {
      const startMs = performance.now();
      const answered = new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), ANSWER_MS);
        onAnswer = () => {
          clearTimeout(timer);
          resolve(true);
        };
      });
      socket.send(JSON.stringify(["REQ", `look-${i}`, { ids: ["0".repeat(64)], limit: 1 }]));
      if (!(await answered)) return null;
      times.push(performance.now() - startMs);
      socket.send(JSON.stringify(["CLOSE", `look-${i}`]));
    }
  } finally {
    hangUp(socket);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? null;
}
