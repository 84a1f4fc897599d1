/**
 * What a relay holds and answers at most: as it announces (NIP-11), else as its software has it where nobody has
 * configured anything else. Pure.
 */
import type { Information } from "./information.ts";

/** Filters, ids and lengths are tried, or stand in the document where they are small. */
type QueryLimit = "max_subscriptions" | "max_limit";

type Limits = { readonly [K in QueryLimit]?: number };

export interface KnownLimit {
  readonly value: number;
  /** `null`: the relay announces it; else the software it is usual of. */
  readonly usualOf: string | null;
}

interface Row {
  readonly name: string;
  /** Of the document's `software`. */
  readonly software: RegExp;
  /** Holds for versions below this one. */
  readonly below?: readonly [major: number, minor: number];
  readonly limits: Limits;
}

/**
 * The first row that fits counts. A khatru (github.com/fiatjaf/khatru) has what its app gives it, and no limit of
 * its own.
 */
const USUAL: readonly Row[] = [
  // github.com/hoytech/strfry src/apps/relay/golpe.yaml; announced from 1.0 on.
  {
    name: "strfry before 1.1",
    software: /\bstrfry\b/,
    below: [1, 1],
    limits: { max_subscriptions: 20, max_limit: 500 },
  },
  {
    name: "strfry",
    software: /\bstrfry\b/,
    limits: { max_subscriptions: 200, max_limit: 500 },
  },
  // git.sr.ht/~gheartsfield/nostr-rs-relay src/conn.rs: fixed in the program.
  { name: "nostr-rs-relay", software: /\bnostr-rs-relay\b/, limits: { max_subscriptions: 32 } },
  // github.com/rnostr/rnostr relay/src/setting.rs
  { name: "rnostr", software: /\brnostr\b/, limits: { max_subscriptions: 20, max_limit: 300 } },
  // github.com/cameri/nostream resources/default-settings.yaml
  {
    name: "nostream",
    software: /\bnostream\b/i,
    limits: { max_subscriptions: 10, max_limit: 5_000 },
  },
];

/** `null` where nothing is known; 0, as in nostream's settings, is no limit. */
export function knownLimit(
  { limitation, software, version }: Information,
  name: QueryLimit,
): KnownLimit | null {
  const announced = limitation?.[name];
  if (announced !== undefined) return announced > 0 ? { value: announced, usualOf: null } : null;
  const row = USUAL.find(
    (one) => one.software.test(software ?? "") && (!one.below || isBelow(version, one.below)),
  );
  const value = row?.limits[name];
  return row === undefined || value === undefined ? null : { value, usualOf: row.name };
}

/** A version that can't be read is taken for the newest. */
function isBelow(
  version: string | null,
  [major, minor]: readonly [major: number, minor: number],
): boolean {
  const [, first, second] = /^v?(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  if (first === undefined || second === undefined) return false;
  return Number(first) < major || (Number(first) === major && Number(second) < minor);
}

/** Where a limit is known from, in words. */
export function describeSource({ usualOf }: KnownLimit): string {
  return usualOf === null ? "announced" : `usual of ${usualOf}`;
}
