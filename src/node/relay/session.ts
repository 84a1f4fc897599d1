import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { AUTH_KIND } from "../../nostr/auth.ts";
import { parseEvent } from "../../nostr/event-check.ts";
import { parseFilter } from "../../nostr/filter.ts";
import { expirationOf, isProtected } from "../../nostr/retention.ts";
import { classifyKind, type Filter, type NostrEvent, type RelayMessage } from "../../nostr/wire.ts";
import { findAuthProblem, makeChallenge } from "./auth.ts";
import { claimedId, type IncomingMessage, parseClientMessage } from "./client-message.ts";
import { findBreach, type RelayLimits } from "./limits.ts";
import { packRows } from "./packed-rows.ts";
import type { VerifyEvent } from "./signatures.ts";
import type { EventStore, StoredAnswer } from "./store.ts";
import type { LiveSubscriptions, Subscription } from "./subscriptions.ts";
import type { WriteQueue, WriteResult } from "./write-queue.ts";

/** What all connections of one relay share. */
export interface RelayState {
  readonly limits: RelayLimits;
  readonly store: EventStore;
  readonly queue: WriteQueue;
  readonly live: LiveSubscriptions;
  /** Checks what AUTH carries, always. */
  readonly verify: VerifyEvent;
  /** Whether published events are checked too. */
  readonly verifiesEvents: boolean;
  readonly authRequired: boolean;
  readonly authorities: readonly string[];
  readonly nowSec: () => number;
}

/** A reader that lets this much pile up is cut off. */
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;
/** Stored events are sent no faster than the reader keeps this close. */
const REPLAY_BUFFERED_BYTES = 1024 * 1024;

/** One connection: what it may do, its subscriptions, and the answers it gets. */
export class Session {
  readonly #relay: RelayState;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #authenticated = new Set<string>();
  readonly #challenge = makeChallenge();

  /** `stream`: what the WebSocket writes to. */
  constructor(relay: RelayState, socket: WebSocket, stream: Duplex) {
    this.#relay = relay;
    this.#socket = socket;
    this.#stream = stream;
    if (relay.authRequired) this.#send(["AUTH", this.#challenge]);
  }

  /** Answers one frame; whatever it holds, the relay goes on. */
  receive(data: RawData, isBinary: boolean): void {
    if (isBinary) {
      this.#send(["NOTICE", "invalid: messages are text frames"]);
      return;
    }
    const text = data.toString();
    const message = parseClientMessage(text);
    try {
      const refusal = this.#findRefusal(message, Buffer.byteLength(text));
      if (refusal === undefined) this.#handle(message);
      else this.#refuse(message, refusal);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refuse(message, `error: ${reason}`);
    }
  }

  /** Forgets the connection's subscriptions. */
  end(): void {
    for (const subscription of this.#subscriptions.values()) this.#relay.live.remove(subscription);
    this.#subscriptions.clear();
  }

  #handle(message: IncomingMessage): void {
    switch (message.type) {
      case "EVENT":
        this.#publish(message.event, message.raw);
        break;
      case "AUTH":
        this.#authenticate(message.event);
        break;
      case "REQ":
      case "COUNT":
        this.#subscribe(message);
        break;
      case "CLOSE":
        this.#unsubscribe(message.id);
        break;
      case "malformed":
        this.#send(["NOTICE", message.problem]);
        break;
      default:
        message satisfies never;
    }
  }

