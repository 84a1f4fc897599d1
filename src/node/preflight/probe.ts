/**
 * A WebSocket handshake with an admitted relay, and what it does about events that are published one after the
 * other. A connection that ends at an event is opened again, so that the event can be told from its neighbours.
 */
import type { WebSocket } from "ws";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import { describeEnd, dial, hangUp, readMessage, wait } from "./dial.ts";
import { printable } from "./information.ts";

/** A relay that has ended so many connections, or left so many events unanswered, is known by then. */
const MOST_FAILURES = 3;

export interface ProbeTimes {
  readonly handshakeMs: number;
  readonly answerMs: number;
  /** Behind a NOTICE, which may be all that a relay has to say. */
  readonly afterNoticeMs: number;
  /** A relay that turns connections away does so within this. */
  readonly settleMs: number;
}

const TIMES: ProbeTimes = {
  handshakeMs: 5_000,
  answerMs: 5_000,
  afterNoticeMs: 1_000,
  settleMs: 100,
};

export interface ProbeAnswer {
  readonly event: NostrEvent;
  /**
   * `silent`: no OK in time. `ended`: so did the connection, before an OK. `untried`: the relay had failed too
   * often before, or limited the rate.
   */
  readonly outcome: "accepted" | "refused" | "silent" | "ended" | "untried";
  /** The relay's words: of the OK, of a NOTICE in its place; or how the connection ended. */
  readonly message: string;
  /** The OK named no event, or one that was never sent; this was the only one on its way. */
  readonly wrongId: boolean;
}

export type Probe =
  | {
      readonly status: "reached";
      readonly answers: readonly ProbeAnswer[];
      /** It sent a challenge (NIP-42). */
      readonly challenged: boolean;
      /** It ended a connection before anything was published, in these words. */
      readonly turnedAway: string | null;
      /** Why there was no other connection behind one that ended. */
      readonly gone: string | null;
    }
  | { readonly status: "unreached"; readonly reason: string };

/** Holds when no further event would tell anything, or would cost the run what a limit leaves it. */
export type IsEnough = (answer: ProbeAnswer) => boolean;

/** Dials the first admitted address by its number. Never rejects; ends in bounded time. */
export async function probeRelay(
  admission: Admission,
  events: readonly NostrEvent[],
  isEnough: IsEnough = () => false,
  times: ProbeTimes = TIMES,
): Promise<Probe> {
  const answers: ProbeAnswer[] = [];
  const left = [...events];
  const seen = { challenged: false, enough: false };
  let turnedAway: string | null = null;
  let gone: string | null = null;
  do {
    const listen = (socket: WebSocket) => new Connection(socket, times);
    const connection = await dial(admission, times.handshakeMs, listen);
    if (typeof connection === "string") {
      if (answers.length === 0) return { status: "unreached", reason: connection };
      gone = connection;
      break;
    }
    try {
      await Promise.race([connection.ended, wait(times.settleMs)]);
      seen.challenged ||= connection.challenged;
      turnedAway = connection.endedBy;
      while (connection.endedBy === null && !seen.enough) {
        const event = left.shift();
        if (event === undefined) break;
        const answer = await connection.publish(event);
        answers.push(answer);
        seen.challenged ||= connection.challenged;
        seen.enough = isEnough(answer) || haveFailed(answers);
      }
    } finally {
      connection.close();
    }
  } while (left.length > 0 && !seen.enough && turnedAway === null);
  const untried = left.map((event) => answerOf(event, "untried", ""));
  const { challenged } = seen;
  return { status: "reached", answers: [...answers, ...untried], challenged, turnedAway, gone };
}

function haveFailed(answers: readonly ProbeAnswer[]): boolean {
  const failed = answers.filter(({ outcome }) => outcome === "silent" || outcome === "ended");
  const most = failed.length === answers.length ? MOST_FAILURES : 2 * MOST_FAILURES;
  return failed.length >= most;
}

function answerOf(
  event: NostrEvent,
  outcome: ProbeAnswer["outcome"],
  message: string,
  wrongId = false,
): ProbeAnswer {
  return { event, outcome, message: printable(message), wrongId };
}

interface Waiting {
  readonly event: NostrEvent;
  readonly end: (answer: ProbeAnswer) => void;
  notice: string;
  timer: NodeJS.Timeout;
}

class Connection {
  readonly #socket: WebSocket;
  readonly #times: ProbeTimes;
  readonly #sent = new Set<string>();
  #waiting: Waiting | null = null;
  challenged = false;
  endedBy: string | null = null;
  readonly ended: Promise<void>;

  constructor(socket: WebSocket, times: ProbeTimes) {
    this.#socket = socket;
    this.#times = times;
    socket.on("message", (data) => this.#onMessage(readMessage(data)));
    this.ended = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.endedBy = describeEnd(code, String(reason));
        this.#settle("ended", this.endedBy);
        resolve();
      });
    });
  }

  publish(event: NostrEvent): Promise<ProbeAnswer> {
    return new Promise((end) => {
      this.#waiting = { event, end, notice: "", timer: this.#watch(this.#times.answerMs) };
      this.#sent.add(event.id);
      this.#socket.send(JSON.stringify(["EVENT", event]));
    });
  }

  close(): void {
    hangUp(this.#socket);
  }

  #watch(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#settle("silent", this.#waiting?.notice ?? ""), ms);
  }

  #onMessage([type, id, accepted, message]: readonly unknown[]): void {
    if (type === "AUTH") this.challenged = true;
    const waiting = this.#waiting;
    if (waiting === null) return;
    if (type === "NOTICE" && waiting.notice === "") {
      waiting.notice = String(id);
      clearTimeout(waiting.timer);
      waiting.timer = this.#watch(this.#times.afterNoticeMs);
    }
    if (type !== "OK" || typeof accepted !== "boolean") return;
    const isOwn = id === waiting.event.id;
    // An OK that comes late is for an event before.
    if (!isOwn && typeof id === "string" && this.#sent.has(id)) return;
    const words = typeof message === "string" ? message : "";
    this.#settle(accepted ? "accepted" : "refused", words, !isOwn);
  }

  #settle(outcome: ProbeAnswer["outcome"], message: string, wrongId = false): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    clearTimeout(waiting.timer);
    const words = outcome === "ended" && waiting.notice !== "" ? waiting.notice : message;
    waiting.end(answerOf(waiting.event, outcome, words, wrongId));
  }
}
