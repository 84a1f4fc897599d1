/**
 * The pool: a folder that Node writes and k6 reads. `frames.txt` holds one event a line in the order
 * of sending, three header characters before the ready-made frame:
 *
 *     a01["EVENT",{"id":"<64 hex>","pubkey":…}]
 *
 * The first character is the event type (`a` = `types[0]`, `b` = `types[1]`, …), the second the place
 * in the multipart set (`0` starts a set, `1` … `9`, `a` … follow on the same connection), the third the
 * place of the set's last part (`0` where the event is a set of its own). `id` always is the first member, so that the id of a line stands at a fixed
 * place. `manifest.json` says what is in the file; a folder without it, or with another version, is not
 * a pool.
 */
import { ConfigError } from "../errors.ts";
import { classifyKind, type NostrEvent } from "../nostr/wire.ts";
import type { Expected } from "./expected.ts";
import type { LeftOut } from "./left-out.ts";

export const POOL_FORMAT = "k6-nostr/pool@2";
export const FRAMES_FILE = "frames.txt";
export const MANIFEST_FILE = "manifest.json";
/** Events that a replay holds out of its frames, one a line, for preflight to try the relay with. */
export const PROBES_FILE = "probes.jsonl";
/** Characters before the frame on a line. */
export const HEADER_LENGTH = 3;
/** Where the id starts within a frame: behind `["EVENT",{"id":"`. */
export const FRAME_ID_OFFSET = 16;
/** `index` holds the byte offset of every line whose number is a multiple of this. */
export const INDEX_STEP = 256;
/** What a type may be called: reports use its name as a key beside words of their own, and metrics as a tag. */
export const TYPE_NAME = /^[A-Za-z][A-Za-z0-9._-]{0,39}$/;

/** Behind the name of a type that is one of many: `padded:2048`, `topic:100x2`. */
const PARAMETER = /:[0-9a-z]{1,20}$/;

export type PoolSource =
  /** A digest of the user's module that built events of some of the types. */
  | { readonly builders: string }
  /** SHA-256 of the file of signed events that the pool replays. */
  | { readonly replay: string };

/** The events that a pool of questions asks about. */
export interface CorpusFacts {
  /** `seed`: made for the run; `relay`: what the relay held before. */
  readonly source: "seed" | "relay";
  /** Those that a relay keeps. */
  readonly events: number;
  /** First 16 hex digits of the SHA-256 of their ids, the newest first. */
  readonly fingerprint: string;
}

/** Of a pool that holds one instance's part of the whole: see `src/pool/part.ts`. */
export interface PoolPart {
  readonly instance: number;
  readonly instances: number;
  /** Of all instances. */
  readonly vus: number;
  /** The shares that are in it, one behind the other: where in `frames.txt` each begins, and its lines. */
  readonly shares: readonly (readonly [share: number, byte: number, events: number])[];
}

export interface PoolManifest {
  readonly format: typeof POOL_FORMAT;
  /** First 16 hex digits of the SHA-256 of all that determines the events: see `poolKey`. */
  readonly id: string;
  readonly seed: string;
  /** Type → weight, as asked for. A weight counts sets: a `video` set of two events is drawn once. */
  readonly mix: Readonly<Record<string, number>>;
  /** Event types in the order of their header characters. */
  readonly types: readonly string[];
  /** Of each type, the kinds that each part of a set may have; `null` where sets are not alike. */
  readonly kinds: Readonly<Record<string, readonly (readonly number[])[] | null>>;
  /** Where events come from that are not the kit's own. */
  readonly source?: PoolSource;
  readonly events: number;
  readonly sets: number;
  /** Bytes of `frames.txt`. */
  readonly bytes: number;
  /** Largest frame in bytes: to be held against a relay's `max_message_length`. */
  readonly largestFrame: number;
  /** Events of each type, and the bytes of their frames. */
  readonly perType: Readonly<Record<string, { readonly events: number; readonly bytes: number }>>;
  readonly createdAt: { readonly min: number; readonly max: number };
  /** Of any event, also of those held out; pools from before they were counted have neither. */
  readonly mostTags?: number;
  /** Unicode characters. */
  readonly longestContent?: number;
  /** Of a replay: events in `PROBES_FILE`, which are not among `events`. */
  readonly probes?: number;
  /** Of a replay: what of its file is not in it, by reason, in the order of first lines. */
  readonly leftOut?: readonly LeftOut[];
  /** Of a replay with events that expire (NIP-40): when the first does, Unix seconds. */
  readonly goodUntil?: number;
  /** Of a pool of questions, whose lines are those of `src/query/question-line.ts`. */
  readonly corpus?: CorpusFacts;
  /** Of one to relays that hold different parts of the corpus: by relay of the plan, which of the parts. */
  readonly holders?: readonly number[];
  /** What else is said here is of the part alone, and `id` is that of the whole. */
  readonly part?: PoolPart;
  /** What a relay should hold of each kind that was sent the whole pool. */
  readonly expected?: Expected;
  /** SHA-256 of `frames.txt`, hex. */
  readonly sha256: string;
  /** Byte offset of every line whose number, counted from 0, is a multiple of `INDEX_STEP`. */
  readonly index: readonly number[];
}

