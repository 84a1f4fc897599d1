/**
 * Events like those of the run, of each type and kind, for preflight alone: the run's own stay unsent. They are
 * built of the mix with keys that nobody will use again, or, for a pool that is there, are its own events with a
 * fresh key, or those that a replay holds out of its frames.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Draft, EventType, Keys } from "../../events/event-type.ts";
import { type Mix, parseMix } from "../../events/mix.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { FRAMES_FILE, HEADER_LENGTH, type PoolManifest, readPlace } from "../../pool/format.ts";
import { buildSets, cutChunks, planPool, resolvePart, scopeOf } from "../../pool/plan.ts";
import type { PoolTimes } from "../../pool/times.ts";
import { parseFrame } from "../pool/frame.ts";
import { openKeyring } from "../pool/keyring.ts";

const EVENTS = 64;
/** Of each type, so that none is left out by chance. */
const EVENTS_A_TYPE = 16;
const MOST_PROBES = 32;
const NO_SIG = "0".repeat(128);
/** Of a pool so many lines are looked at, and more only for types that were not met. */
const MOST_LINES = 2_048;
const MOST_LINES_FOR_TYPES = 500_000;

/** An event, and which part of the run's events are like it. */
export interface SampleEvent {
  readonly event: NostrEvent;
  readonly type: string;
  /** Of its frame. */
  readonly bytes: number;
  readonly share: number;
}

export interface Sample {
  /** Their shares sum up to 1. */
  readonly events: readonly SampleEvent[];
  /** What a relay is tried with: one of each type and kind of middling size, the largest, the oldest. */
  readonly probes: readonly SampleEvent[];
  /** The probes have a key that the run's events have not. */
  readonly isOwnKey: boolean;
  /** Of the frames, in bytes. */
  readonly largestFrame: number;
  readonly meanFrame: number;
  readonly mostTags: number;
  /** Unicode characters. */
  readonly longestContent: number;
  readonly createdAt: { readonly min: number; readonly max: number };
}

/** Of a run that sends no event. */
export const NO_SAMPLE: Sample = {
  events: [],
  probes: [],
  isOwnKey: false,
  ...{ largestFrame: 0, meanFrame: 0, mostTags: 0, longestContent: 0 },
  createdAt: { min: 0, max: 0 },
};

/**
 * Events of the mix with keys that nobody will use again. Its probes are signed; of the others only what they look
 * like is asked, and a preflight makes some hundred of them.
 */
export async function makeSample(
  mixText: string,
  { epoch, spanSec }: Pick<PoolTimes, "epoch"> & Partial<PoolTimes>,
  extra: readonly EventType[] = [],
): Promise<Sample> {
  const mix = parseMix(mixText, extra);
  const names = Object.keys(mix);
  const seed = `preflight-${randomBytes(8).toString("hex")}`;
  // Each type as often as any other: a rare one must be there too.
  const even = Object.fromEntries(names.map((name) => [name, 1]));
  const events = Math.max(EVENTS, EVENTS_A_TYPE * names.length);
  const pool = planPool({
    seed,
    mix: even,
    events,
    epoch,
    extra,
    ...(spanSec === undefined ? {} : { spanSec }),
  });
  const keyring = await openKeyring(seed);
  const drafts = new Map<NostrEvent, Draft>();
  const made: { readonly event: NostrEvent; readonly type: string }[] = [];
  const sets: Record<string, number> = {};
  for (const chunk of cutChunks(pool, pool.order.length)) {
    for (const { type: place, parts } of buildSets(chunk, scopeOf(pool), keyring, extra)) {
      const type = pool.types[place] ?? "";
      sets[type] = (sets[type] ?? 0) + 1;
      const ids: string[] = [];
      for (const part of parts) {
        const draft = resolvePart(part, ids);
        const event = withoutSignature(draft, keyring);
        ids.push(event.id);
        drafts.set(event, draft);
        made.push({ event, type });
      }
    }
  }
  const sample = describe(made, weighBySets(mix, sets));
  const probes = sample.probes.map((probe) => {
    const draft = drafts.get(probe.event);
    return draft === undefined ? probe : { ...probe, event: keyring.sign(draft) };
  });
  return { ...sample, probes };
}

function withoutSignature(draft: Draft, keys: Keys): NostrEvent {
  const { kind, created_at, tags, content } = draft.template;
  const id = keys.identify(draft);
  return { id, pubkey: keys.publicKey(draft.author), created_at, kind, tags, content, sig: NO_SIG };
}

