/** Events that instances noted as accepted, where the machine that merges has no pool: built again, and not signed. */
import { setImmediate as turn } from "node:timers/promises";
import { POOL_SPAN_SEC } from "../../events/catalogue.ts";
import { NOTED_ID_LENGTH } from "../../measure/acknowledged.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import {
  buildSets,
  cutChunks,
  DEFAULT_EPOCH,
  type PoolRequest,
  planPool,
  resolvePart,
  scopeOf,
} from "../../pool/plan.ts";
import { timesOfRun } from "../../pool/times.ts";
import { openKeyring } from "../pool/keyring.ts";
import { poolId } from "../pool/make.ts";
import { eventsToMake } from "../preflight/times.ts";

const SETS_AT_ONCE = 512;
/** A pool has a few events more than were asked for: the last set is whole. */
const MOST_PARTS_MORE = 8;

export interface NotedRequest {
  readonly plan: Plan;
  readonly pool: PoolManifest;
  /** The first digits of ids, each with the place of its relay. */
  readonly relayOf: ReadonlyMap<string, number>;
  readonly relays: number;
  readonly signal: AbortSignal;
  readonly onProgress: (sets: number, ofSets: number) => void;
}

/** By relay, in the order of the pool, without signatures; `null` where the pool can't be made of what is known. */
export async function buildNoted(
  noted: NotedRequest,
): Promise<readonly (readonly NostrEvent[])[] | null> {
  const { relayOf, relays, signal, onProgress } = noted;
  const request = findRequest(noted);
  if (request === null) return null;
  const pool = planPool(request);
  const scope = scopeOf(pool);
  const keys = await openKeyring(scope.seed);
  const byRelay: NostrEvent[][] = Array.from({ length: relays }, () => []);
  let left = relayOf.size;
  for (const chunk of cutChunks(pool, SETS_AT_ONCE)) {
    if (left === 0 || signal.aborted) break;
    for (const { parts } of buildSets(chunk, scope, keys)) {
      const ids: string[] = [];
      for (const part of parts) {
        const draft = resolvePart(part, ids);
        const id = keys.identify(draft);
        ids.push(id);
        const relay = relayOf.get(id.slice(0, NOTED_ID_LENGTH));
        if (relay === undefined) continue;
        const pubkey = keys.publicKey(draft.author);
        byRelay[relay]?.push({ id, pubkey, ...draft.template, sig: "" });
        left--;
      }
    }
    onProgress(chunk.firstSet + chunk.order.length, pool.order.length);
    // Whoever interrupts is heard.
    await turn();
  }
  return byRelay;
}

/** What a pool was asked for, which its id tells; `null` where it is none of the kit's own events alone. */
export function findRequest({
  plan,
  pool,
}: Pick<NotedRequest, "plan" | "pool">): PoolRequest | null {
  if (pool.source !== undefined) return null;
  const { seed, mix } = pool;
  const more = Array.from({ length: MOST_PARTS_MORE }, (_, i) => pool.events - i);
  const ofRun = timesOfRun(plan, 0).spanSec;
  for (const events of new Set([eventsToMake(plan), ...more])) {
    for (const epoch of [DEFAULT_EPOCH, pool.createdAt.min]) {
      for (const spanSec of [POOL_SPAN_SEC, ofRun]) {
        const request = { seed, mix, events, epoch, spanSec };
        if (events > 0 && poolId(request) === pool.id) return request;
      }
    }
  }
  return null;
}
