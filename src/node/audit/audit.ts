/**
 * The read-back audit: after the run, each relay is asked for what it said it accepted. The events
 * come from the pool; which of them were accepted, and by which relay, the slices say.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { NOTED_ID_LENGTH } from "../../measure/acknowledged.ts";
import type { Slice } from "../../measure/slice.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { FRAME_ID_OFFSET, FRAMES_FILE, HEADER_LENGTH } from "../../pool/format.ts";
import type { Audit } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { type ReadBack, readBack } from "./read-back.ts";
import { Readers } from "./readers.ts";
import { type ReaderTimes, type RelayReader, Unanswered } from "./relay-reader.ts";

export interface AuditRequest {
  /** The events that were noted as accepted, for each relay. */
  readonly accepted: readonly (readonly NostrEvent[])[];
  /** In the order of the plan's relays. */
  readonly admissions: readonly Admission[];
  /** Connections that are held from before the run. */
  readonly readers?: Readers;
  readonly times?: ReaderTimes;
  /** Publishes that were accepted in all. */
  readonly acknowledged: number;
  readonly signal: AbortSignal;
  /** The longest it may take; 2 minutes. */
  readonly mostMs?: number;
}

export interface AuditResult {
  /** `null`: no relay could be asked. */
  readonly audit: Audit | null;
  /** Why a relay was not asked, or not to the end. */
  readonly notes: readonly string[];
}

const MOST_LISTED = 100;
const MOST_MS = 120_000;
/** Whoever stopped the run is waiting. */
const MOST_MS_INTERRUPTED = 10_000;
const ID_START = HEADER_LENGTH + FRAME_ID_OFFSET;

export async function auditRun(request: AuditRequest): Promise<AuditResult> {
  const { accepted, admissions, acknowledged, signal, mostMs = MOST_MS } = request;
  const limit = signal.aborted
    ? AbortSignal.timeout(Math.min(mostMs, MOST_MS_INTERRUPTED))
    : AbortSignal.any([signal, AbortSignal.timeout(mostMs)]);
  const notes: string[] = [];
  const asked = await Promise.all(
    admissions.map(async (admission, relay): Promise<readonly ReadBack[]> => {
      const events = accepted[relay] ?? [];
      if (events.length === 0) return [];
      try {
        return [await askRelay(request, admission, events, limit)];
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        notes.push(`${admission.url.label}: not measured: ${error.message}`);
        return [];
      }
    }),
  );
  const results = asked.flat();
  if (results.length === 0 && notes.length > 0) return { audit: null, notes };
  const missing = results.flatMap((result) => result.missing);
  const sum = (of: (result: ReadBack) => number) => results.reduce((n, r) => n + of(r), 0);
  return {
    audit: {
      checked: sum(({ checked }) => checked),
      found: sum(({ found }) => found),
      missing: missing.slice(0, MOST_LISTED),
      missingCount: missing.length,
      excused: sum(({ excused }) => excused),
      acknowledged,
    },
    notes,
  };
}

async function askRelay(
  { readers = new Readers(), times }: AuditRequest,
  admission: Admission,
  events: readonly NostrEvent[],
  limit: AbortSignal,
): Promise<ReadBack> {
  const nowSec = () => Math.floor(Date.now() / 1_000);
  const ask = (reader: RelayReader) =>
    readBack(events, { ask: (filters) => reader.ask(filters), nowSec });
  return await readers.use(admission, limit, ask, times);
}

/** What slices note as accepted: the first `NOTED_ID_LENGTH` digits of ids, each with the place of its relay. */
export function notedIds(slices: readonly Slice[]): ReadonlyMap<string, number> {
  const relayOf = new Map<string, number>();
  for (const { accepted = [] } of slices) {
    accepted.forEach((ids, relay) => {
      for (const id of ids) relayOf.set(id, relay);
    });
  }
  return relayOf;
}

/** The events that slices note as accepted, for each relay in the order of the pool. */
export async function readAcknowledged(
  poolDir: string,
  slices: readonly Slice[],
  relays: number,
): Promise<readonly (readonly NostrEvent[])[]> {
  const relayOf = notedIds(slices);
  const byRelay: NostrEvent[][] = Array.from({ length: relays }, () => []);
  if (relayOf.size === 0) return byRelay;
  let left = relayOf.size;
  const input = createReadStream(join(poolDir, FRAMES_FILE), { highWaterMark: 1 << 20 });
  const lines = createInterface({ input });
  try {
    for await (const line of lines) {
      const relay = relayOf.get(line.substring(ID_START, ID_START + NOTED_ID_LENGTH));
      if (relay === undefined) continue;
      const [, event] = JSON.parse(line.slice(HEADER_LENGTH)) as readonly ["EVENT", NostrEvent];
      byRelay[relay]?.push(event);
      if (--left === 0) break;
    }
  } finally {
    lines.close();
    input.destroy();
  }
  return byRelay;
}
