import type { Duplex } from "node:stream";
import type { RelayMessage } from "../../nostr/wire.ts";
import { claimedId, parseClientMessage } from "./client-message.ts";
import {
  buildFrame,
  type ChunkHandler,
  type Frame,
  handleChunk,
  MAX_PAYLOAD_BYTES,
  OPCODE,
  PROTOCOL_ERROR,
  TOO_BIG,
} from "./sink-frames.ts";
import type { SinkRows } from "./sink-rows.ts";

const UNSUPPORTED_DATA = 1003;
const EMPTY = Buffer.alloc(0);

/** One connection to the sink, from the end of the handshake on. */
export class SinkSession {
  readonly #socket: Duplex;
  readonly #onAnswered: (events: number) => void;
  readonly #rows: SinkRows;
  readonly #handler: ChunkHandler = {
    answer: (answers) => this.#write(answers),
    frame: (frame) => this.#handle(frame),
  };
  #rest: Buffer = EMPTY;
  #fragments: Buffer[] = [];
  #fragmentBytes = 0;
  #isClosing = false;

  constructor(socket: Duplex, rows: SinkRows, onAnswered: (events: number) => void) {
    this.#socket = socket;
    this.#rows = rows;
    this.#onAnswered = onAnswered;
  }

  receive(chunk: Buffer): void {
    if (this.#isClosing) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const { rest, answered, fault } = handleChunk(bytes, this.#handler);
    this.#rest = rest.length === 0 ? EMPTY : rest;
    if (answered > 0) this.#onAnswered(answered);
    if (fault !== undefined) this.close(fault);
  }

  /** Sends a Close frame and ends the connection. */
  close(code: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#socket.end(buildFrame(OPCODE.close, payload));
  }

  #handle({ opcode, isFinal, payload }: Frame): void {
    if (this.#isClosing) return;
    switch (opcode) {
      case OPCODE.text:
      case OPCODE.continuation:
        this.#collect(opcode, isFinal, payload);
        break;
      case OPCODE.ping:
        this.#write(buildFrame(OPCODE.pong, payload));
        break;
      case OPCODE.pong:
        break;
      case OPCODE.close:
        this.#isClosing = true;
        // The code comes back, the reason does not have to.
        this.#socket.end(buildFrame(OPCODE.close, payload.subarray(0, 2)));
        break;
      default:
        this.close(UNSUPPORTED_DATA);
    }
  }

  #collect(opcode: number, isFinal: boolean, payload: Buffer): void {
    const isContinuing = this.#fragments.length > 0;
    if (isContinuing !== (opcode === OPCODE.continuation)) {
      this.close(PROTOCOL_ERROR);
      return;
    }
    this.#fragments.push(payload);
    this.#fragmentBytes += payload.length;
    if (this.#fragmentBytes > MAX_PAYLOAD_BYTES) {
      this.close(TOO_BIG);
    } else if (isFinal) {
      const text = Buffer.concat(this.#fragments).toString();
      this.#fragments = [];
      this.#fragmentBytes = 0;
      this.#answer(text);
    }
  }

  #answer(text: string): void {
    const message = parseClientMessage(text);
    switch (message.type) {
      case "EVENT":
      case "AUTH": {
        const id = claimedId(message.event);
        if (id === undefined) {
          this.#send(["NOTICE", "invalid: an event needs an id"]);
        } else {
          if (message.type === "EVENT") this.#onAnswered(1);
          this.#send(["OK", id, true, ""]);
        }
        break;
      }
      case "REQ":
        this.#write(this.#rows.answer(message.id, text));
        this.#send(["EOSE", message.id]);
        break;
      case "COUNT":
        this.#send(["COUNT", message.id, { count: 0 }]);
        break;
      case "CLOSE":
        break;
      case "malformed":
        this.#send(["NOTICE", message.problem]);
        break;
      default:
        message satisfies never;
    }
  }

  #send(message: RelayMessage): void {
    this.#write(buildFrame(OPCODE.text, Buffer.from(JSON.stringify(message))));
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // A reader that falls behind is read from no further until it has caught up.
    if (this.#socket.write(bytes) || this.#socket.isPaused()) return;
    this.#socket.pause();
    this.#socket.once("drain", () => this.#socket.resume());
  }
}
