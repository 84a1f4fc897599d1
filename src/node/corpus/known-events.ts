/** The events that are asked about: of a pool that was made of them, with what is known of the whole. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { NostrEvent } from "../../nostr/wire.ts";
import { type CorpusFacts, FRAMES_FILE, HEADER_LENGTH } from "../../pool/format.ts";
import type { Corpus } from "../../query/corpus.ts";
import { parseFrame } from "../pool/frame.ts";
import { readLines } from "../pool/lines.ts";

export interface KnownCorpus {
  readonly corpus: Corpus;
  readonly facts: CorpusFacts;
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
  const hash = createHash("sha256");
  for (const { id } of corpus.events) hash.update(id);
  const fingerprint = hash.digest("hex").slice(0, 16);
  return { corpus, facts: { source, events: corpus.events.length, fingerprint } };
}
