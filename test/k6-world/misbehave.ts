/** The faulty relay of the truth tests, in virtual time: the same answers, the same ledger. */
import type { ClientMessage } from "../../src/nostr/wire.ts";
import type { Action, Frame } from "../faulty-relay/frames.ts";
import { Ledger } from "../faulty-relay/ledger.ts";
import type { Published } from "../faulty-relay/relay.ts";
import type { Relay, RelaySide } from "./world.ts";

/** RFC 6455, 7.1.5: what stands for the end of a connection without a Close frame. */
const NO_CLOSE_FRAME = 1_006;

/** A relay that does about each event what `answer` says, and what it did. */
export function misbehave(answer: (published: Published, relay: RelaySide) => readonly Action[]): {
  readonly relay: Relay;
  readonly ledger: Ledger;
} {
  const ledger = new Ledger();
  const relay: Relay = (text, socket, atMs) => {
    const message = JSON.parse(text) as ClientMessage;
    if (message[0] !== "EVENT") return;
    const [, event] = message;
    const entry = { id: event.id, kind: event.kind, connection: 0, receivedMs: atMs, answers: [] };
    const place = ledger.events.push(entry) - 1;
    for (const action of answer({ event, place, receivedMs: atMs }, socket)) {
      act(action, socket, { ledger, answers: entry.answers, atMs });
    }
  };
  return { relay, ledger };
}

interface Entry {
  readonly ledger: Ledger;
  readonly answers: { frame: Frame; sentMs: number }[];
  readonly atMs: number;
}

function act(action: Action, socket: RelaySide, { ledger, answers, atMs }: Entry): void {
  if (action.do === "cut") {
    const isCode = typeof action.how === "number";
    ledger.cuts.push(isCode ? String(action.how) : "no close frame");
    socket.drop(isCode ? action.how : NO_CLOSE_FRAME);
    return;
  }
  socket.answer(bytesOf(action.data), action.afterMs, () => {
    ledger.frames.push(action);
    answers.push({ frame: action, sentMs: atMs + action.afterMs });
  });
}

function bytesOf(data: Frame["data"]): string | ArrayBuffer {
  if (Buffer.isBuffer(data)) return new Uint8Array(data).buffer;
  return typeof data === "string" ? data : JSON.stringify(data);
}
