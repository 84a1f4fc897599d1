/**
 * What an entry of the mix is. A type builds one set at a time: one event for a view, several for a
 * video. Everything it may depend on comes with the context, so that the same seed gives the same
 * events in whatever thread, and in whatever order, the sets are built.
 */
import type { EventTemplate } from "../nostr/wire.ts";
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

/** What holds for a whole pool: the world that its events live in. */
export interface PoolScope {
  readonly seed: string;
  /** Unix seconds of the first event; the pool spans the day that follows. */
  readonly epoch: number;
  /** How many authors share the videos. */
  readonly authors: number;
  /** How many videos may be pointed at before any video of the pool was sent. */
  readonly catalogue: number;
}

export interface BuildContext {
  readonly scope: PoolScope;
  /** Which set of its type this is, from 0. */
  readonly ordinal: number;
  /** How many video sets come before this set in the pool. */
  readonly videosBefore: number;
  /** `created_at` for the set, Unix seconds. */
  readonly createdAt: number;
  /** Chance of this set alone. */
  readonly random: Random;
  /** 64 lowercase hex digits. */
  readonly publicKey: (author: Author) => string;
}

export interface EventType {
  /** The name in a mix: lowercase letters. */
  readonly name: string;
  /** Kinds of a set's events in the order of sending: as many as `build` returns parts. */
  readonly kinds: readonly number[];
  readonly build: (context: BuildContext) => readonly Part[];
}
