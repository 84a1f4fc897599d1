/** A few events like those of the run, signed for preflight alone: the run's own stay unsent. */
import { randomBytes } from "node:crypto";
import type { EventType } from "../../events/event-type.ts";
import { parseMix } from "../../events/mix.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { buildSets, cutChunks, planPool, resolvePart, scopeOf } from "../../pool/plan.ts";
import { openKeyring } from "../pool/keyring.ts";

const EVENTS = 64;

export interface Sample {
  readonly events: readonly NostrEvent[];
  readonly oldest: NostrEvent;
  readonly largest: NostrEvent;
  /** Bytes: of the largest frame, and of an average one. */
  readonly largestFrame: number;
  readonly meanFrame: number;
  readonly mostTags: number;
  /** Unicode characters. */
  readonly longestContent: number;
  readonly createdAt: { readonly min: number; readonly max: number };
}

/** Signs events of the mix with keys that nobody will use again. `epoch`: `created_at` of the first. */
export async function makeSample(
  mix: string,
  epoch: number,
  extra: readonly EventType[] = [],
): Promise<Sample> {
  const seed = `preflight-${randomBytes(8).toString("hex")}`;
  const pool = planPool({ seed, mix: parseMix(mix, extra), events: EVENTS, epoch, extra });
  const keyring = await openKeyring(seed);
  const events: NostrEvent[] = [];
  for (const chunk of cutChunks(pool, EVENTS)) {
    for (const { parts } of buildSets(chunk, scopeOf(pool), keyring, extra)) {
      const ids: string[] = [];
      for (const part of parts) {
        const event = keyring.sign(resolvePart(part, ids));
        ids.push(event.id);
        events.push(event);
      }
    }
  }
  return describe(events);
}

function describe(events: readonly NostrEvent[]): Sample {
  const [first] = events;
  if (first === undefined) throw new Error("a sample has no events");
  const sizes = events.map((event) => Buffer.byteLength(JSON.stringify(["EVENT", event])));
  const largestFrame = Math.max(...sizes);
  const times = events.map(({ created_at }) => created_at);
  return {
    events,
    oldest: events.reduce((a, b) => (b.created_at < a.created_at ? b : a), first),
    largest: events[sizes.indexOf(largestFrame)] ?? first,
    largestFrame,
    meanFrame: sizes.reduce((sum, size) => sum + size, 0) / sizes.length,
    mostTags: Math.max(...events.map(({ tags }) => tags.length)),
    longestContent: Math.max(...events.map(({ content }) => Array.from(content).length)),
    createdAt: { min: Math.min(...times), max: Math.max(...times) },
  };
}
