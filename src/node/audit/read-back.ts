/**
 * Asks one relay for the events that it acknowledged. What is not returned is asked for again after a
 * pause, since relays commit late or answer from a cache; then the relay is asked for what may have
 * replaced or deleted it. What is left is missing.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messagePrefix } from "../../nostr/ok.ts";
import { addressOf, tagValue } from "../../nostr/retention.ts";
import type { Filter, NostrEvent } from "../../nostr/wire.ts";
import { isEphemeral, Witnesses } from "./excuse.ts";
import { type Answer, Unanswered } from "./relay-reader.ts";

export interface ReadBack {
  readonly checked: number;
  readonly found: number;
  readonly excused: number;
  /** Ids, in the order of the pool. */
  readonly missing: readonly string[];
}

export interface ReadBackOptions {
  readonly ask: (filters: readonly Filter[]) => Promise<Answer>;
  /** Unix seconds now. */
  readonly nowSec: () => number;
  /** Before the second asking; a relay's cache of answers may hold for 1 s. */
  readonly pauseMs?: number;
  /** Before asking again what was turned down as `rate-limited`. */
  readonly slowDownMs?: number;
}

const PAUSE_MS = 1_200;
const SLOW_DOWN_MS = 1_000;
const IDS_AT_ONCE = 100;
/** One filter each and two for deletions: relays that limit the filters of a REQ take ten or more. */
const EVENTS_AT_ONCE = 8;
const MOST_RATE_LIMITED = 5;
/** Versions of an address that cannot be asked for by its `d`, and deletions of a few addresses. */
const VERSIONS_AT_ONCE = 100;

/** Throws `Unanswered` when the relay does not let itself be asked. */
export async function readBack(
  events: readonly NostrEvent[],
  options: ReadBackOptions,
): Promise<ReadBack> {
  const { nowSec, pauseMs = PAUSE_MS } = options;
  const witnesses = new Witnesses();
  for (const event of events) witnesses.add(event);
  const isOwed = (event: NostrEvent) => witnesses.excuseOf(event, nowSec()) === null;
  const kept = events.filter((event) => !isEphemeral(event));
  const ephemeral = events.length - kept.length;
  const firstAbsent = await findAbsent(kept, options);
  const owed = firstAbsent.filter(isOwed);
  let excused = ephemeral + firstAbsent.length - owed.length;
  if (owed.length > 0) await pause(pauseMs);
  const absent = await findAbsent(owed, options);
  for (const event of await askForWitnesses(absent, options)) witnesses.add(event);
  const missing = absent.filter(isOwed);
  excused += absent.length - missing.length;
  return {
    checked: events.length,
    found: events.length - excused - missing.length,
    excused,
    missing: missing.map(({ id }) => id),
  };
}

/** Those of the events that the relay does not return by their ids. */
async function findAbsent(
  events: readonly NostrEvent[],
  options: ReadBackOptions,
): Promise<readonly NostrEvent[]> {
  const found = new Set<string>();
  await askInBatches(events, {
    options,
    atOnce: IDS_AT_ONCE,
    toFilters: (batch) => [{ ids: batch.map(({ id }) => id), limit: batch.length }],
    take: (batch, returned) => {
      const before = found.size;
      const wanted = new Set(batch.map(({ id }) => id));
      for (const { id } of returned) if (wanted.has(id)) found.add(id);
      // Relays clamp `limit` in silence: as long as something comes, the rest may be there too.
      return found.size > before ? batch.filter(({ id }) => !found.has(id)) : [];
    },
  });
  return events.filter(({ id }) => !found.has(id));
}

/** What the relay holds under the addresses of these events, and requests to delete them. */
async function askForWitnesses(
  events: readonly NostrEvent[],
  options: ReadBackOptions,
): Promise<readonly NostrEvent[]> {
  const witnesses: NostrEvent[] = [];
  await askInBatches(events, {
    options,
    atOnce: EVENTS_AT_ONCE,
    toFilters: (batch) => [...deletionFilters(batch), ...batch.flatMap(versionFilter)],
    take: (_, returned) => {
      witnesses.push(...returned);
      return [];
    },
  });
  return witnesses;
}

/** A deletion may name an event by its id, or by its address alone (NIP-09). */
function deletionFilters(events: readonly NostrEvent[]): readonly Filter[] {
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const filter = { kinds: [5], authors };
  const byId = { ...filter, "#e": events.map(({ id }) => id), limit: events.length };
  const addresses = [...new Set(events.flatMap((event) => addressOf(event) ?? []))];
  if (addresses.length === 0) return [byId];
  return [byId, { ...filter, "#a": addresses, limit: VERSIONS_AT_ONCE }];
}

function versionFilter(event: NostrEvent): readonly Filter[] {
  if (addressOf(event) === undefined) return [];
  const filter = { kinds: [event.kind], authors: [event.pubkey] };
  const d = tagValue(event, "d");
  // An empty or missing `d` cannot be asked for everywhere.
  return [d ? { ...filter, "#d": [d], limit: 1 } : { ...filter, limit: VERSIONS_AT_ONCE }];
}

interface Batches {
  readonly options: ReadBackOptions;
  readonly atOnce: number;
  readonly toFilters: (batch: readonly NostrEvent[]) => readonly Filter[];
  /** Takes what came for a batch; gives what to ask for again. */
  readonly take: (
    batch: readonly NostrEvent[],
    returned: readonly NostrEvent[],
  ) => readonly NostrEvent[];
}

/** Asks for all, in batches that are halved as often as the relay turns one down. */
async function askInBatches(events: readonly NostrEvent[], batches: Batches): Promise<void> {
  const { ask, slowDownMs = SLOW_DOWN_MS } = batches.options;
  let { atOnce } = batches;
  let rateLimited = 0;
  let again: readonly NostrEvent[] = [];
  for (let next = 0; next < events.length || again.length > 0; ) {
    const batch = [...again, ...events.slice(next, next + Math.max(0, atOnce - again.length))];
    const fresh = batch.length - again.length;
    const asked = batch.slice(0, atOnce);
    const answer = await ask(batches.toFilters(asked));
    next += fresh;
    if (answer.status === "complete") {
      rateLimited = 0;
      again = [...batch.slice(atOnce), ...batches.take(asked, answer.events)];
      continue;
    }
    again = batch;
    if (messagePrefix(answer.text) === "rate-limited" && rateLimited < MOST_RATE_LIMITED) {
      rateLimited++;
      await pause(slowDownMs);
    } else if (asked.length > 1) {
      atOnce = Math.ceil(asked.length / 2);
    } else {
      throw new Unanswered(`the relay turns a REQ down: ${answer.text}`);
    }
  }
}
