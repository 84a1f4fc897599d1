/** What a topic's subscriptions ask for, read from an event of the topic; and what decoys ask for. */

import type { NostrEvent } from "../../../src/nostr/wire.ts";
import { FIRST_TOPIC_KIND, type TopicFilter } from "../../../src/plan/fanout.ts";
import { HEADER_LENGTH } from "../../../src/pool/format.ts";
import { type Random, randomInt } from "../../../src/random.ts";

/** `limit` ≥ 1: nostr-rs-relay answers 0 with no EOSE. Nothing stored matches, in a pool of its own authors. */
const LIMIT = 1;

/** `line`: of the pool. `since`: no stored event of another pool, where a kind is all that is asked for. */
export function filterOfTopic(by: TopicFilter, line: string, since: number): string {
  const [, event] = JSON.parse(line.slice(HEADER_LENGTH)) as ["EVENT", NostrEvent];
  const tag = event.tags.find(([name]) => name === "t")?.[1] ?? "";
  return filterText(by, { author: event.pubkey, tag, kind: event.kind, since });
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
    author: author.join(""),
    tag: `decoy-${author[0]}-${decoy}`,
    kind,
    since,
  });
}

interface Asked {
  readonly author: string;
  readonly tag: string;
  readonly kind: number;
  readonly since: number;
}

function filterText(by: TopicFilter, { author, tag, kind, since }: Asked): string {
  if (by === "author") return JSON.stringify({ authors: [author], limit: LIMIT });
  if (by === "tag") return JSON.stringify({ "#t": [tag], limit: LIMIT });
  return JSON.stringify({ kinds: [kind], since, limit: LIMIT });
}
