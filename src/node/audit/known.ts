/**
 * Are the events of a pool in the relays already? Some of them are asked for before the run: a relay that
 * answers known events as new ones would pass for one that takes them, and one that says `duplicate:` would be
 * measured at looking them up.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { classifyKind, type NostrEvent } from "../../nostr/wire.ts";
import { FRAMES_FILE, HEADER_LENGTH, type PoolManifest } from "../../pool/format.ts";
import { KNOWN_SHARE } from "../../report/share-signals.ts";
import type { KnownEvents } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { advice, type Finding, stop } from "../preflight/finding.ts";
import { Readers } from "./readers.ts";
import { type ReaderTimes, Unanswered } from "./relay-reader.ts";

const ASKED = 20;
/** Whoever starts a run is waiting. */
const MOST_MS = 5_000;
/** For what nobody asked for: a relay that does not answer at once is left alone. */
export const SHORT_TIMES: ReaderTimes = {
  handshakeMs: 2_000,
  silenceMs: 2_000,
  afterNoticeMs: 500,
};

/** Asks each relay for some events of the pool by their ids. */
export async function findKnown(
  admissions: readonly Admission[],
  poolDir: string,
  manifest: PoolManifest,
  signal: AbortSignal,
): Promise<KnownEvents> {
  const events = await sampleEvents(poolDir, manifest);
  const ids = events.flatMap(({ id, kind }) => (classifyKind(kind) === "ephemeral" ? [] : [id]));
  if (ids.length === 0) return { asked: 0, found: 0, why: "the pool holds ephemeral events only" };
  const readers = new Readers();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]);
  const whys: string[] = [];
  const found = new Set<string>();
  const ask = async (admission: Admission): Promise<void> => {
    const filter = { ids, limit: ids.length };
    try {
      const answer = await readers.use(
        admission,
        limit,
        (reader) => reader.ask([filter]),
        SHORT_TIMES,
      );
      if (answer.status === "refused") throw new Unanswered(answer.text);
      for (const { id } of answer.events) if (ids.includes(id)) found.add(id);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      whys.push(`${admission.url.label}: ${error.message}`);
    }
  };
  await Promise.all(admissions.map(ask));
  return {
    // Of several relays each was sent a part of the pool.
    asked: whys.length === admissions.length ? 0 : ids.length,
    found: found.size,
    why: whys.length === 0 ? null : whys.join("; "),
  };
}

/** Nothing is sent where most is known; the run stops at more than the share that makes it invalid. */
export function judgeKnown({ asked, found }: KnownEvents): readonly Finding[] {
  if (found === 0) return [];
  const explanation = {
    what: `the relay holds ${found} of ${asked} events of this pool that it was asked for: they were sent to it before`,
    why: "a relay looks known events up instead of storing them, and some answer them as new ones",
    remedy:
      "take another --seed (without one each run draws its own), or empty the relay; --force sends them all the same",
  };
  const isMost = found / asked > KNOWN_SHARE.invalid;
  return [isMost ? stop("known-events", explanation) : advice("known-events", explanation)];
}

/** Events over the whole pool, its first one among them. */
export async function sampleEvents(
  dir: string,
  { bytes, largestFrame }: Pick<PoolManifest, "bytes" | "largestFrame">,
): Promise<readonly NostrEvent[]> {
  const file = await open(join(dir, FRAMES_FILE));
  try {
    // From anywhere on, the next whole line is within two lines' length.
    const buffer = Buffer.alloc(2 * (largestFrame + HEADER_LENGTH + 1));
    const events = new Map<string, NostrEvent>();
    for (let i = 0; i < ASKED; i++) {
      const from = Math.floor((i * bytes) / ASKED);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
      const text = buffer.toString("utf8", 0, bytesRead);
      const start = from === 0 ? 0 : text.indexOf("\n") + 1;
      const end = text.indexOf("\n", start);
      if (end < 0 || (from > 0 && start === 0)) continue;
      const line = text.slice(start, end);
      const [, event] = JSON.parse(line.slice(HEADER_LENGTH)) as readonly ["EVENT", NostrEvent];
      events.set(event.id, event);
    }
    return [...events.values()];
  } finally {
    await file.close();
  }
}
