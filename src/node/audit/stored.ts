/**
 * What a relay holds more than before the run, kind by kind, against what it should hold of the events
 * that it accepted. It is counted by COUNT (NIP-45), once before and once after.
 */
import { ACCEPTED } from "../../measure/classes/publish.ts";
import type { Slice } from "../../measure/slice.ts";
import { deletionTargets, expirationOf } from "../../nostr/retention.ts";
import { classifyKind, type NostrEvent } from "../../nostr/wire.ts";
import { type Expected, ExpectedCounter, markEvent } from "../../pool/expected.ts";
import type { PoolManifest } from "../../pool/format.ts";
import type { Stored, StoredKind } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { Readers } from "./readers.ts";
import { type RelayReader, Unanswered } from "./relay-reader.ts";

/** How many events of each kind the relays hold together, or why that is not known. */
export type Counts = { readonly byKind: ReadonlyMap<number, number> } | { readonly why: string };

const TIMES = { handshakeMs: 5_000, silenceMs: 5_000, afterNoticeMs: 1_000 };
const MOST_MS = 20_000;
const MOST_KINDS = 64;
const DELETION_KIND = 5;

/** Asks each relay for each kind, one by one. */
export async function countKinds(
  admissions: readonly Admission[],
  kinds: readonly number[],
  signal: AbortSignal,
  readers = new Readers(),
): Promise<Counts> {
  if (kinds.length === 0) return { why: "the pool does not say which kinds it has" };
  if (kinds.length > MOST_KINDS) return { why: `the pool has more than ${MOST_KINDS} kinds` };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]);
  const byKind = new Map<number, number>();
  const countOf = async (reader: RelayReader): Promise<boolean> => {
    for (const kind of kinds) {
      const count = await reader.count([{ kinds: [kind] }]);
      if (count === null) return false;
      byKind.set(kind, (byKind.get(kind) ?? 0) + count);
    }
    return true;
  };
  for (const admission of admissions) {
    const { label } = admission.url;
    try {
      const isExact = await readers.use(admission, limit, countOf, TIMES);
      if (!isExact) return { why: `${label}: the relay's count is not exact` };
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      return { why: `${label}: ${error.message}` };
    }
  }
  return { byKind };
}

export interface Comparison {
  readonly before: Counts;
  readonly after: Counts;
  /** The events that each relay accepted, as far as they were noted. */
  readonly accepted: readonly (readonly NostrEvent[])[];
  /** How many were accepted in all. */
  readonly acknowledged: number;
  /** How many of each kind, as far as that is known exactly: see `acceptedKinds`. */
  readonly byKind?: ReadonlyMap<number, number>;
  /** When `after` was counted, Unix seconds; now. */
  readonly nowSec?: number;
}

/**
 * Holds what came to be stored against what should be; says why where that cannot be done. Where all that
 * was accepted was noted, to the event. Of a longer run, of which a sample was noted, the kinds whose types
 * tell their number to the event too; of others the sample's share, within what a sample leaves open. How
 * many addresses a replaceable kind has is known between those of the sample and its events.
 */
export function compareStored(comparison: Comparison): Stored {
  const { before, after, accepted, acknowledged } = comparison;
  if ("why" in before) return { kinds: null, why: before.why };
  if ("why" in after) return { kinds: null, why: after.why };
  const noted = accepted.reduce((sum, events) => sum + events.length, 0);
  if (noted < Math.min(acknowledged, LEAST_NOTED)) {
    return { kinds: null, why: `of ${acknowledged} accepted events ${noted} were noted` };
  }
  const { nowSec = Math.floor(Date.now() / 1_000) } = comparison;
  const expected = accepted.map((events) => expectKinds(events, nowSec));
  const kinds = [...before.byKind.keys()].map((kind): StoredKind => {
    const own = expected.flatMap((byKind) => byKind[kind] ?? []);
    const sum = (of: "events" | "stored" | "deleted") => own.reduce((n, one) => n + one[of], 0);
    const sampled = { events: sum("events"), stored: sum("stored"), deleted: sum("deleted") };
    const due =
      noted >= acknowledged ? { ...sampled, margin: 0 } : extend(kind, sampled, comparison);
    const counted = (after.byKind.get(kind) ?? 0) - (before.byKind.get(kind) ?? 0);
    const least = due.stored - due.deleted - due.margin;
    const most = Math.min(due.stored + due.margin, Math.max(due.events, due.stored));
    const delta = counted > most ? counted - most : Math.min(0, counted - least);
    const { events, stored, deleted, margin } = due;
    return {
      kind,
      accepted: events,
      expectedStored: stored,
      deleted,
      ...(margin > 0 ? { margin } : {}),
      counted,
      delta,
    };
  });
  return { kinds: kinds.sort((a, b) => a.kind - b.kind), why: null };
}

