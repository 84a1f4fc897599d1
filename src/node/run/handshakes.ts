/**
 * What relays say to handshakes while k6's are refused: k6 does not tell the HTTP status, so a few are made
 * beside it, at growing distances, since each counts against the relay's own limits.
 */
import type { Slice } from "../../measure/slice.ts";
import type { Report } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { askHandshake, type HandshakeAnswer } from "./ask-handshake.ts";

const MOST_ASKED = 6;
const FIRST_PAUSE_MS = 1_000;

export interface HandshakeDesk {
  /** To be called with each slice as it comes. */
  observe(slice: Slice): void;
  /** What was answered; `null` when nothing was asked. Waits for what is under way. */
  close(): Promise<NonNullable<Report["handshakes"]> | null>;
}

export function openHandshakeDesk(
  admissions: readonly Admission[],
  onAnswer: (answer: HandshakeAnswer) => void,
  ask: (admission: Admission) => Promise<HandshakeAnswer> = askHandshake,
  now: () => number = Date.now,
): HandshakeDesk {
  const answers: HandshakeAnswer[] = [];
  let underWay: Promise<void> = Promise.resolve();
  let isBusy = false;
  let asked = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let nextMs = 0;
  const askOne = async () => {
    // It is not known which relay refused: each has its turn.
    const admission = admissions[asked++ % admissions.length];
    if (admission === undefined) return;
    isBusy = true;
    const answer = await ask(admission);
    isBusy = false;
    nextMs = now() + pauseMs;
    pauseMs *= 2;
    answers.push(answer);
    onAnswer(answer);
  };
  return {
    observe({ errors }) {
      const isRefused = errors.some((e) => e.class === "connect" && e.code === "handshake");
      if (!isRefused || isBusy || asked >= MOST_ASKED || now() < nextMs) return;
      underWay = askOne();
    },
    async close() {
      await underWay;
      return answers.length === 0 ? null : { asked: answers.length, answers: tally(answers) };
    },
  };
}

/** Equal answers as one, the most frequent first. */
function tally(answers: readonly HandshakeAnswer[]) {
  const byText = new Map<string, HandshakeAnswer & { readonly count: number }>();
  for (const answer of answers) {
    const key = JSON.stringify(answer);
    byText.set(key, { ...answer, count: (byText.get(key)?.count ?? 0) + 1 });
  }
  return [...byText.values()].sort((a, b) => b.count - a.count);
}
