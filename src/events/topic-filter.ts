/** What a topic's subscriptions ask for, read from an event of the topic; and what decoys ask for. */

import type { NostrEvent } from "../nostr/wire.ts";
import { FIRST_TOPIC_KIND, type TopicFilter } from "../plan/fanout.ts";
import { HEADER_LENGTH } from "../pool/format.ts";
import { type Random, randomInt } from "../random.ts";

/** `limit` ≥ 1: nostr-rs-relay answers 0 with no EOSE. Nothing stored matches, in a pool of its own authors. */
const LIMIT = 1;

/** `lines`: of the pool, one of each topic. `since`: no stored event of another pool, where a kind is all that is asked for. */
export function filterOfTopics(by: TopicFilter, lines: readonly string[], since: number): string {
  const events = lines.map((line) => {
    const [, event] = JSON.parse(line.slice(HEADER_LENGTH)) as ["EVENT", NostrEvent];
    return event;
  });
  return filterText(by, {
    authors: events.map(({ pubkey }) => pubkey),
    tags: events.map(({ tags }) => tags.find(([name]) => name === "t")?.[1] ?? ""),
    kinds: events.map(({ kind }) => kind),
    since,
  });
}

/** Of the decoy of a number: an author, a tag or a kind that nobody has. */
export function filterOfDecoy(
  by: TopicFilter,
  decoy: number,
  random: Random,
  since: number,
): string {
  const author = Array.from({ length: 16 }, () =>
    randomInt(random, 65_536).toString(16).padStart(4, "0"),
  );
  const kind = FIRST_TOPIC_KIND + 999 - (decoy % 100);
  return filterText(by, {
    authors: [author.join("")],
    tags: [`decoy-${author[0]}-${decoy}`],
    kinds: [kind],
    since,
  });
}

interface Asked {
  readonly authors: readonly string[];
  readonly tags: readonly string[];
  readonly kinds: readonly number[];
  readonly since: number;
}

function filterText(by: TopicFilter, { authors, tags, kinds, since }: Asked): string {
  if (by === "author") return JSON.stringify({ authors, limit: LIMIT });
  if (by === "tag") return JSON.stringify({ "#t": tags, limit: LIMIT });
  return JSON.stringify({ kinds, since, limit: LIMIT });
}