/** Reads a manifest; throws `ConfigError` that says what is wrong with it. */
export function parseManifest(text: string, where: string): PoolManifest {
  const remedy = "make it again with `k6-nostr pool --force`";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`the pool ${where} has a damaged manifest (not JSON); ${remedy}`, {
      cause,
    });
  }
  const manifest = value as Partial<PoolManifest> | null;
  if (manifest?.format !== POOL_FORMAT) {
    throw new ConfigError(
      `the pool ${where} has the format \`${String(manifest?.format)}\`, expected \`${POOL_FORMAT}\`; ${remedy}`,
    );
  }
  const complete =
    typeof manifest.id === "string" &&
    typeof manifest.seed === "string" &&
    typeof manifest.sha256 === "string" &&
    isRecord(manifest.mix) &&
    isRecord(manifest.perType) &&
    isRecord(manifest.kinds) &&
    isRecord(manifest.createdAt) &&
    isCount(manifest.events) &&
    isCount(manifest.sets) &&
    isCount(manifest.bytes) &&
    isCount(manifest.largestFrame) &&
    Array.isArray(manifest.types) &&
    manifest.types.every((type) => typeof type === "string") &&
    Array.isArray(manifest.index) &&
    manifest.index.every(isCount) &&
    manifest.index.length === Math.ceil(manifest.events / INDEX_STEP);
  if (!complete) throw new ConfigError(`the pool ${where} has an incomplete manifest; ${remedy}`);
  const unnamed = manifest.types?.find((type) => !TYPE_NAME.test(type.replace(PARAMETER, "")));
  if (unnamed !== undefined) {
    throw new ConfigError(
      `the pool ${where} has a type \`${unnamed.slice(0, 60)}\`: a name is 1 to 40 letters, digits, \`.\`, \`_\` or \`-\`, and begins with a letter`,
    );
  }
  return manifest as PoolManifest;
}

/** Throws `ConfigError` where a pool holds the part of another instance, or of one in another plan. */
export function refuseOtherPart(
  { part }: PoolManifest,
  { instance, instances, vus }: Pick<PoolPart, "instances" | "vus"> & { instance: number | null },
  where: string,
): void {
  if (part === undefined) return;
  const isOwn = instance === null || instance === part.instance;
  if (isOwn && instances === part.instances && vus === part.vus) return;
  throw new ConfigError(
    `the pool ${where} holds the part of instance ${part.instance} of ${part.instances}, with ${part.vus} VUs in all, and this is instance ${instance ?? "?"} of ${instances}, with ${vus}; leave it out to have one made`,
  );
}

/** Stands where a scenario sends nothing that was made beforehand. */
const NO_POOL = "none";

export function withoutPool(seed: string): PoolManifest {
  return {
    format: POOL_FORMAT,
    id: NO_POOL,
    seed,
    mix: {},
    types: [],
    kinds: {},
    ...{ events: 0, sets: 0, bytes: 0, largestFrame: 0 },
    perType: {},
    createdAt: { min: 0, max: 0 },
    sha256: "",
    index: [],
  };
}

/** Whether a pool of this id is one. */
export function isPool(id: string): boolean {
  return id !== NO_POOL;
}

/** Throws `ConfigError` where there are questions instead of events to publish. */
export function refuseQuestions({ corpus }: PoolManifest, where: string): void {
  if (corpus === undefined) return;
  throw new ConfigError(
    `the pool ${where} holds questions of a run of \`query\`, and no events; make one with \`k6-nostr pool\``,
  );
}

/** Whether events of a type may be of an ephemeral kind (NIP-01); where the pool doesn't know, they may. */
export function mayBeEphemeral({ kinds }: PoolManifest, type: string): boolean {
  const parts = kinds[type] ?? null;
  return parts === null || parts.flat().some((kind) => classifyKind(kind) === "ephemeral");
}

/** Where an event stands: its type's place in the manifest, its own in its set, and the last part's. */
export interface LinePlace {
  readonly type: number;
  readonly part: number;
  readonly lastPart: number;
}

/** A line of `frames.txt` without its line feed. */
export function formatLine({ type, part, lastPart }: LinePlace, event: NostrEvent): string {
  const { id, pubkey, created_at, kind, tags, content, sig } = event;
  const frame = JSON.stringify(["EVENT", { id, pubkey, created_at, kind, tags, content, sig }]);
  return String.fromCharCode(97 + type) + part.toString(36) + lastPart.toString(36) + frame;
}

/** Reads a line's header; its digits may be `NaN` where it is damaged. */
export function readPlace(line: string): LinePlace {
  return {
    type: line.charCodeAt(0) - 97,
    part: Number.parseInt(line.charAt(1), 36),
    lastPart: Number.parseInt(line.charAt(2), 36),
  };
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
