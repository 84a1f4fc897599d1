/** The events of a small corpus, signed: the same for the same number and seed. */
import { parseMix } from "../src/events/mix.ts";
import { openKeyring } from "../src/node/pool/keyring.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import {
  buildSets,
  cutChunks,
  DEFAULT_EPOCH,
  planPool,
  resolvePart,
  scopeOf,
} from "../src/pool/plan.ts";

export async function corpusEvents(events: number, seed = "query"): Promise<readonly NostrEvent[]> {
  const plan = planPool({ seed, mix: parseMix("corpus"), events, epoch: DEFAULT_EPOCH });
  const keyring = await openKeyring(seed);
  const signed: NostrEvent[] = [];
  for (const chunk of cutChunks(plan, 1_000)) {
    for (const { parts } of buildSets(chunk, scopeOf(plan), keyring)) {
      const ids: string[] = [];
      for (const part of parts) {
        const event = keyring.sign(resolvePart(part, ids));
        signed.push(event);
        ids.push(event.id);
      }
    }
  }
  return signed;
}
