/**
 * A scenario's bundle under Node: k6's modules are stubs, and time is virtual, so that what a run reports
 * can be held against what must come out to the microsecond, in a fraction of the time.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";
import { bundleScripts } from "../../build/bundle.ts";
import { decodeSlice, type Slice } from "../../src/measure/slice.ts";
import { FRAMES_FILE } from "../../src/pool/format.ts";
import type { Report } from "../../src/report/types.ts";

/** What reading the clock takes, ms: a loop that waits for a time must come to it. */
const READING_MS = 0.0005;
const START_UNIX_MS = 1_767_225_600_000;

/** Called for each frame that is sent: when it came, and how to answer or drop the connection. */
export type Relay = (frame: string, socket: RelaySide, atMs: number) => void;

export interface RelaySide {
  /** The relay that the connection leads to. */
  readonly url: string;
  /** `whenRead` is called if the connection is still there by then. */
  answer(data: string | ArrayBuffer, afterMs: number, whenRead?: () => void): void;
  /** Ends this connection, or all of them, at this time. */
  drop(code: number): void;
  dropAll(code: number): void;
  /** The generator gets no processor for so long. */
  starve(ms: number): void;
}

type Handshake = "open" | "silent" | { readonly error: string };

/** Where a run takes place, but for the relay's answers. */
export interface Conditions {
  readonly scenario?: string;
  /** By the place of the connection, from 0; open when this is left out. */
  readonly handshake?: (place: number, atMs: number) => Handshake;
  readonly onOpen?: () => void;
  /** Close frames get no answer. */
  readonly ignoresClose?: boolean;
  /** What happens at a time, by the relay's doing. */
  readonly at?: readonly (readonly [atMs: number, act: (open: readonly RelaySide[]) => void])[];
  /** How much later than asked for timers wake: 1.1 in k6. */
  readonly timersLateMs?: number;
}

/** A run that takes longer does not end at all. */
const MOST_MS = 2 * 3_600_000;
/** The stubs' promises need a few turns; so many without anything to happen are the end. */
const MOST_IDLE_TURNS = 1_000;

interface Scenario {
  readonly default: () => Promise<void>;
  readonly handleSummary: (data: unknown) => Record<string, string>;
}

export class World {
  nowMs = 0;
  readonly checks: string[] = [];
  readonly sockets = new Set<StubSocket>();
  readonly relay: Relay;
  readonly conditions: Conditions;
  dialled = 0;
  opened = 0;
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
    this.#events.push({ atMs, order, run });
    return order;
  }

  cancel(order: number): void {
    this.#events = this.#events.filter((event) => event.order !== order);
  }

  /** Runs what is to happen, in its order, until the promise is settled. */
  async runUntil(done: Promise<void>): Promise<void> {
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
    while (!over) {
      await nextTurn();
      const next = this.#takeFirst();
      idleTurns = next === undefined ? idleTurns + 1 : 0;
      if (idleTurns > MOST_IDLE_TURNS || this.nowMs > MOST_MS) {
        throw new Error(`the scenario does not end: it is at ${this.nowMs} ms`);
      }
      if (next === undefined) continue;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    if (failure !== undefined) throw failure;
  }

  #takeFirst(): { atMs: number; run: () => void } | undefined {
    let first = 0;
    for (let i = 1; i < this.#events.length; i++) {
      const [a, b] = [this.#events[i], this.#events[first]];
      if (a && b && (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order))) first = i;
    }
    return this.#events.splice(first, 1)[0];
  }
}

class StubSocket implements RelaySide {
  onopen: () => void = () => {};
  onmessage: (event: { data: string | ArrayBuffer; timestamp: number }) => void = () => {};
  onerror: (event: { error: string }) => void = () => {};
  onclose: (event: { code?: number; reason: string }) => void = () => {};
  binaryType = "";
  bufferedAmount = 0;
  readonly url: string;
  readonly #world: World;
  #isOpen = false;

  constructor(world: World, url: string) {
    this.#world = world;
    this.url = url;
    const handshake = world.conditions.handshake?.(world.dialled, world.nowMs) ?? "open";
    world.dialled++;
    if (handshake !== "silent") world.at(world.nowMs + 1, () => this.#shake(handshake));
  }

  #shake(handshake: Exclude<Handshake, "silent">): void {
    if (handshake === "open") {
      this.#isOpen = true;
      this.#world.sockets.add(this);
      this.#world.opened++;
      this.#world.conditions.onOpen?.();
      this.onopen();
      return;
    }
    this.onerror({ error: handshake.error });
    // As k6 has it where there was no connection: without a code.
    this.onclose({ reason: "" });
  }

  send(frame: string): void {
    this.#world.relay(frame, this, this.#world.nowMs);
  }

