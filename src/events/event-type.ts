/**
 * What an entry of the mix is. A type builds one set at a time: one event for a view, several for a
 * video. Everything it may depend on comes with the context, so that the same seed gives the same
 * events in whatever thread, and in whatever order, the sets are built.
 */
import type { EventTemplate, NostrEvent } from "../nostr/wire.ts";
import type { Random } from "../random.ts";

/** Whose key signs. A key is known by its role and number; only a signer knows the key itself. */
export interface Author {
  readonly role: "author" | "viewer" | "session";
  readonly index: number;
}

/** An event before its signature. */
export interface Draft {
  readonly author: Author;
  readonly template: EventTemplate;
}

/** A function gets the ids of the parts before it in its set, for an `e` tag that points back. */
export type Part = Draft | ((earlierIds: readonly string[]) => Draft);

/** The video sets of a pool in the order of sending; a video's number is its place here. */
export interface VideoIndex {
  /** Which set of the pool each is. */
  readonly sets: Uint32Array;
  /** 1 where the set is a rich one. */
  readonly rich: Uint8Array;
}

/** What holds for a whole pool: the world that its events live in. */
export interface PoolScope {
  /** What keys and events are derived from: the seed, and all else that determines the pool. */
  readonly seed: string;
  /** Unix seconds of the first event. */
  readonly epoch: number;
  /** The pool's events lie within so many seconds from then on. */
  readonly spanSec: number;
  /** Sets of all types. */
  readonly sets: number;
  /** How many authors share the videos. */
  readonly authors: number;
  /** How many videos may be pointed at before any video of the pool was sent. */
  readonly catalogue: number;
  readonly videos: VideoIndex;
}

/** What builders may ask of the pool's keys. */
export interface Keys {
  /** 64 lowercase hex digits. */
  readonly publicKey: (author: Author) => string;
  /** The id that the signed event will have: a hash, no signature. */
  readonly identify: (draft: Draft) => string;
  /** Costs as much as an event of the pool: for an event that is embedded in another. */
  readonly sign: (draft: Draft) => NostrEvent;
}

export interface BuildContext extends Keys {
  readonly scope: PoolScope;
  /** Which set of its type this is, from 0. */
  readonly ordinal: number;
  /** Sets of its type in the whole pool. */
  readonly total: number;
  /** How many video sets come before this set in the pool. */
  readonly videosBefore: number;
  /** `created_at` for the set, Unix seconds. */
  readonly createdAt: number;
  /** Chance of this set alone. */
  readonly random: Random;
}

export interface EventType {
  /** The name in a mix: no comma, no white space; a parameter follows a colon. */
  readonly name: string;
  /**
   * The kinds that each event of a set may have, in the order of sending: as many as `build` returns
   * parts. `null`: the number of parts is known only when a set is built, and a set counts as one
   * event when a pool is planned, so that the pool comes out larger.
   */
  readonly kinds: readonly (readonly number[])[] | null;
  /** The size class: bytes of the largest signed event of each part, as JSON; `null`: not known. */
  readonly maxBytes: readonly number[] | null;
  /** Whether later sets publish newer versions of an address: `created_at` then rises strictly. */
  readonly overwrites?: boolean;
  /** Whether no address comes twice, here or in another type, and nothing deletes one. */
  readonly unique?: boolean;
  /** A set that publishes the video of the next number, plain or with NIP-71 metadata. */
  readonly video?: "plain" | "rich";
  readonly build: (context: BuildContext) => readonly Part[];
  /** Checks one event against the type's schema: what is wrong, or `null`. See `findFault`. */
  readonly check: (event: NostrEvent, part: number) => string | null;
}

/** Beyond so many bytes, and for good from 1 MB on, the signer's memory does not hold an event. */
export const MOST_EVENT_BYTES = 524_288;
/** The most parts of a set: a part is one base-36 digit in a pool. */
export const MOST_PARTS = 36;
