/** Virtual time, and the connections in it, for a scenario that runs under Node. */
/** What reading the clock takes, ms: a loop that waits for a time must come to it. */
export const READING_MS = 0.0005;
export const START_UNIX_MS = 1_767_225_600_000;
/** RFC 6455, 7.1.5: what stands for the end of a connection without a Close frame. */
export const NO_CLOSE_FRAME = 1_006;

/** Called for each frame that is sent: when it came, and how to answer or drop the connection. */
export type Relay = (frame: string, socket: RelaySide, atMs: number) => void;

export interface RelaySide {
  /** The relay that the connection leads to. */
  readonly url: string;
  readonly nowMs: number;
  /** `whenRead` is called if the connection is still there by then. */
  answer(data: string | ArrayBuffer, afterMs: number, whenRead?: () => void): void;
  /** Does something behind what was answered so far. */
  later(ms: number, act: () => void): void;
  /** Ends this connection, or all of them, at this time; `reset`: the system does, without a word. */
  drop(code: number | "reset"): void;
  dropAll(code: number): void;
  /** The generator gets no processor for so long. */
  starve(ms: number): void;
}

/** A millisecond behind the try, unless it takes longer. */
type Handshake = "open" | "silent" | { readonly afterMs: number } | { readonly error: string };

/** Where a run takes place, but for the relay's answers. */
export interface Conditions {
  readonly scenario?: string;
  /** By the place of the connection, from 0; open when this is left out. */
  readonly handshake?: (
    place: number,
    atMs: number,
    headers: Readonly<Record<string, string>>,
    compression: string | undefined,
    socket: RelaySide,
  ) => Handshake;
  readonly onOpen?: (socket: RelaySide) => void;
  /** The generator's Close frame has come, and is answered. */
  readonly onClose?: (socket: RelaySide) => void;
  /** Called for each Ping of the generator, which is answered. */
  readonly onPing?: (socket: RelaySide, atMs: number) => void;
  /** Close frames get no answer: none, or not on this connection. */
  readonly ignoresClose?: boolean | ((socket: RelaySide) => boolean);
  /** What happens at a time, by the relay's doing. */
  readonly at?: readonly (readonly [atMs: number, act: (open: readonly RelaySide[]) => void])[];
  /** How long before its turn a frame was read: each socket has a reader of its own, and turns don't keep their order. */
  readonly readEarlierMs?: (data: string) => number;
  /** What HTTP requests of the scripts get. */
  readonly onRequest?: (
    method: string,
    url: string,
    body: string,
  ) => Promise<{ readonly status: number; readonly body: string }>;
  /** How much later than asked for timers wake: 1.1 in k6. */
  readonly timersLateMs?: number;
}

/** The stubs' promises need a few turns; so many without anything to happen are the end. */
const MOST_IDLE_TURNS = 1_000;
/** Twenty times what the longest trial takes: who needs more turns in a circle, though time may go on. */
const MOST_TURNS = 1_000_000;
const CALLS_A_ROUND = 64;

export class World {
  nowMs = 0;
  readonly checks: string[] = [];
  /** Lines on the log. */
  readonly said: string[] = [];
  /** How often values went to metrics of k6, by their names. */
  readonly fed = new Map<string, number>();
  readonly sockets = new Set<StubSocket>();
  readonly relay: Relay;
  readonly conditions: Conditions;
  dialled = 0;
  opened = 0;
  /** In the order in which it happens. */
  #events: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(relay: Relay, conditions: Conditions) {
    this.relay = relay;
    this.conditions = conditions;
    for (const [atMs, act] of conditions.at ?? []) this.at(atMs, () => act([...this.sockets]));
  }

  readClock(): number {
    this.nowMs += READING_MS;
    return this.nowMs;
  }

  unixMs(): number {
    return START_UNIX_MS + this.nowMs;
  }

  at(atMs: number, run: () => void): number {
    const order = ++this.#order;
    // Behind all that is to happen then: what was ordered first comes first.
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { atMs, order, run });
    return order;
  }

  cancel(order: number): void {
    this.#events = this.#events.filter((event) => event.order !== order);
  }

  /** Runs what is to happen, in its order, until the promise is settled; throws where that takes longer than so many ms. */
  async runUntil(done: Promise<void>, mostMs: number): Promise<void> {
    let over = false;
    let failure: unknown;
    done.then(
      () => {
        over = true;
      },
      (error: unknown) => {
        over = true;
        failure = error;
      },
    );
    let idleTurns = 0;
    let turns = 0;
    while (!over) {
      await nextRound(() => {
        if (over) return false;
        const next = this.#events.shift();
        idleTurns = next === undefined ? idleTurns + 1 : 0;
        const why =
          idleTurns > MOST_IDLE_TURNS
            ? "nothing is left to happen"
            : this.nowMs > mostMs
              ? `k6 would have cut it off at ${mostMs} ms`
              : ++turns > MOST_TURNS
                ? `it took ${MOST_TURNS} turns`
                : null;
        if (why !== null) {
          throw new Error(`the scenario does not end: at ${this.nowMs.toFixed(1)} ms ${why}`);
        }
        if (next === undefined) return false;
        this.nowMs = Math.max(this.nowMs, next.atMs);
        next.run();
        return true;
      });
    }
    if (failure !== undefined) throw failure;
  }
}