/** Events of a pool that is there. `probes`: those that it holds out; without any, its own are signed anew. */
export async function samplePool(
  dir: string,
  manifest: PoolManifest,
  heldOut: readonly NostrEvent[],
): Promise<Sample> {
  const found = await readSome(dir, manifest.types);
  const counts: Record<string, number> = {};
  for (const { type } of found) counts[type] = (counts[type] ?? 0) + 1;
  const weigh = (type: string) => (manifest.perType[type]?.events ?? 0) / (counts[type] ?? 1);
  const sample = describe(found, weigh);
  const probes =
    heldOut.length > 0
      ? heldOut.map((event) => asProbe(event, typeOf(event, manifest), sample))
      : await signAnew(sample.probes);
  return {
    ...sample,
    probes,
    isOwnKey: heldOut.length === 0,
    largestFrame: manifest.largestFrame,
    meanFrame: manifest.bytes / Math.max(1, manifest.events) - HEADER_LENGTH - 1,
    mostTags: manifest.mostTags ?? sample.mostTags,
    longestContent: manifest.longestContent ?? sample.longestContent,
    createdAt: manifest.createdAt,
  };
}

/** Bytes of an event's frame. */
export function frameBytes(event: NostrEvent): number {
  return Buffer.byteLength(JSON.stringify(["EVENT", event]));
}

function weighBySets(mix: Mix, sets: Readonly<Record<string, number>>): (type: string) => number {
  return (type) => (mix[type] ?? 0) / (sets[type] ?? 1);
}

function typeOf({ kind }: NostrEvent, { types }: PoolManifest): string {
  return types.includes(`kind-${kind}`) ? `kind-${kind}` : (types.at(-1) ?? "");
}

function asProbe(event: NostrEvent, type: string, { events }: Sample): SampleEvent {
  const like = events.filter((one) => one.type === type && one.event.kind === event.kind);
  const share = like.reduce((sum, one) => sum + one.share, 0);
  return { event, type, bytes: frameBytes(event), share };
}

async function readSome(
  dir: string,
  types: readonly string[],
): Promise<readonly { readonly event: NostrEvent; readonly type: string }[]> {
  const missing = new Set(types);
  const found: { readonly event: NostrEvent; readonly type: string }[] = [];
  const lines = createInterface({ input: createReadStream(join(dir, FRAMES_FILE)) });
  let looked = 0;
  for await (const line of lines) {
    const type = types[readPlace(line).type] ?? "";
    const isWanted = looked < MOST_LINES || missing.has(type);
    if (isWanted) found.push({ event: parseFrame(line.slice(HEADER_LENGTH)), type });
    missing.delete(type);
    looked++;
    if (looked >= MOST_LINES_FOR_TYPES || (looked >= MOST_LINES && missing.size === 0)) break;
  }
  lines.close();
  return found;
}

/** The same kinds, tags, contents and times; of another key, so that no event of the run becomes a duplicate. */
async function signAnew(probes: readonly SampleEvent[]): Promise<readonly SampleEvent[]> {
  const keyring = await openKeyring(`preflight-${randomBytes(8).toString("hex")}`);
  const author = { role: "author", index: 0 } as const;
  return probes.map((probe) => {
    const { kind, created_at, tags, content } = probe.event;
    const event = keyring.sign({ author, template: { kind, created_at, tags, content } });
    return { ...probe, event };
  });
}

function describe(
  found: readonly { readonly event: NostrEvent; readonly type: string }[],
  weigh: (type: string) => number,
): Sample {
  const total = found.reduce((sum, { type }) => sum + weigh(type), 0);
  const events = found.map(({ event, type }) => ({
    event,
    type,
    bytes: frameBytes(event),
    share: weigh(type) / total,
  }));
  const times = found.map(({ event }) => event.created_at);
  return {
    events,
    probes: chooseProbes(events),
    isOwnKey: false,
    largestFrame: Math.max(...events.map(({ bytes }) => bytes)),
    meanFrame: events.reduce((sum, { bytes, share }) => sum + bytes * share, 0),
    mostTags: Math.max(...found.map(({ event }) => event.tags.length)),
    longestContent: Math.max(...found.map(({ event }) => Array.from(event.content).length)),
    createdAt: { min: Math.min(...times), max: Math.max(...times) },
  };
}

/** The commonest first: a relay that limits rates may answer no more than a few. */
function chooseProbes(events: readonly SampleEvent[]): readonly SampleEvent[] {
  const [first] = events;
  if (first === undefined) throw new Error("a sample has no events");
  const classes = new Map<string, SampleEvent[]>();
  for (const event of events) {
    const key = `${event.type} ${event.event.kind}`;
    classes.set(key, [...(classes.get(key) ?? []), event]);
  }
  const middling = [...classes.values()]
    .sort((a, b) => shareOf(b) - shareOf(a))
    .slice(0, MOST_PROBES - 2)
    .flatMap(
      (own) => own.sort((a, b) => a.bytes - b.bytes)[Math.floor((own.length - 1) / 2)] ?? [],
    );
  const largest = events.reduce((a, b) => (b.bytes > a.bytes ? b : a), first);
  const oldest = events.reduce((a, b) => (b.event.created_at < a.event.created_at ? b : a), first);
  return [...new Set([...middling, largest, oldest])];
}

function shareOf(events: readonly SampleEvent[]): number {
  return events.reduce((sum, { share }) => sum + share, 0);
}
