/**
 * The events that a relay is tried with, and what the run's events are like as a whole. They are like the
 * run's own and not of them: signed for preflight alone with keys that nobody will use again, or held out of
 * the pool of a replay.
 */
import { randomBytes } from "node:crypto";
import type { EventType } from "../../events/event-type.ts";
import type { Mix } from "../../events/mix.ts";
import { findEventType } from "../../events/registry.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { buildSets, cutChunks, planPool, resolvePart, scopeOf } from "../../pool/plan.ts";
import { openKeyring } from "../pool/keyring.ts";
import type { EventFacts } from "./limits.ts";

/** Sets that are built of each type, of which the largest events are taken. */
const SETS = 8;

export interface ProbeEvent {
  /** As the mix or the pool calls it. */
  readonly type: string;
  readonly event: NostrEvent;
  /** Of its frame. */
  readonly bytes: number;
  /** Part of the run's events that it stands for, 0 to 1; 0 for one that is tried for its age alone. */
  readonly share: number;
}

export interface Sample extends EventFacts {
  readonly probes: readonly ProbeEvent[];
  /** Bytes of an average frame. */
  readonly meanFrame: number;
}

/** Of each type and kind of a mix the largest event, and the oldest of all. `epoch`: of the first. */
export async function sampleMix(
  mix: Mix,
  epoch: number,
  extra: readonly EventType[] = [],
): Promise<Sample> {
  const built: Built[] = [];
  for (const type of Object.keys(mix)) built.push(...(await buildType(type, epoch, extra)));
  return describe(built, mix);
}

/**
 * A pool that is there: facts from its manifest; probes as its types are built, or as they were held out of a
 * replay. Types of a module that is not at hand have none.
 */
export async function samplePool(
  manifest: PoolManifest,
  heldOut: readonly NostrEvent[],
  extra: readonly EventType[] = [],
): Promise<Sample> {
  const { createdAt, largestFrame, bytes, events } = manifest;
  const known = Object.entries(manifest.mix).filter(
    ([type]) => findEventType(type, extra) !== undefined,
  );
  const isReplay = manifest.source !== undefined && "replay" in manifest.source;
  const built =
    isReplay || known.length === 0
      ? { probes: probesOf(manifest, heldOut), mostTags: 0, longestContent: 0 }
      : await sampleMix(Object.fromEntries(known), createdAt.min, extra);
  return {
    probes: built.probes,
    largestFrame,
    meanFrame: events === 0 ? 0 : bytes / events,
    mostTags: built.mostTags,
    longestContent: built.longestContent,
    createdAt,
    kinds: kindsOf(manifest),
  };
}

interface Built {
  readonly type: string;
  readonly event: NostrEvent;
  readonly bytes: number;
}

async function buildType(
  type: string,
  epoch: number,
  extra: readonly EventType[],
): Promise<readonly Built[]> {
  const seed = `preflight-${randomBytes(8).toString("hex")}`;
  const parts = findEventType(type, extra)?.kinds?.length ?? 1;
  const request = { seed, mix: { [type]: 1 }, events: SETS * parts, epoch, extra };
  const pool = planPool(request);
  const keyring = await openKeyring(seed);
  const built: Built[] = [];
  for (const chunk of cutChunks(pool, SETS)) {
    for (const set of buildSets(chunk, scopeOf(pool), keyring, extra)) {
      const ids: string[] = [];
      for (const part of set.parts) {
        const event = keyring.sign(resolvePart(part, ids));
        ids.push(event.id);
        built.push({ type, event, bytes: frameBytes(event) });
      }
    }
  }
  return built;
}

function describe(built: readonly Built[], mix: Mix): Sample {
  const counts = new Map<string, number>();
  const largest = new Map<string, Built>();
  for (const one of built) {
    const key = `${one.type} ${one.event.kind}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    const known = largest.get(key);
    if (known === undefined || one.bytes > known.bytes) largest.set(key, one);
  }
  const ofType = new Map<string, number>();
  for (const { type } of built) ofType.set(type, (ofType.get(type) ?? 0) + 1);
  /** Events of a type for each set of the pool: as many as were built of it by set. */
  const eventsOf = (type: string) => ((mix[type] ?? 0) * (ofType.get(type) ?? 0)) / SETS;
  const whole = Object.keys(mix).reduce((sum, type) => sum + eventsOf(type), 0);
  const probes = [...largest].map(([key, one]): ProbeEvent => {
    const share = (counts.get(key) ?? 0) / (ofType.get(one.type) ?? 1);
    return { ...one, share: (eventsOf(one.type) * share) / whole };
  });
  const oldest = built.reduce((a, b) => (b.event.created_at < a.event.created_at ? b : a));
  const isTried = probes.some(({ event }) => event.created_at <= oldest.event.created_at);
  const times = built.map(({ event }) => event.created_at);
  const meanOf = (type: string) => {
    const own = built.filter((one) => one.type === type);
    return own.reduce((sum, { bytes }) => sum + bytes, 0) / own.length;
  };
  return {
    probes: [...(isTried ? [] : [{ ...oldest, share: 0 }]), ...probes],
    largestFrame: Math.max(...built.map(({ bytes }) => bytes)),
    meanFrame: Object.keys(mix).reduce((sum, t) => sum + meanOf(t) * eventsOf(t), 0) / whole,
    mostTags: Math.max(...built.map(({ event }) => event.tags.length)),
    longestContent: Math.max(...built.map(({ event }) => Array.from(event.content).length)),
    createdAt: { min: Math.min(...times), max: Math.max(...times) },
    kinds: [...new Set(built.map(({ event }) => event.kind))],
  };
}

/** The events that a replay held out, one by one; the first of a kind stands for all of it. */
function probesOf(manifest: PoolManifest, heldOut: readonly NostrEvent[]): readonly ProbeEvent[] {
  const seen = new Set<number>();
  return heldOut.map((event): ProbeEvent => {
    const [type = ""] =
      Object.entries(manifest.kinds).find(([, parts]) =>
        parts?.some((kinds) => kinds.includes(event.kind)),
      ) ?? [];
    const ofType = manifest.perType[type]?.events ?? 0;
    const share = seen.has(event.kind) || manifest.events === 0 ? 0 : ofType / manifest.events;
    seen.add(event.kind);
    return { type, event, bytes: frameBytes(event), share };
  });
}

function kindsOf(manifest: PoolManifest): readonly number[] {
  const listed = Object.values(manifest.kinds).flatMap((parts) => (parts ?? []).flat());
  const counted = Object.keys(manifest.expected ?? {}).map(Number);
  return [...new Set([...listed, ...counted])];
}

function frameBytes(event: NostrEvent): number {
  return Buffer.byteLength(JSON.stringify(["EVENT", event]));
}
