/** The events that are asked about: of a pool that was made of them, with what is known of the whole. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { NostrEvent } from "../../nostr/wire.ts";
import { type CorpusFacts, FRAMES_FILE, HEADER_LENGTH } from "../../pool/format.ts";
import { Corpus } from "../../query/corpus.ts";
import { Holdings } from "../../query/holdings.ts";
import { parseFrame } from "../pool/frame.ts";
import { readLines } from "../pool/lines.ts";

export interface KnownCorpus {
  /** What all relays hold: questions are about it. */
  readonly corpus: Corpus;
  readonly facts: CorpusFacts;
  /** What each holds, where that is not the same. */
  readonly parts?: KnownParts;
}

interface KnownParts {
  readonly holdings: Holdings;
  /** By relay, which of the holdings is its own. */
  readonly holders: readonly number[];
  /** Those of the holdings, in their order. */
  readonly fingerprints: readonly string[];
}

/** All events of a pool, in the order of sending. */
export async function readEvents(poolDir: string): Promise<readonly NostrEvent[]> {
  const events: NostrEvent[] = [];
  for await (const lines of readLines(join(poolDir, FRAMES_FILE))) {
    for (const line of lines) events.push(parseFrame(line.toString("utf8", HEADER_LENGTH)));
  }
  return events;
}

export function knowCorpus(corpus: Corpus, source: CorpusFacts["source"]): KnownCorpus {
  const fingerprint = fingerprintOf(corpus);
  return { corpus, facts: { source, events: corpus.events.length, fingerprint } };
}

/** What relays hold, each one by itself. */
export function knowParts(held: readonly Corpus[]): KnownCorpus {
  const parts = new Map(held.map((corpus) => [fingerprintOf(corpus), corpus]));
  const fingerprints = [...parts.keys()];
  const [first = new Corpus([]), ...others] = parts.values();
  if (others.length === 0) return knowCorpus(first, "seed");
  const ids = others.map(({ events }) => new Set(events.map(({ id }) => id)));
  const common = first.events.filter(({ id }) => ids.every((of) => of.has(id)));
  const holders = held.map((corpus) => fingerprints.indexOf(fingerprintOf(corpus)));
  const holdings = new Holdings([...parts.values()]);
  return { ...knowCorpus(new Corpus(common), "seed"), parts: { holdings, holders, fingerprints } };
}

function fingerprintOf({ events }: Corpus): string {
  const hash = createHash("sha256");
  for (const { id } of events) hash.update(id);
  return hash.digest("hex").slice(0, 16);
}
