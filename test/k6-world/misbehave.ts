/** The faulty relay of the truth tests, in virtual time: the same answers, the same ledger. */
import type { ClientMessage } from "../../src/nostr/wire.ts";
import { Answering, type Questioned } from "../faulty-relay/answering.ts";
import type { Action, Frame } from "../faulty-relay/frames.ts";
import { Ledger } from "../faulty-relay/ledger.ts";
import type { Published } from "../faulty-relay/relay.ts";
import { NO_CLOSE_FRAME, type Relay, type RelaySide } from "./world.ts";

/** A relay that does about each event what `answer` says, about each question what `questions` say, and what it did. */
export function misbehave(
  answer: (published: Published, relay: RelaySide) => readonly Action[],
  questions?: Questioned,
): {
  readonly relay: Relay;
  readonly ledger: Ledger;
} {
  const ledger = new Ledger();
  const answering = questions ? new Answering(questions, ledger.queries) : null;
  const connections = new Map<RelaySide, number>();
  const numberOf = (socket: RelaySide) => {
    const number = connections.get(socket) ?? connections.size;
    connections.set(socket, number);
    return number;
  };
  const relay: Relay = (text, socket, atMs) => {
    const message = JSON.parse(text) as ClientMessage;
    const connection = numberOf(socket);
    for (const action of answering?.receive(message, { connection, isLoad: true, atMs }) ?? []) {
      act(action, socket, { ledger, connection, answers: [], atMs });
    }
    if (message[0] !== "EVENT") return;
    const [, event] = message;
    const entry = { id: event.id, kind: event.kind, connection, receivedMs: atMs, answers: [] };
    const place = ledger.events.push(entry) - 1;
    for (const action of answer({ event, place, receivedMs: atMs }, socket)) {
      act(action, socket, { ledger, connection, answers: entry.answers, atMs });
    }
  };
  return { relay, ledger };
}

interface Entry {
  readonly ledger: Ledger;
  readonly connection: number;
  readonly answers: { frame: Frame; sentMs: number }[];
  readonly atMs: number;
}

function act(action: Action, socket: RelaySide, entry: Entry): void {
  const { ledger, connection, answers, atMs } = entry;
  if (action.do === "cut" && action.afterMs !== undefined) {
    socket.later(action.afterMs, () => act({ ...action, afterMs: undefined }, socket, entry));
    return;
  }
  if (action.do === "cut") {
    const isCode = typeof action.how === "number";
    ledger.cuts.push(isCode ? String(action.how) : "no close frame");
    ledger.queries.drop(connection, atMs);
    socket.drop(action.how === "end" ? NO_CLOSE_FRAME : action.how);
    return;
  }
  socket.answer(bytesOf(action.data), action.afterMs, () => {
    ledger.note(action, connection, atMs + action.afterMs);
    answers.push({ frame: action, sentMs: atMs + action.afterMs });
  });
}

function bytesOf(data: Frame["data"]): string | ArrayBuffer {
  if (Buffer.isBuffer(data)) return new Uint8Array(data).buffer;
  return typeof data === "string" ? data : JSON.stringify(data);
}
