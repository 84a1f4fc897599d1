/**
 * One VU from its first connection to its last slice: connect, wait for the common start, send
 * through warm-up and window, wait for answers, close. Figures leave it as slices only.
 */
import exec from "k6/execution";
import { Recorder } from "../../src/measure/recorder.ts";
import { type Phase, sliceLengthMs } from "../../src/measure/slice.ts";
import { CLOSE_TIMEOUT_MS } from "../../src/plan/duration.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { mayBeEphemeral, type PoolManifest } from "../../src/pool/format.ts";
import { seededRandom } from "../../src/random.ts";
import { rowTypes } from "../../src/report/build.ts";
import { type Asker, createAsker } from "./asker.ts";
import { type Clock, createClock } from "./clock.ts";
import { Connections } from "./connections.ts";
import type { FrameSource } from "./frame-source.ts";
import { feedConnect, type MetricFeed } from "./metrics.ts";
import { createPublisher, type Publisher } from "./publisher.ts";
import { SliceDesk } from "./slices.ts";
import { targetsOf } from "./targets.ts";

/** Windows begin at full seconds, so that VUs that are ready at about the same time begin together. */
const START_GRID_MS = 1_000;
const START_MARGIN_MS = 250;
const EXPIRE_EVERY_MS = 50;
/** At each turn only what is due is sent; all else is looked at so often. */
const CHORES_EVERY_MS = 5;

export interface VuOptions {
  readonly plan: Plan;
  readonly pool: PoolManifest;
  readonly share: number;
  /** Of so many accepted publishes one is noted for the read-back; 0: of none. */
  readonly auditEvery: number;
  readonly openFrames: () => Promise<FrameSource>;
  /** The same frames once more, for what the sessions behind the views ask; `null` to ask nothing. */
  readonly openAhead: (() => Promise<FrameSource>) | null;
  readonly feedMetrics: MetricFeed;
  /** Log each slice too, for whoever watches the run. */
  readonly live: boolean;
}

export async function runVu(options: VuOptions): Promise<void> {
  const ahead = options.openAhead === null ? null : await options.openAhead();
  const vu = new Vu(options, await options.openFrames(), ahead);
  await vu.run();
}

class Vu {
  readonly #plan: Plan;
  readonly #clock: Clock = createClock();
  readonly #recorder: Recorder;
  readonly #slices: SliceDesk;
  readonly #connections: Connections;
  readonly #publisher: Publisher;
  readonly #asker: Asker | null;
  readonly #sliceMs: number;
  #phase: Phase = "connect";
  #nextSliceMs: number;
  #nextExpireMs = 0;
  #nextChoresMs = 0;
  /** When these chores began, and those before: behind a pause of this process, what came is still to be read. */
  #choresMs = 0;
  #lastChoresMs = 0;
  /** When publishes in flight were looked at last, and how many were left then. */
  #lookedMs = 0;
  #lookedAt = 0;