/** Of a run of any length so many are noted at least where all goes well. */
const LEAST_NOTED = 1_000;
/** Standard errors of a share that a sample leaves open. */
const MOST_ERRORS = 4;

interface Due {
  readonly events: number;
  readonly stored: number;
  readonly deleted: number;
  /** By so many `stored` may be wrong to either side. */
  readonly margin: number;
}

/** What is due of a kind in all, by a sample of the accepted events. */
function extend(
  kind: number,
  sampled: Omit<Due, "margin">,
  { accepted, acknowledged, byKind }: Comparison,
): Due {
  const noted = accepted.reduce((sum, events) => sum + events.length, 0);
  const share = sampled.events / noted;
  const exact = byKind?.get(kind);
  const events = exact ?? Math.round(share * acknowledged);
  const error = Math.sqrt((Math.max(share, 1 / noted) * (1 - share)) / noted);
  const open = exact === undefined ? Math.ceil(MOST_ERRORS * error * acknowledged) : 0;
  const kindClass = classifyKind(kind);
  if (kindClass === "ephemeral") return { events, stored: 0, deleted: 0, margin: 0 };
  // What a deletion names may be outside of the sample.
  const isDeleting = accepted.some((own) => own.some((event) => event.kind === DELETION_KIND));
  if (kindClass === "regular") {
    const some = isDeleting && kind !== DELETION_KIND;
    const deleted = some ? events : Math.ceil((sampled.deleted / noted) * acknowledged);
    return { events, stored: events, deleted, margin: open };
  }
  // Between an address for each event and those of the sample, some of which others may have deleted.
  const most = events + open;
  const least = isDeleting ? 0 : Math.min(most, sampled.stored - sampled.deleted);
  const middle = Math.ceil((most + least) / 2);
  return { events: most, stored: middle, deleted: 0, margin: middle - least };
}

/**
 * Accepted publishes of each kind where the type tells: those of types with one kind. A kind that is also one
 * of several of another type is left out.
 */
export function acceptedKinds(
  slices: readonly Pick<Slice, "classes">[],
  { types, kinds }: Pick<PoolManifest, "types" | "kinds">,
): ReadonlyMap<number, number> {
  const rows = types.length + 1;
  const kindsOf = types.map((type) => new Set((kinds[type] ?? []).flat()));
  const isVague = types.some((type) => kinds[type] == null);
  const exact = new Map<number, number>();
  if (isVague) return exact;
  for (const [row, own] of kindsOf.entries()) {
    const [kind] = own;
    const isShared = kindsOf.some(
      (other) => other.size > 1 && kind !== undefined && other.has(kind),
    );
    if (own.size !== 1 || kind === undefined || isShared) continue;
    // The warm-up has rows of its own behind those of the window.
    const count = slices
      .flatMap(({ classes }) => classes.publish ?? [])
      .reduce((n, [at, ...cells]) => (at % rows === row ? n + (cells[ACCEPTED] ?? 0) : n), 0);
    exact.set(kind, (exact.get(kind) ?? 0) + count);
  }
  return exact;
}

/**
 * By kind, how many events a relay should hold of those that it accepted (NIP-01), and how many of these it may
 * have removed (NIP-09, NIP-40).
 */
export function expectKinds(events: readonly NostrEvent[], nowSec: number): Expected {
  const counter = new ExpectedCounter();
  for (const event of events) counter.add(markEvent(event.pubkey, event));
  const gone = countGone(events, nowSec);
  return Object.fromEntries(
    Object.entries(counter.finish()).map(([kind, one]) => {
      const deleted = Math.min(one.stored, one.deleted + (gone.get(Number(kind)) ?? 0));
      return [kind, { ...one, deleted }];
    }),
  );
}

/** By kind, what its author asks to be deleted by id (NIP-09) and what has expired (NIP-40): it may be gone. */
function countGone(events: readonly NostrEvent[], nowSec: number): ReadonlyMap<number, number> {
  const named = new Set<string>();
  for (const event of events) {
    if (event.kind !== DELETION_KIND) continue;
    for (const id of deletionTargets(event).ids) named.add(`${event.pubkey} ${id}`);
  }
  const gone = new Map<number, number>();
  for (const event of events) {
    const isNamed = named.has(`${event.pubkey} ${event.id}`) && event.kind !== DELETION_KIND;
    if (!isNamed && (expirationOf(event) ?? Number.POSITIVE_INFINITY) > nowSec) continue;
    gone.set(event.kind, (gone.get(event.kind) ?? 0) + 1);
  }
  return gone;
}
