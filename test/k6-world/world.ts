/**
 * A scenario's bundle under Node: k6's modules are stubs, and time is virtual, so that what a run reports
 * can be held against what must come out to the microsecond, in a fraction of the time.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";
import { bundleScripts } from "../../build/bundle.ts";
import { FRAMES_FILE } from "../../src/pool/format.ts";
import type { Report } from "../../src/report/types.ts";

/** What reading the clock takes, ms: a loop that waits for a time must come to it. */
const READING_MS = 0.0005;
const START_UNIX_MS = 1_767_225_600_000;

/** Called for each frame that is sent: when it came, and how to answer or drop the connection. */
export type Relay = (frame: string, socket: RelaySide, atMs: number) => void;

export interface RelaySide {
  answer(text: string, afterMs: number): void;
  /** Ends all connections at this time. */
  dropAll(code: number): void;
}

interface Scenario {
  readonly default: () => Promise<void>;
  readonly handleSummary: (data: unknown) => Record<string, string>;
}

export class World {
  nowMs = 0;
  readonly checks: string[] = [];
  readonly sockets = new Set<StubSocket>();
  readonly relay: Relay;
  #events: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(relay: Relay) {
    this.relay = relay;
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
    while (!over) {
      await nextTurn();
      const next = this.#takeFirst();
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
  onmessage: (event: { data: string; timestamp: number }) => void = () => {};
  onclose: (event: { code: number; reason: string }) => void = () => {};
  binaryType = "";
  bufferedAmount = 0;
  readonly #world: World;
  #isOpen = false;

  constructor(world: World) {
    this.#world = world;
    world.at(world.nowMs + 1, () => {
      this.#isOpen = true;
      world.sockets.add(this);
      this.onopen();
    });
  }

  send(frame: string): void {
    this.#world.relay(frame, this, this.#world.nowMs);
  }

  answer(data: string, afterMs: number): void {
    const atMs = this.#world.nowMs + afterMs;
    this.#world.at(atMs, () => {
      if (this.#isOpen) this.onmessage({ data, timestamp: START_UNIX_MS + atMs });
    });
  }

  dropAll(code: number): void {
    for (const socket of [...this.#world.sockets]) socket.close(code);
  }

  close(code = 1000): void {
    this.#isOpen = false;
    this.#world.sockets.delete(this);
    this.#world.at(this.#world.nowMs, () => this.onclose({ code, reason: "" }));
  }
}

/** Runs a scenario on a pool with these variables; gives the report that it would write. */
export async function runScenario(
  pool: string,
  environment: Readonly<Record<string, string>>,
  relay: Relay,
  scenario = "publish",
): Promise<{ readonly report: Report; readonly endedMs: number }> {
  const world = new World(relay);
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-world-"));
  try {
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
    await writeFile(join(dir, "package.json"), '{"type":"module"}');
    await bundleScripts([`k6/${scenario}.ts`], dir, [stubK6]);
    const script = (await import(pathToFileURL(join(dir, `${scenario}.js`)).href)) as Scenario;
    shared.k6Options = (script as unknown as { options: unknown }).options;
    await world.runUntil(script.default());
    const files = script.handleSummary({
      root_group: { checks: world.checks.map((name) => ({ name })) },
      state: { testRunDurationMs: world.nowMs },
    });
    const report = JSON.parse(files["run/report.json"] ?? "null") as Report;
    return { report, endedMs: world.nowMs };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
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
      constructor() {
        super(world);
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
    setTimeout: (run: () => void, ms: number) => world.at(world.nowMs + Math.max(0, ms), run),
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
