/**
 * One VU from its first connection to its last slice: connect, wait for the common start, send
 * through warm-up and window, wait for answers, close. Figures leave it as slices only.
 */
import type { RowNames } from "../../src/measure/classes.ts";
import { Recorder } from "../../src/measure/recorder.ts";
import { type Phase, type Slice, sliceLengthMs } from "../../src/measure/slice.ts";
import { CLOSE_TIMEOUT_MS, drainMs } from "../../src/plan/duration.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { seededRandom } from "../../src/random.ts";
import { type Clock, createClock } from "./clock.ts";
import { Connections } from "./connection/connections.ts";
import { Keeper } from "./connection/keeper.ts";
import { targetsOf } from "./connection/targets.ts";
import type { Driver, Ground, LeadingDriver, Schedule } from "./driver.ts";
import { Loop } from "./loop.ts";
import { createRest } from "./messages.ts";
import { feedConnect, type MetricFeed } from "./metrics.ts";
import { SliceDesk } from "./slices.ts";

/** Windows begin at full seconds, so that VUs that are ready at about the same time begin together. */
const START_GRID_MS = 1_000;
const START_MARGIN_MS = 250;

export interface VuOptions {
  readonly plan: Plan;
  readonly share: number;
  /** The rows of each class that the scenario does. */
  readonly rows: RowNames;
  /** What this VU does; the first one leads. */
  readonly createDrivers: (ground: Ground) => readonly [LeadingDriver, ...Driver[]];
  readonly feedMetrics: MetricFeed;
  /** Log each slice too, for whoever watches the run. */
  readonly live: boolean;
  /** Of several k6 processes the name of this one. */
  readonly of?: string;
  /** Unix ms of the start that they agreed on. */
  readonly startAtMs: number | null;
}

export class Vu {
  readonly #plan: Plan;
  readonly #share: number;
  readonly #clock: Clock = createClock();
  readonly #recorder: Recorder;
  readonly #slices: SliceDesk;
  readonly #connections: Connections;
  /** Where no driver says when a client connects. */
  readonly #keeper: Keeper | null;
  readonly #drivers: readonly [LeadingDriver, ...Driver[]];
  readonly #loop: Loop;
  readonly #sliceMs: number;
  /** What each slice says of the process, where there are several. */
  readonly #origin: Pick<Slice, "of" | "offsetMs">;
  /** When to start, ms; `null`: when it is ready. */
  readonly #startAtMs: number | null;
  #schedule: Schedule | null = null;
  #phase: Phase = "connect";
  #nextSliceMs: number;
  #slackMs: number | undefined;