/**
 * Calls `act` again and again within one round of Node's event loop, while it says so. Behind each call Node settles
 * what promises are left, and a round of its own for each would take longer than most of what happens.
 */
function nextRound(act: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let goesOn = true;
    for (let i = 0; i < CALLS_A_ROUND; i++) {
      setImmediate(() => {
        if (!goesOn) return;
        try {
          goesOn = act();
        } catch (error) {
          goesOn = false;
          reject(error);
        }
      });
    }
    setImmediate(resolve);
  });
}

interface SocketEvent {
  readonly target: StubSocket;
}

export class StubSocket implements RelaySide {
  onopen: (event: SocketEvent) => void = () => {};
  onmessage: (event: { data: string | ArrayBuffer; timestamp: number }) => void = () => {};
  onerror: (event: SocketEvent & { error: string }) => void = () => {};
  onclose: (event: SocketEvent & { code?: number; reason: string }) => void = () => {};
  onping: (event: SocketEvent) => void = () => {};
  onpong: (event: SocketEvent) => void = () => {};
  binaryType = "";
  bufferedAmount = 0;
  readonly url: string;
  readonly #world: World;
  #isOpen = false;

  constructor(
    world: World,
    url: string,
    headers: Readonly<Record<string, string>>,
    compression: string | undefined,
  ) {
    this.#world = world;
    this.url = url;
    const { handshake: shake } = world.conditions;
    const handshake = shake?.(world.dialled, world.nowMs, headers, compression, this) ?? "open";
    world.dialled++;
    if (handshake === "silent") return;
    const tookMs = typeof handshake === "object" && "afterMs" in handshake ? handshake.afterMs : 1;
    world.at(world.nowMs + tookMs, () => this.#shake(handshake));
  }

  get nowMs(): number {
    return this.#world.nowMs;
  }

  #shake(handshake: Exclude<Handshake, "silent">): void {
    if (handshake === "open" || "afterMs" in handshake) {
      this.#isOpen = true;
      this.#world.sockets.add(this);
      this.#world.opened++;
      this.#world.conditions.onOpen?.(this);
      this.onopen({ target: this });
      return;
    }
    this.onerror({ target: this, error: handshake.error });
    // As k6 has it where there was no connection: without a code.
    this.onclose({ target: this, reason: "" });
  }

  send(frame: string): void {
    this.#world.relay(frame, this, this.#world.nowMs);
  }

  ping(): void {
    this.#world.conditions.onPing?.(this, this.#world.nowMs);
    this.#world.at(this.#world.nowMs, () => this.#isOpen && this.onpong({ target: this }));
  }

  answer(data: string | ArrayBuffer, afterMs: number, whenRead = () => {}): void {
    const atMs = this.#world.nowMs + afterMs;
    this.#world.at(atMs, () => {
      if (!this.#isOpen) return;
      whenRead();
      const { readEarlierMs = () => 0 } = this.#world.conditions;
      const readMs = atMs - (typeof data === "string" ? readEarlierMs(data) : 0);
      this.onmessage({ data, timestamp: START_UNIX_MS + readMs });
    });
  }

  later(ms: number, act: () => void): void {
    this.#world.at(this.#world.nowMs + ms, act);
  }

  starve(ms: number): void {
    this.#world.nowMs += ms;
  }

  dropAll(code: number): void {
    for (const socket of [...this.#world.sockets]) socket.drop(code);
  }

  close(): void {
    const { ignoresClose = false } = this.#world.conditions;
    if (typeof ignoresClose === "boolean" ? ignoresClose : ignoresClose(this)) return;
    this.#world.conditions.onClose?.(this);
    this.drop(1000);
  }

  drop(code: number | "reset"): void {
    this.#isOpen = false;
    this.#world.sockets.delete(this);
    this.#world.at(this.#world.nowMs, () => {
      const target = this;
      if (code === "reset") {
        this.onerror({ target, error: "read: connection reset by peer" });
        this.onclose({ target, reason: "" });
        return;
      }
      // As Go's library has it where the stream ends without a Close frame.
      const reason = code === NO_CLOSE_FRAME ? "unexpected EOF" : "";
      this.onclose({ target, code, reason });
    });
  }
}
