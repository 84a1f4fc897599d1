/**
 * While no connection is open, tries the relay's port by itself: clients that wait longer from try to try say
 * how long they had no relay, and not when there was one again. A bare connection, ended at once.
 */
import { connect } from "node:net";
import type { Slice } from "../../measure/slice.ts";
import type { Resources } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";

const EVERY_MS = 150;
const MOST_WAIT_MS = 1_000;
/** A relay that comes and goes all the time is told of by so many times. */
const MOST_OUTAGES = 100;

/** Unix ms. */
export interface PortLook {
  firstRefusedMs: number | null;
  lastRefusedMs: number | null;
  firstOpenMs: number | null;
}

export interface OutageWatch {
  /** To be told of each slice. */
  observe(slice: Slice): void;
  stop(): readonly PortLook[];
}

export type TryPort = () => Promise<boolean>;

export interface OutageClock {
  readonly nowMs: () => number;
  readonly every: (ms: number, run: () => void) => () => void;
}

const SYSTEM: OutageClock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};

export function watchOutages(tryPort: TryPort, clock: OutageClock = SYSTEM): OutageWatch {
  const open = new Map<number, number>();
  const looks: PortLook[] = [];
  let hadSome = false;
  let end: (() => void) | null = null;
  let isOver = false;

  const begin = () => {
    const look: PortLook = { firstRefusedMs: null, lastRefusedMs: null, firstOpenMs: null };
    looks.push(look);
    let isTrying = false;
    const tryOnce = async () => {
      if (isTrying || look.firstOpenMs !== null) return;
      isTrying = true;
      const takes = await tryPort();
      const nowMs = clock.nowMs();
      isTrying = false;
      if (takes) look.firstOpenMs = nowMs;
      else {
        look.firstRefusedMs ??= nowMs;
        look.lastRefusedMs = nowMs;
      }
    };
    void tryOnce();
    end = clock.every(EVERY_MS, () => void tryOnce());
  };
  return {
    observe({ vu, phase, connectionsOpen }) {
      // At the end the clients close all by themselves.
      isOver ||= phase === "done";
      if (isOver) end?.();
      if (isOver || phase === "connect") return;
      open.set(vu, connectionsOpen);
      const sum = [...open.values()].reduce((all, n) => all + n, 0);
      if (sum > 0) {
        hadSome = true;
        end?.();
        end = null;
      } else if (hadSome && end === null && looks.length < MOST_OUTAGES) {
        begin();
      }
    },
    stop() {
      end?.();
      return looks;
    },
  };
}

/** Whether any of the relays takes a TCP connection, at an address that the gate admitted. */
export function portsOf(admissions: readonly Admission[]): TryPort {
  return async () => {
    const takes = await Promise.all(
      admissions.map(({ url, addresses }) => takesConnection(addresses[0], url.port)),
    );
    return takes.includes(true);
  };
}

function takesConnection(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: MOST_WAIT_MS });
    const end = (takes: boolean) => {
      socket.destroy();
      resolve(takes);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}

/** In seconds of the window; without one there is nothing to tell. */
export function relateLooks(
  looks: readonly PortLook[],
  windowStartUnixMs: number | null,
): NonNullable<Resources["portLooks"]> {
  if (windowStartUnixMs === null) return [];
  const sec = (ms: number | null) =>
    ms === null ? null : Math.round(ms - windowStartUnixMs) / 1_000;
  return looks.map((look) => ({
    firstRefusedSec: sec(look.firstRefusedMs),
    lastRefusedSec: sec(look.lastRefusedMs),
    firstOpenSec: sec(look.firstOpenMs),
  }));
}