  answer(data: string | ArrayBuffer, afterMs: number, whenRead = () => {}): void {
    const atMs = this.#world.nowMs + afterMs;
    this.#world.at(atMs, () => {
      if (!this.#isOpen) return;
      whenRead();
      this.onmessage({ data, timestamp: START_UNIX_MS + atMs });
    });
  }

  starve(ms: number): void {
    this.#world.nowMs += ms;
  }

  dropAll(code: number): void {
    for (const socket of [...this.#world.sockets]) socket.drop(code);
  }

  close(): void {
    if (this.#world.conditions.ignoresClose !== true) this.drop(1000);
  }

  drop(code: number): void {
    this.#isOpen = false;
    this.#world.sockets.delete(this);
    this.#world.at(this.#world.nowMs, () => this.onclose({ code, reason: "" }));
  }
}

export interface Ran {
  readonly report: Report;
  readonly slices: readonly Slice[];
  readonly endedMs: number;
  /** Connections tried, and those that opened. */
  readonly dialled: number;
  readonly opened: number;
}

/** Runs a scenario on a pool with these variables; gives the report that it would write. */
export async function runScenario(
  pool: string,
  environment: Readonly<Record<string, string>>,
  relay: Relay,
  conditions: Conditions = {},
): Promise<Ran> {
  const { scenario = "publish" } = conditions;
  const world = new World(relay, conditions);
  const env = {
    PATH: "/usr/bin",
    RELAY_URL: "ws://127.0.0.1:7777",
    POOL: pool,
    RUN_DIR: "run",
    ...environment,
  };
  const manifest = await readFile(join(pool, "manifest.json"), "utf8");
  const frames = await readFile(join(pool, FRAMES_FILE));
  const shared = globalThis as unknown as Record<string, unknown>;
  shared.k6World = modulesOf(world, env, manifest, frames);
  const script = await loadScenario(scenario);
  shared.k6Options = (script as unknown as { options: unknown }).options;
  await world.runUntil(script.default());
  const files = script.handleSummary({
    root_group: { checks: world.checks.map((name) => ({ name })) },
    state: { testRunDurationMs: world.nowMs },
  });
  const report = JSON.parse(files["run/report.json"] ?? "null") as Report;
  const slices = world.checks.flatMap((name) => decodeSlice(name) ?? []);
  return { report, slices, endedMs: world.nowMs, dialled: world.dialled, opened: world.opened };
}

let bundles: Promise<string> | undefined;
let loaded = 0;

after(async () => {
  if (bundles) await rm(await bundles, { recursive: true, force: true });
});

async function bundleAll(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-world-"));
  await writeFile(join(dir, "package.json"), '{"type":"module"}');
  await bundleScripts(["k6/publish.ts", "k6/playback.ts"], dir, [stubK6]);
  return dir;
}

/** A scenario's module, evaluated anew: each run has its own world. */
async function loadScenario(scenario: string): Promise<Scenario> {
  bundles ??= bundleAll();
  const { href } = pathToFileURL(join(await bundles, `${scenario}.js`));
  return (await import(`${href}?${++loaded}`)) as Scenario;
}

/** Every name that the scripts import from k6 or take from its globals. */
function modulesOf(
  world: World,
  env: Readonly<Record<string, string>>,
  manifest: string,
  frames: Uint8Array,
) {
  const instance = {
    get currentTestRunDuration() {
      return world.readClock();
    },
  };
  class Metric {
    add(): void {}
  }
  const open = async () => {
    let at = 0;
    return {
      seek: async (offset: number) => {
        at = offset;
      },
      read: async (into: Uint8Array) => {
        const part = frames.subarray(at, at + into.length);
        into.set(part);
        at += part.length;
        return part.length === 0 ? null : part.length;
      },
    };
  };
  return {
    check: (_: unknown, sets: Record<string, () => boolean>) =>
      world.checks.push(...Object.keys(sets)),
    exec: {
      instance,
      vu: { idInTest: 1 },
      scenario: { iterationInTest: 0 },
      test: {
        get options() {
          return (globalThis as unknown as Record<string, unknown>).k6Options;
        },
        abort: (text: string) => {
          throw new Error(text);
        },
      },
    },
    Counter: Metric,
    Rate: Metric,
    Trend: Metric,
    Gauge: Metric,
    WebSocket: class extends StubSocket {
      constructor(url: string) {
        super(world, url);
      }
    },
    Blob: class {
      readonly #parts: readonly Uint8Array[];
      constructor(parts: readonly Uint8Array[]) {
        this.#parts = parts;
      }
      text = async () => Buffer.concat(this.#parts).toString();
    },
    open,
    SeekMode: { Start: 0 },
    http: {},
    crypto: { sha256: () => "0".repeat(64) },
    setTimeout: (run: () => void, ms: number) =>
      world.at(world.nowMs + Math.max(0, ms) + (world.conditions.timersLateMs ?? 0), run),
    clearTimeout: (order: number) => world.cancel(order),
    Date: class extends Date {
      static override now = () => {
        world.nowMs += READING_MS;
        return Math.floor(world.unixMs());
      };
    },
    env,
    openText: () => manifest,
  };
}

const EXPORTS: Readonly<Record<string, string>> = {
  k6: "export const { check } = w;",
  "k6/execution": "export default w.exec;",
  "k6/websockets": "export const { WebSocket, Blob } = w;",
  "k6/metrics": "export const { Counter, Rate, Trend, Gauge } = w;",
  "k6/experimental/fs": "export const { open, SeekMode } = w;",
  "k6/http": "export default w.http;",
  "k6/crypto": "export default w.crypto;",
};

/** k6's modules and globals come from `globalThis.k6World`. */
const stubK6: Plugin = {
  name: "k6-stubs",
  setup({ initialOptions, onResolve, onLoad }) {
    initialOptions.external = [];
    initialOptions.banner = {
      js: "const { env: __ENV, openText: open, setTimeout, clearTimeout, Date } = globalThis.k6World;",
    };
    onResolve({ filter: /^k6(\/|$)/ }, ({ path }) => ({ path, namespace: "k6" }));
    onLoad({ filter: /.*/, namespace: "k6" }, ({ path }) => ({
      contents: `const w = globalThis.k6World; ${EXPORTS[path] ?? "throw new Error('no stub')"}`,
    }));
  },
};
