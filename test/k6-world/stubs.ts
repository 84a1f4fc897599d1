/** k6's modules and globals, as far as the scripts use them, in a world of virtual time. */
import type { Plugin } from "esbuild";
import { READING_MS, StubSocket, type World } from "./world.ts";

/** Every name that the scripts import from k6 or take from its globals. */
export function modulesOf(
  world: World,
  env: Readonly<Record<string, string>>,
  texts: Readonly<Record<string, string>>,
  frames: Uint8Array,
  share = 0,
) {
  const instance = {
    get currentTestRunDuration() {
      return world.readClock();
    },
  };
  class Metric {
    readonly #name: string;
    constructor(name: string) {
      this.#name = name;
    }
    add(): void {
      world.fed.set(this.#name, (world.fed.get(this.#name) ?? 0) + 1);
    }
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
      vu: { idInTest: share + 1 },
      scenario: { iterationInTest: share },
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
      constructor(
        url: string,
        _protocols: unknown,
        params: { headers: Readonly<Record<string, string>>; compression?: string },
      ) {
        super(world, url, params.headers, params.compression);
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
    http: { asyncRequest: world.conditions.onRequest },
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
    console: { log: (line: string) => world.said.push(line) },
    env,
    openText: (path: string) => texts[path.slice(path.lastIndexOf("/") + 1)],
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
export const stubK6: Plugin = {
  name: "k6-stubs",
  setup({ initialOptions, onResolve, onLoad }) {
    initialOptions.external = [];
    initialOptions.banner = {
      js: "const { env: __ENV, openText: open, setTimeout, clearTimeout, Date, console } = globalThis.k6World;",
    };
    onResolve({ filter: /^k6(\/|$)/ }, ({ path }) => ({ path, namespace: "k6" }));
    onLoad({ filter: /.*/, namespace: "k6" }, ({ path }) => ({
      contents: `const w = globalThis.k6World; ${EXPORTS[path] ?? "throw new Error('no stub')"}`,
    }));
  },
};