  constructor({ plan, share, rows, createDrivers, feedMetrics, ...more }: VuOptions) {
    const clock = this.#clock;
    const recorder = new Recorder(rows, plan.relays.length);
    const onFault = (where: string, error: unknown) => this.#onFault(where, error);
    const atSec = () => this.#atSec();
    this.#plan = plan;
    this.#share = share;
    this.#recorder = recorder;
    this.#slices = new SliceDesk(recorder, feedMetrics, more.live);
    const { offsetMs } = clock;
    this.#origin = more.of === undefined ? {} : { of: more.of, offsetMs };
    this.#startAtMs = more.startAtMs === null ? null : more.startAtMs - offsetMs;
    this.#sliceMs = sliceLengthMs(plan.durationSec);
    this.#nextSliceMs = clock.now() + 1_000;
    this.#connections = new Connections({
      targets: targetsOf(plan, share),
      pingMs: plan.pingSec * 1_000,
      clock,
      recorder,
      atSec,
      events: {
        listen: (client) => this.#drivers[0].listen(client, rest),
        onOpen: (client, connectMs) => {
          feedConnect(connectMs);
          const drivers = this.#drivers;
          // By index: in k6 each `for … of` makes objects.
          for (let i = 0; i < drivers.length; i++) (drivers[i] as Driver).onOpen(client);
        },
        onDrop: (client) => {
          for (const driver of this.#drivers) driver.onDrop(client);
        },
        onTried: (client) => holder?.onTried(client),
        onDown: (client, down) => holder?.onDown(client, down),
        useOf: (client) => this.#drivers[0].useOf(client),
        isIdle: (client) => this.#drivers.every((driver) => driver.useOf(client).open === 0),
        onFault,
      },
    });
    const { clients } = this.#connections;
    const dialer = this.#connections;
    const prove = dialer.prove.bind(dialer);
    const ground: Ground = { plan, share, clients, clock, recorder, atSec, prove, dialer, onFault };
    this.#drivers = createDrivers(ground);
    const [{ holder: ownHolder }] = this.#drivers;
    this.#keeper = ownHolder
      ? null
      : new Keeper({
          connections: this.#connections,
          recorder,
          concurrency: Math.max(1, Math.floor(plan.connectConcurrency / plan.vus)),
          random: seededRandom(plan.seed, `backoff/${share}`),
        });
    const holder = ownHolder ?? this.#keeper;
    const rest = createRest(ground, this.#drivers);
    this.#loop = new Loop({
      ...{ plan, clock, recorder, onFault },
      drivers: this.#drivers,
      doChores: (nowMs) => this.#doChores(nowMs),
    });
  }

  /** Gives whether it was ready for its start; one that was not has sent nothing. */
  async run(): Promise<boolean> {
    await this.#open();
    if (this.#isLate) return false;
    await this.#prepare();
    if (this.#isLate) return false;
    const { startMs, windowStartMs, windowEndMs } = this.#start();
    this.#enter(this.#plan.warmupSec > 0 ? "warmup" : "window");
    // Slices end at whole numbers of slices from the window's start, in the warm-up too.
    this.#nextSliceMs = startMs + ((windowStartMs - startMs) % this.#sliceMs || this.#sliceMs);
    const loop = this.#loop;
    await loop.runUntil(() => loop.choresMs >= windowEndMs && loop.isThrough);
    for (const driver of this.#drivers) driver.endWindow();
    this.#enter("drain");
    // What was sent late is waited for as long as the rest.
    const drainEndMs = this.#clock.now() + drainMs(this.#plan);
    await loop.runUntil(() => loop.isAnswered || loop.lastChoresMs >= drainEndMs);
    for (const driver of this.#drivers) driver.giveUp();
    if (!this.#drivers.every((driver) => driver.isSettled)) {
      this.#onFault("accounting", "not all places are free after the last answer");
    }
    await this.#close();
    return true;
  }

  get #isLate(): boolean {
    return this.#startAtMs !== null && this.#clock.now() + START_MARGIN_MS > this.#startAtMs;
  }

  /** Tries each connection once; slices meanwhile. */
  async #open(): Promise<void> {
    let over = false;
    const opened = (this.#keeper?.openAll() ?? Promise.resolve()).then(() => {
      over = true;
    });
    await this.#loop.runUntil(() => over || this.#isLate);
    // A connection that waits for its answer must not make another one late.
    if (!this.#isLate) await opened;
  }

  /** What drivers have to do before anything is due; most have nothing. */
  async #prepare(): Promise<void> {
    const preparing = this.#drivers.filter((driver) => driver.prepare !== undefined);
    if (preparing.length === 0) return;
    for (const driver of preparing) driver.prepare?.();
    await this.#loop.runUntil(
      () => preparing.every(({ isPrepared }) => isPrepared === true) || this.#isLate,
    );
  }

  #start(): Schedule {
    const readyMs = this.#clock.now() + START_MARGIN_MS;
    const startMs = this.#startAtMs ?? Math.ceil(readyMs / START_GRID_MS) * START_GRID_MS;
    if (this.#startAtMs !== null) this.#slackMs = startMs - readyMs;
    const windowStartMs = startMs + this.#plan.warmupSec * 1_000;
    const windowEndMs = windowStartMs + this.#plan.durationSec * 1_000;
    this.#schedule = { startMs, windowStartMs, windowEndMs };
    this.#keeper?.hold();
    this.#loop.start(this.#schedule);
    return this.#schedule;
  }

  async #close(): Promise<void> {
    // Emitted before closing too: a relay that never answers a Close frame keeps k6 from ending.
    this.#emit("drain");
    this.#slices.finish();
    this.#keeper?.stop();
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
      this.#recorder.error("close", "unanswered", this.#atSec(), "no answer to the Close frame");
    }
    this.#connections.closeBooks();
    this.#phase = "done";
    this.#emit("done", this.#clock.driftMs());
    this.#slices.finish();
  }

  #enter(phase: Phase): void {
    this.#emit(this.#phase);
    this.#phase = phase;
  }

  /** Gives when it wants to be asked again at the latest. */
  #doChores(now: number): number {
    this.#connections.work(now);
    this.#slices.work();
    if (now >= this.#nextSliceMs) {
      const isInWindow = this.#schedule !== null && now >= this.#schedule.windowStartMs;
      if (this.#phase === "warmup" && isInWindow) this.#phase = "window";
      this.#emit(this.#phase);
      this.#nextSliceMs +=
        this.#sliceMs * Math.max(1, Math.ceil((now - this.#nextSliceMs) / this.#sliceMs));
    }
    return this.#slices.isBusy ? now : this.#nextSliceMs;
  }

  #atSec(): number {
    const windowStartMs = this.#schedule?.windowStartMs ?? 0;
    return Math.max(0, Math.round(this.#clock.now() - windowStartMs) / 1_000);
  }

  #onFault(where: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? trimStack(error.stack ?? "") : undefined;
    this.#recorder.error("script", where, this.#atSec(), text, stack);
  }

  #emit(phase: Phase, clockDriftMs?: number): void {
    const windowStartMs = this.#schedule?.windowStartMs ?? null;
    const atMs = this.#clock.now();
    const { usable } = this.#drivers[0];
    this.#slices.cut({
      // From 1 on, each once over all instances.
      vu: this.#share + 1,
      phase,
      // A slice is taken at its end.
      index: windowStartMs === null ? -1 : Math.round((atMs - windowStartMs) / this.#sliceMs) - 1,
      windowStartMs,
      atMs,
      connectionsOpen: this.#connections.open,
      connectionsProven: this.#connections.proven,
      ...(usable === undefined ? {} : { connectionsUsable: usable }),
      ...(clockDriftMs === undefined ? {} : { clockDriftMs }),
      ...(this.#slackMs === undefined ? {} : { slackMs: this.#slackMs }),
      ...this.#origin,
    });
    this.#slackMs = undefined;
  }
}

function trimStack(stack: string): string {
  return stack.split("\n").slice(0, 6).join("\n");
}
