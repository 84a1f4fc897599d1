/** How a relay is between two trials: whether it is there, and how soon it answers a question about nothing. */
import { connect } from "node:net";
import type { Admission } from "../guard/gate.ts";
import { dial, hangUp, readMessage, wait } from "../preflight/dial.ts";

const HANDSHAKE_MS = 3_000;
const ANSWER_MS = 2_000;
const QUESTIONS = 15;
/** As at the baseline: within a fifth, and what a busy host adds to a time of a millisecond. */
const SLOWER = { share: 1.2, ms: 2 };
const MOST_COOLING_MS = 30_000;
const LOOKS_APART_MS = 500;
const GONE_AFTER_MS = 5_000;

export interface Cooled {
  readonly cooledSec: number;
  /** It did not come back to what it was. */
  readonly aged: boolean;
  /** Median, ms; `null` where it does not answer such a question. */
  readonly lookMs: number | null;
}

/** Waits until the relays answer as at the baseline; `baseMs` is `null` before the first look. */
export async function coolDown(
  admissions: readonly Admission[],
  baseMs: number | null,
  signal: AbortSignal,
): Promise<Cooled> {
  const startMs = performance.now();
  const cooledSec = () => (performance.now() - startMs) / 1_000;
  for (;;) {
    const lookMs = await lookAt(admissions);
    const isCool =
      baseMs === null ||
      (lookMs !== null && lookMs <= Math.max(baseMs * SLOWER.share, baseMs + SLOWER.ms));
    if (isCool || signal.aborted) return { cooledSec: cooledSec(), aged: false, lookMs };
    if (cooledSec() * 1_000 >= MOST_COOLING_MS) {
      return { cooledSec: cooledSec(), aged: true, lookMs };
    }
    await wait(LOOKS_APART_MS);
  }
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
