/**
 * Slow readers of a run: they join at a second of its window that the plan says, so that what went on before is there
 * to be held against what they do. Through the gate like all that is dialled, on connections of their own.
 */
import type { SlowReaders } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { openSlowReader, type SlowReader } from "./slow-reader.ts";
import { endsOf, isCut, readTcpTable } from "./tcp-table.ts";
import type { AskedTopics } from "./topics.ts";

/** A look at all connections of a machine takes some milliseconds. */
const LOOK_EVERY_MS = 500;
const READ_EVERY_MS = 100;
const AT_ONCE = 20;
/** What waits for them by the end is taken for at most so long. */
const DRAIN_MS = 3_000;

export interface SlowReadersHelper {
  /** Called with each slice: when the window began, Unix ms, once it is known. */
  observe(windowStartUnixMs: number | null): void;
  /** Has them read all, and says what became of them. */
  close(): Promise<SlowReaders | null>;
}

export interface SlowReadersRequest {
  readonly admission: Admission;
  readonly readers: number;
  readonly bytesPerSec: number;
  /** Behind the start of the window. */
  readonly atSec: number;
  readonly asked: () => Promise<AskedTopics>;
  /** REQs of each. */
  readonly subscriptions: number;
  readonly onNote: (text: string) => void;
  readonly lookEveryMs?: number;
  /** Called behind each look at their connections. */
  readonly onLook?: () => void;
}

/** One that is open: when its connection was seen to be cut, and whether the relay's end of it was ever seen. */
interface Open {
  readonly reader: SlowReader;
  sawRelays: boolean;
  cutAtSec: number | null;
}

export function planSlowReaders(request: SlowReadersRequest): SlowReadersHelper {
  const { admission, readers, bytesPerSec, atSec, subscriptions, onNote } = request;
  const { lookEveryMs = LOOK_EVERY_MS, onLook } = request;
  const open: Open[] = [];
  const refused = new Map<string, number>();
  const timers: NodeJS.Timeout[] = [];
  let windowStartMs: number | null = null;
  let joining: Promise<void> = Promise.resolve();
  let asked = { topics: 0, topicsEach: 0 };
  let fromSec: number | null = null;
  let heldBytes: number | null = null;
  let isClosed = false;
  const nowSec = () => Math.round((Date.now() - (windowStartMs ?? Date.now())) / 100) / 10;

  const openOne = async (filter: string) => {
    const filters = Array.from({ length: subscriptions }, () => filter);
    const reader = await openSlowReader(admission, filters, bytesPerSec);
    if (typeof reader === "string") refused.set(reader, (refused.get(reader) ?? 0) + 1);
    else open.push({ reader, sawRelays: false, cutAtSec: null });
  };

  const join = async () => {
    const { filters, ...said } = await request.asked();
    asked = said;
    let next = 0;
    const work = async () => {
      while (next < readers && !isClosed) await openOne(filters[next++ % filters.length] ?? "{}");
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (open.length === 0) return;
    fromSec = nowSec();
    onNote(
      `${open.length} subscribed at ${fromSec.toFixed(1)} s, and read ${bytesPerSec === 0 ? "nothing any more" : `${bytesPerSec} bytes a second each`}`,
    );
    timers.push(setInterval(() => void look(), lookEveryMs));
    if (bytesPerSec > 0) timers.push(setInterval(readOn, READ_EVERY_MS));
  };

  const readOn = () => {
    const nowMs = performance.now();
    for (const { reader } of open) reader.tick(nowMs);
  };

  const look = async () => {
    const table = await readTcpTable(new Set(open.map(({ reader }) => reader.port)));
    if (table === null) return;
    let bytes = 0;
    for (const one of open) {
      const ends = endsOf(table, { port: one.reader.port, relayPort: admission.url.port });
      if (ends.relays !== undefined) one.sawRelays = true;
      bytes += (ends.own?.unread ?? 0) + (ends.relays?.unsent ?? 0);
      if (isCut(ends, one.sawRelays)) one.cutAtSec ??= nowSec();
    }
    heldBytes = Math.max(heldBytes ?? 0, bytes);
    onLook?.();
  };

  const end = async (): Promise<SlowReaders | null> => {
    isClosed = true;
    await joining;
    for (const timer of timers) clearInterval(timer);
    if (windowStartMs === null) return null;
    await look();
    const bytes = sum(open.map(({ reader }) => reader.bytes));
    await Promise.all(open.map(({ reader }) => reader.drain(DRAIN_MS)));
    return {
      ...asked,
      ...{ readers, bytesPerSec, subscriptions, fromSec, opened: open.length },
      refused: [...refused].map(([how, count]) => ({ how, count })),
      bytes,
      drainedBytes: sum(open.map(({ reader }) => reader.bytes)) - bytes,
      frames: sum(open.map(({ reader }) => reader.frames)),
      heldBytes,
      ends: tally(open),
    };
  };
  let ended: Promise<SlowReaders | null> | undefined;
  return {
    observe(startMs) {
      if (readers === 0 || startMs === null || windowStartMs !== null) return;
      windowStartMs = startMs;
      const begin = () => {
        joining = join().catch((error) => onNote(`none subscribed: ${String(error)}`));
      };
      timers.push(setTimeout(begin, Math.max(0, startMs + atSec * 1_000 - Date.now())));
    },
    close() {
      ended ??= end();
      return ended;
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all + n, 0);
}

/** Those that were cut, by how. */
function tally(open: readonly Open[]): SlowReaders["ends"] {
  const cut = open.flatMap(({ reader, cutAtSec }) =>
    reader.ended === null && cutAtSec === null
      ? []
      : [{ how: reader.ended ?? "no close frame", atSec: cutAtSec }],
  );
  return [...new Set(cut.map(({ how }) => how))].map((how) => {
    const own = cut.filter((one) => one.how === how);
    const times = own.flatMap(({ atSec }) => atSec ?? []);
    return {
      how,
      count: own.length,
      firstSec: times.length === 0 ? null : Math.min(...times),
      lastSec: times.length === 0 ? null : Math.max(...times),
    };
  });
}