  #findRefusal(message: IncomingMessage, bytes: number): string | undefined {
    const { limits, authRequired } = this.#relay;
    if (bytes > limits.max_message_length) {
      return `invalid: message of ${bytes} bytes, at most ${limits.max_message_length} are taken`;
    }
    const isOpen = message.type === "AUTH" || message.type === "CLOSE";
    if (authRequired && !isOpen && this.#authenticated.size === 0) {
      return "auth-required: answer the challenge first";
    }
    return undefined;
  }

  #refuse(message: IncomingMessage, reason: string): void {
    switch (message.type) {
      case "EVENT":
      case "AUTH":
        this.#answer(message.event, reason);
        break;
      case "REQ":
      case "COUNT":
        this.#send(["CLOSED", message.id, reason]);
        break;
      default:
        this.#send(["NOTICE", reason]);
    }
  }

  #publish(value: unknown, received: string | undefined): void {
    const parsed = parseEvent(value);
    if ("problem" in parsed) {
      this.#answer(value, `invalid: ${parsed.problem}`);
      return;
    }
    const { event } = parsed;
    const problem = this.#findEventProblem(event);
    if (problem !== undefined) {
      this.#answer(event, problem);
      return;
    }
    const raw = received ?? JSON.stringify(event);
    if (classifyKind(event.kind) === "ephemeral") {
      this.#send(["OK", event.id, true, ""]);
      this.#relay.live.broadcast(event, raw);
    } else {
      this.#relay.queue.add({ event, raw }, (result) => {
        this.#send(["OK", event.id, ...describeResult(result)]);
        if (result === "stored") this.#relay.live.broadcast(event, raw);
      });
    }
  }

  /** In the order of cost: the signature comes last. */
  #findEventProblem(event: NostrEvent): string | undefined {
    const { limits, authRequired, verifiesEvents } = this.#relay;
    const nowSec = this.#relay.nowSec();
    if (event.kind === AUTH_KIND) return `invalid: kind ${AUTH_KIND} belongs in AUTH`;
    const breach = findBreach(event, limits, nowSec);
    if (breach !== undefined) return breach;
    const expiresAt = expirationOf(event);
    if (expiresAt !== undefined && expiresAt <= nowSec) return "invalid: the event has expired";
    if (isProtected(event) && !this.#authenticated.has(event.pubkey)) {
      return authRequired
        ? "restricted: only its author may publish a protected event"
        : "blocked: protected events are not taken";
    }
    return verifiesEvents ? this.#relay.verify(event) : undefined;
  }

  #authenticate(value: unknown): void {
    const parsed = parseEvent(value);
    if ("problem" in parsed) {
      this.#answer(value, `invalid: ${parsed.problem}`);
      return;
    }
    const { event } = parsed;
    const { authRequired, authorities, nowSec, verify } = this.#relay;
    const context = { challenge: this.#challenge, authorities, nowSec: nowSec() };
    const problem = authRequired
      ? (findAuthProblem(event, context) ?? verify(event))
      : "invalid: no challenge was sent";
    if (problem !== undefined) {
      this.#answer(event, problem);
      return;
    }
    this.#authenticated.add(event.pubkey);
    this.#send(["OK", event.id, true, ""]);
  }

  #subscribe(message: Extract<IncomingMessage, { type: "REQ" | "COUNT" }>): void {
    const { id, type } = message;
    const request = this.#checkRequest(message);
    if (typeof request === "string") {
      this.#send(["CLOSED", id, request]);
      return;
    }
    const { store, limits, live } = this.#relay;
    // What other connections wrote in this turn must be found.
    this.#relay.queue.flush();
    if (type === "COUNT") {
      this.#send(["COUNT", id, { count: store.count(request, this.#relay.nowSec()) }]);
      return;
    }
    this.#unsubscribe(id);
    const subscription: Subscription = {
      id,
      filters: request,
      deliver: (frame) => this.#transmit(frame),
    };
    const stored = store.query(request, limits, this.#relay.nowSec());
    this.#subscriptions.set(id, subscription);
    live.add(subscription);
    this.#replay(subscription, stored);
  }

  /** The filters of a request, or why it is refused. */
  #checkRequest(
    message: Extract<IncomingMessage, { type: "REQ" | "COUNT" }>,
  ): readonly Filter[] | string {
    const { limits } = this.#relay;
    const { id, filters: values } = message;
    if (id.length === 0 || id.length > limits.max_subid_length) {
      return `invalid: a subscription id has 1 to ${limits.max_subid_length} characters`;
    }
    if (values.length === 0 || values.length > limits.max_filters) {
      return `invalid: ${message.type} takes 1 to ${limits.max_filters} filters`;
    }
    const isNew = message.type === "REQ" && !this.#subscriptions.has(id);
    if (isNew && this.#subscriptions.size >= limits.max_subscriptions) {
      return `blocked: too many subscriptions, ${limits.max_subscriptions} may be open`;
    }
    const filters: Filter[] = [];
    for (const value of values) {
      const parsed = parseFilter(value);
      if ("problem" in parsed) return parsed.problem;
      filters.push(parsed.filter);
    }
    return filters;
  }

  #replay(subscription: Subscription, { events, isCut }: StoredAnswer, from = 0): void {
    for (let at = from; at < events.length; ) {
      const isOpen = this.#socket.readyState === this.#socket.OPEN;
      if (!isOpen || this.#subscriptions.get(subscription.id) !== subscription) return;
      const { bytes, next } = packRows(subscription.id, events, at);
      if (this.#socket.bufferedAmount > REPLAY_BUFFERED_BYTES) {
        this.#stream.write(bytes, () => this.#replay(subscription, { events, isCut }, next));
        return;
      }
      this.#stream.write(bytes);
      at = next;
    }
    this.#send(isCut ? ["EOSE", subscription.id, ["more"]] : ["EOSE", subscription.id]);
  }

  #unsubscribe(id: string): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    this.#subscriptions.delete(id);
    this.#relay.live.remove(subscription);
  }

  #answer(event: unknown, problem: string): void {
    const id = claimedId(event);
    this.#send(id === undefined ? ["NOTICE", problem] : ["OK", id, false, problem]);
  }

  #send(message: RelayMessage): void {
    this.#transmit(JSON.stringify(message));
  }

  #transmit(frame: string | Buffer, written?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) this.#socket.terminate();
    else this.#socket.send(frame, { binary: false }, written);
  }
}

function describeResult(result: WriteResult): [accepted: boolean, message: string] {
  switch (result) {
    case "stored":
      return [true, ""];
    case "duplicate":
      return [true, "duplicate: already have this event"];
    case "superseded":
      return [true, "duplicate: have a newer version"];
    case "deleted":
      return [false, "blocked: its author deleted it"];
    default:
      return [false, `error: could not be stored: ${result.failure}`];
  }
}
