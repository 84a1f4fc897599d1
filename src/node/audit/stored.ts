/**
 * What a relay holds more than before the run, kind by kind, against what it should hold of the events
 * that it accepted. It is counted by COUNT (NIP-45), once before and once after.
 */
import type { NostrEvent } from "../../nostr/wire.ts";
import { ExpectedCounter, markEvent } from "../../pool/expected.ts";
import type { Stored, StoredKind } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { openReader, type RelayReader, Unanswered } from "./relay-reader.ts";

/** How many events of each kind the relays hold together, or why that is not known. */
export type Counts = { readonly byKind: ReadonlyMap<number, number> } | { readonly why: string };

const TIMES = { handshakeMs: 5_000, silenceMs: 5_000, afterNoticeMs: 1_000 };
const MOST_MS = 20_000;
const MOST_KINDS = 64;

/** Asks each relay for each kind, one by one. */
export async function countKinds(
  admissions: readonly Admission[],
  kinds: readonly number[],
  signal: AbortSignal,
): Promise<Counts> {
  if (kinds.length === 0) return { why: "the pool does not say which kinds it has" };
  if (kinds.length > MOST_KINDS) return { why: `the pool has more than ${MOST_KINDS} kinds` };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]);
  const byKind = new Map<number, number>();
  for (const admission of admissions) {
    const why = await countOf(admission, { kinds, limit, byKind });
    if (why !== null) return { why: `${admission.url.label}: ${why}` };
  }
  return { byKind };
}

interface Counting {
  readonly kinds: readonly number[];
  readonly limit: AbortSignal;
  /** Is added to. */
  readonly byKind: Map<number, number>;
}

/** Why the relay could not be counted, or `null`. */
async function countOf(admission: Admission, counting: Counting): Promise<string | null> {
  let reader: RelayReader | undefined;
  const onLimit = () => reader?.close("it took too long or was interrupted");
  try {
    reader = await openReader(admission, TIMES);
    counting.limit.addEventListener("abort", onLimit);
    if (counting.limit.aborted) onLimit();
    for (const kind of counting.kinds) {
      const count = await reader.count([{ kinds: [kind] }]);
      if (count === null) return "the relay's count is not exact";
      counting.byKind.set(kind, (counting.byKind.get(kind) ?? 0) + count);
    }
    return null;
  } catch (error) {
    if (error instanceof Unanswered) return error.message;
    throw error;
  } finally {
    counting.limit.removeEventListener("abort", onLimit);
    reader?.close();
  }
}

export interface Comparison {
  readonly before: Counts;
  readonly after: Counts;
  /** The events that each relay accepted, as far as they were noted. */
  readonly accepted: readonly (readonly NostrEvent[])[];
  /** How many were accepted in all. */
  readonly acknowledged: number;
}

/** Holds what came to be stored against what should be; says why where that cannot be done. */
export function compareStored({ before, after, accepted, acknowledged }: Comparison): Stored {
  if ("why" in before) return { kinds: null, why: before.why };
  if ("why" in after) return { kinds: null, why: after.why };
  const noted = accepted.reduce((sum, events) => sum + events.length, 0);
  if (noted !== acknowledged) {
    return { kinds: null, why: `of ${acknowledged} accepted events ${noted} were noted` };
  }
  const expected = accepted.map(expectKinds);
  const kinds = [...before.byKind.keys()].map((kind): StoredKind => {
    const own = expected.flatMap((byKind) => byKind[kind] ?? []);
    const sum = (of: "events" | "stored" | "deleted") => own.reduce((n, one) => n + one[of], 0);
    const [most, deleted] = [sum("stored"), sum("deleted")];
    const counted = (after.byKind.get(kind) ?? 0) - (before.byKind.get(kind) ?? 0);
    const delta = counted > most ? counted - most : Math.min(0, counted - (most - deleted));
    return { kind, accepted: sum("events"), expectedStored: most, deleted, counted, delta };
  });
  return { kinds: kinds.sort((a, b) => a.kind - b.kind), why: null };
}

function expectKinds(events: readonly NostrEvent[]) {
  const counter = new ExpectedCounter();
  for (const event of events) counter.add(markEvent(event.pubkey, event));
  return counter.finish();
}
