import type { NostrEvent } from "../../nostr/wire.ts";

/** The limits the relay announces (NIP-11 `limitation`, its names) and enforces. */
export interface RelayLimits {
  /** Bytes of one message. */
  readonly max_message_length: number;
  /** Open subscriptions of one connection. */
  readonly max_subscriptions: number;
  readonly max_subid_length: number;
  /** Filters of one REQ or COUNT. */
  readonly max_filters: number;
  /** A higher `limit` in a filter is lowered to this. */
  readonly max_limit: number;
  /** Events for a filter without `limit`. */
  readonly default_limit: number;
  readonly max_event_tags: number;
  /** Unicode characters of `content`. */
  readonly max_content_length: number;
  /** Seconds into the past. */
  readonly created_at_lower_limit: number;
  /** Seconds into the future. */
  readonly created_at_upper_limit: number;
}

/** Close to what relays in use announce, except that old events are welcome (10 years). */
export const DEFAULT_LIMITS: RelayLimits = {
  max_message_length: 131_072,
  max_subscriptions: 200,
  max_subid_length: 64,
  max_filters: 20,
  max_limit: 1_000,
  default_limit: 500,
  max_event_tags: 2_000,
  max_content_length: 65_536,
  created_at_lower_limit: 315_360_000,
  created_at_upper_limit: 900,
};

/** Which limit an event breaks, as the text of an OK; undefined when it breaks none. */
export function findBreach(
  event: NostrEvent,
  limits: RelayLimits,
  nowSec: number,
): string | undefined {
  if (event.tags.length > limits.max_event_tags) {
    return `invalid: more than ${limits.max_event_tags} tags`;
  }
  if (hasMoreCharacters(event.content, limits.max_content_length)) {
    return `invalid: content longer than ${limits.max_content_length} characters`;
  }
  if (event.created_at < nowSec - limits.created_at_lower_limit) {
    return `invalid: created_at more than ${limits.created_at_lower_limit} s in the past`;
  }
  if (event.created_at > nowSec + limits.created_at_upper_limit) {
    return `invalid: created_at more than ${limits.created_at_upper_limit} s in the future`;
  }
  return undefined;
}

function hasMoreCharacters(text: string, limit: number): boolean {
  // UTF-16 units bound the characters from above: most events need no count.
  return text.length > limit && Array.from(text).length > limit;
}
