/**
 * What relays say to handshakes while k6's are refused, and what these take while k6's are slow: k6 tells neither the HTTP
 * status nor the parts of that time, so a few are made beside it, at growing distances, since each counts against the
 * relay's own limits.
 */
import { timeKey } from "../../measure/book.ts";
import { CONNECTION_ROWS } from "../../measure/classes/connection.ts";
import { quantile } from "../../measure/histogram.ts";
import type { Slice } from "../../measure/slice.ts";
import type { Report } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import {
  type Asked,
  askHandshake,
  type HandshakeAnswer,
  type HandshakeParts,
} from "./ask-handshake.ts";

const MOST_ASKED = 6;
const FIRST_PAUSE_MS = 1_000;
/** Handshakes of a slice are slow where the median is: what is long on one host (`slow-handshake`). */
const SLOW_MS = 100;
const LEAST_HANDSHAKES = 3;
const CONNECT_KEYS = CONNECTION_ROWS.map((_, row) => timeKey("connection", "connect", row));

export interface HandshakeDesk {
  /** To be called with each slice as it comes. */
  observe(slice: Slice): void;
  /** What was answered; `null` when nothing was asked. Waits for what is under way. */
  close(): Promise<NonNullable<Report["handshakes"]> | null>;
}

export function openHandshakeDesk(
  admissions: readonly Admission[],
  onAnswer: (answer: HandshakeAnswer) => void,
  ask: (admission: Admission) => Promise<Asked> = askHandshake,
  now: () => number = Date.now,
): HandshakeDesk {
  const answers: HandshakeAnswer[] = [];
  const allParts: HandshakeParts[] = [];
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
    const { answer, parts } = await ask(admission);
    isBusy = false;
    nextMs = now() + pauseMs;
    pauseMs *= 2;
    answers.push(answer);
    if (parts !== null) allParts.push(parts);
    onAnswer(answer);
  };
  return {
    observe(slice) {
      if (isBusy || asked >= MOST_ASKED || now() < nextMs) return;
      if (!isRefused(slice) && !isSlow(slice)) return;
      underWay = askOne();
    },
    async close() {
      await underWay;
      if (answers.length === 0) return null;
      const parts = allParts.length === 0 ? {} : { parts: mediansOf(allParts) };
      return { asked: answers.length, answers: tally(answers), ...parts };
    },
  };
}

const isRefused = ({ errors }: Slice) =>
  errors.some((error) => error.class === "connect" && error.code === "handshake");

function isSlow({ histograms }: Slice): boolean {
  return CONNECT_KEYS.some((key) => {
    const times = histograms[key];
    if (times === undefined || times.count < LEAST_HANDSHAKES) return false;
    return (quantile(times, 0.5) ?? 0) >= SLOW_MS;
  });
}

/** Medians, ms. */
function mediansOf(all: readonly HandshakeParts[]) {
  const median = (of: (parts: HandshakeParts) => number | null): number | null => {
    const times = all.flatMap((parts) => of(parts) ?? []).sort((a, b) => a - b);
    const middle = times[Math.ceil(times.length / 2) - 1];
    return middle === undefined ? null : Math.round(middle * 1_000) / 1_000;
  };
  return {
    count: all.length,
    tcp: median(({ tcp }) => tcp) ?? 0,
    tls: median(({ tls }) => tls),
    upgrade: median(({ upgrade }) => upgrade) ?? 0,
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