  constructor(options: VuOptions, frames: FrameSource, ahead: FrameSource | null) {
    const { plan, pool, share, auditEvery } = options;
    const types = rowTypes(pool);
    this.#plan = plan;
    this.#recorder = new Recorder(types.length * 2, plan.relays.length);
    this.#slices = new SliceDesk(this.#recorder, options.feedMetrics, options.live);
    this.#sliceMs = sliceLengthMs(plan.durationSec);
    this.#nextSliceMs = this.#clock.now() + 1_000;
    this.#connections = new Connections({
      targets: targetsOf(plan, share),
      pingMs: plan.pingSec * 1_000,
      random: seededRandom(plan.seed, `backoff/${share}`),
      concurrency: Math.max(1, Math.floor(plan.connectConcurrency / plan.vus)),
      clock: this.#clock,
      recorder: this.#recorder,
      atSec: () => this.#publisher.atSec(),
      events: {
        listen: (client) => this.#publisher.listen(client),
        onOpen: (_, connectMs) => {
          feedConnect(connectMs);
          this.#publisher.onOpen();
        },
        onDrop: (client) => this.#publisher.onDrop(client),
        onFault: (where, error) => this.#onFault(where, error),
      },
    });
    this.#asker =
      ahead === null || options.openAhead === null
        ? null
        : createAsker({
            plan,
            share,
            viewType: pool.types.indexOf("view"),
            clients: this.#connections.clients,
            clock: this.#clock,
            recorder: this.#recorder,
            frames: ahead,
            openFrames: options.openAhead,
            atSec: () => this.#publisher.atSec(),
          });
    this.#publisher = createPublisher({
      plan,
      types: types.length,
      mayBeEphemeral: pool.types.map((type) => mayBeEphemeral(pool, type)),
      share,
      largestFrame: pool.largestFrame,
      hasSets: pool.events > pool.sets,
      frames,
      clients: this.#connections.clients,
      clock: this.#clock,
      recorder: this.#recorder,
      auditEvery,
      asker: this.#asker,
      onProof: (client) => this.#connections.prove(client),
      onFault: (where, error) => this.#onFault(where, error),
    });
  }

  async run(): Promise<void> {
    const opened = this.#connections.openAll();
    await Promise.all([opened, this.#tickUntil(opened)]);
    const ready = this.#clock.now() + START_MARGIN_MS;
    this.#publisher.start(Math.ceil(ready / START_GRID_MS) * START_GRID_MS);
    const { startMs, windowStartMs, windowEndMs } = this.#publisher;
    this.#asker?.start(startMs, windowStartMs, windowEndMs);
    this.#enter(this.#plan.warmupSec > 0 ? "warmup" : "window");
    await this.#runUntil(() => this.#windowDone());
    this.#publisher.endWindow();
    this.#enter("drain");
    // What was sent late is waited for as long as the rest.
    const drainEndMs = this.#clock.now() + this.#plan.ackTimeoutMs;
    await this.#runUntil(() => this.#isAnswered() || this.#lastChoresMs >= drainEndMs);
    this.#publisher.expireAll();
    if (!this.#publisher.isSettled) {
      this.#onFault("accounting", "places of publishes are not free after the last one");
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    // Emitted before closing too: a relay that never answers a Close frame keeps k6 from ending.
    this.#emit("drain");
    this.#slices.finish();
    const closed = this.#connections.closeAll();
    const timeout = new Promise<void>((resolve) => {
      const deadline = this.#clock.now() + CLOSE_TIMEOUT_MS;
      const look = () => {
        if (this.#connections.unanswered === 0 || this.#clock.now() >= deadline) resolve();
        else setTimeout(look, 20);
      };
      look();
    });
    await Promise.race([closed, timeout]);
    const { unanswered } = this.#connections;
    this.#recorder.link.closesUnanswered = unanswered;
    for (let i = 0; i < unanswered; i++) {
      this.#recorder.error(
        "close",
        "unanswered",
        this.#publisher.atSec(),
        "no answer to the Close frame",
      );
    }
    this.#phase = "done";
    this.#emit("done", this.#clock.driftMs());
    this.#slices.finish();
  }

  #isAnswered(): boolean {
    return this.#publisher.inFlight === 0 && (this.#asker === null || this.#asker.open === 0);
  }

  #windowDone(): boolean {
    const { nextDueMs, windowEndMs, isHeld, waiting, resumedMs } = this.#publisher;
    const isAllTaken = nextDueMs === Number.POSITIVE_INFINITY;
    // What this process held up over the end has as long for a place as it ever has; behind a pause the
    // answers that made room are still to be read.
    if (resumedMs > windowEndMs) return isAllTaken && waiting === 0;
    // What is late by us is still sent; what no connection had room for was not sent in time.
    return this.#choresMs >= windowEndMs && (isAllTaken || isHeld);
  }

  #enter(phase: Phase): void {
    this.#emit(this.#phase);
    this.#phase = phase;
    if (phase !== "warmup" && phase !== "window") return;
    // Slices end at whole numbers of slices from the window's start, in the warm-up too.
    const { startMs, windowStartMs } = this.#publisher;
    this.#nextSliceMs = startMs + ((windowStartMs - startMs) % this.#sliceMs || this.#sliceMs);
  }

  /** Slices while the connections are opened. */
  async #tickUntil(done: Promise<void>): Promise<void> {
    let over = false;
    void done.then(() => {
      over = true;
    });
    await this.#runUntil(() => over);
  }

  /** The one timer of the VU: wakes for the next due event, the next slice, the next expiry. */
  #runUntil(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const turn = () => {
        const now = this.#clock.now();
        try {
          if (now < this.#nextChoresMs) this.#publisher.pump(now);
          else this.#doChores(now);
        } catch (error) {
          this.#onFault("timer", error);
        }
        if (now === this.#choresMs && done()) {
          resolve();
          return;
        }
        const wakeMs = Math.min(this.#publisher.wakeMs, this.#nextChoresMs);
        setTimeout(turn, Math.max(0.1, wakeMs - this.#clock.now()));
      };
      this.#nextChoresMs = 0;
      // Not at once: what is still to be read from the phase before comes first.
      setTimeout(turn, 0.1);
    });
  }

  #doChores(now: number): void {
    this.#lastChoresMs = this.#choresMs;
    this.#choresMs = now;
    if (now - this.#lastChoresMs > this.#plan.ackTimeoutMs / 10) this.#publisher.resume(now);
    if (this.#phase === "window") this.#lookAtFlight(now);
    this.#publisher.pump(now);
    this.#connections.work(now);
    if (this.#asker !== null && this.#asker.nextDueMs <= now) this.#asker.ask(now);
    if (now >= this.#nextExpireMs) {
      this.#publisher.expire(this.#lastChoresMs);
      this.#nextExpireMs = now + EXPIRE_EVERY_MS;
    }
    this.#lookedAt = this.#publisher.inFlight;
    this.#slices.work();
    if (now >= this.#nextSliceMs) {
      if (this.#phase === "warmup" && now >= this.#publisher.windowStartMs) this.#phase = "window";
      this.#emit(this.#phase);
      this.#nextSliceMs +=
        this.#sliceMs * Math.max(1, Math.ceil((now - this.#nextSliceMs) / this.#sliceMs));
    }
    this.#nextChoresMs = this.#slices.isBusy
      ? now
      : Math.min(
          now + CHORES_EVERY_MS,
          this.#asker?.nextDueMs ?? Number.POSITIVE_INFINITY,
          this.#nextSliceMs,
        );
  }

  /** Publishes in flight as a line from one look to the next, each look weighing as long as it took. */
  #lookAtFlight(now: number): void {
    const { inFlight, windowStartMs, windowEndMs } = this.#publisher;
    const fromMs = Math.max(this.#lookedMs, windowStartMs);
    const tookMs = Math.min(now, windowEndMs) - fromMs;
    if (tookMs > 0) {
      this.#recorder.inFlight.sum += ((this.#lookedAt + inFlight) / 2) * tookMs;
      this.#recorder.inFlight.overMs += tookMs;
    }
    this.#lookedMs = now;
  }

  #onFault(where: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? trimStack(error.stack ?? "") : undefined;
    this.#recorder.error("script", where, this.#publisher.atSec(), text, stack);
  }

  #emit(phase: Phase, clockDriftMs?: number): void {
    const { windowStartMs } = this.#publisher;
    const atMs = this.#clock.now();
    this.#slices.cut({
      vu: exec.vu.idInTest,
      phase,
      // A slice is taken at its end.
      index: windowStartMs === 0 ? -1 : Math.round((atMs - windowStartMs) / this.#sliceMs) - 1,
      windowStartMs: windowStartMs === 0 ? null : windowStartMs,
      atMs,
      connectionsOpen: this.#connections.open,
      connectionsProven: this.#connections.proven,
      ...(clockDriftMs === undefined ? {} : { clockDriftMs }),
    });
  }
}

function trimStack(stack: string): string {
  return stack.split("\n").slice(0, 6).join("\n");
}
