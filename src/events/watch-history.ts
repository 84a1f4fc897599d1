/**
 * `watch-history`: what a viewer watched in a month, kind 30079: the next of the month replaces it.
 * What a relay sees of it is a ciphertext (NIP-44) and plain pointers; here the ciphertext is random
 * bytes of the length that the real one would have, so nobody can decrypt it.
 */
import type { EventTemplate } from "../nostr/wire.ts";
import type { Random } from "../random.ts";
import { identifyVideo, takeTurn } from "./catalogue.ts";
import { checkTag, firstFault, isBase64 } from "./check.ts";
import type { BuildContext, EventType } from "./event-type.ts";
import { drawZipf } from "./popularity.ts";
import { randomBase64 } from "./text.ts";

const ITEMS = 20;

interface WatchHistoryInput {
  /** `YYYY-MM`. */
  readonly month: string;
  readonly addresses: readonly string[];
  /** The NIP-44 payload. */
  readonly ciphertext: string;
  readonly createdAt: number;
}

/** Builds a month of watch history. Source: bitvid js/nostrEventSchemas.js (`buildWatchHistoryEvent`) at 126a613. */
function buildWatchHistory(input: WatchHistoryInput): EventTemplate {
  const { month, addresses, ciphertext, createdAt } = input;
  return {
    kind: 30_079,
    created_at: createdAt,
    tags: [
      ["d", month],
      ["month", month],
      ...addresses.map((address) => ["a", address] as const),
      ["v", "2"],
      ["encrypted", "nip44"],
    ],
    content: ciphertext,
  };
}

export const watchHistory: EventType = {
  name: "watch-history",
  kinds: [[30_079]],
  maxBytes: [9_440],
  overwrites: true,
  build(context) {
    const { createdAt, random } = context;
    const addresses = pickWatched(context);
    const month = formatMonth(createdAt);
    const plaintext = JSON.stringify({
      version: 2,
      month,
      items: addresses,
      watchedAt: Object.fromEntries(addresses.map((address) => [address, createdAt])),
      snapshot: "",
    });
    const ciphertext = inventCiphertext(random, plaintext.length);
    const template = buildWatchHistory({ month, addresses, ciphertext, createdAt });
    return [{ author: takeTurn(context), template }];
  },
  check: (event) =>
    firstFault(
      checkTag(event, "d", /^\d{4}-\d\d$/),
      checkTag(event, "month", /^\d{4}-\d\d$/),
      checkTag(event, "v", /^2$/),
      checkTag(event, "encrypted", /^nip(04|44)$/),
      isBase64(event.content) ? null : "content that is no ciphertext",
    ),
};

function pickWatched({ scope, videosBefore, random, publicKey }: BuildContext) {
  const numbers = new Set<number>();
  const reach = Math.max(videosBefore, scope.catalogue);
  while (numbers.size < ITEMS) numbers.add(drawZipf(random, reach));
  return Array.from(numbers, (number) => {
    const { author, rootId } = identifyVideo(scope, number);
    return `30078:${publicKey(author)}:${rootId}`;
  });
}

/** Base64 of version, nonce, padded text with its length, MAC: NIP-44's payload for so many bytes. */
function inventCiphertext(random: Random, plaintextLength: number): string {
  const power = 2 ** (32 - Math.clz32(plaintextLength - 1));
  const chunk = power <= 256 ? 32 : power / 8;
  const padded = chunk * (Math.floor((plaintextLength - 1) / chunk) + 1);
  const bytes = 1 + 32 + 2 + padded + 32;
  const digits = Math.ceil((bytes * 4) / 3);
  // The version is 2: the first six bits are 0, the next two are of the second digit.
  const payload = `Ag${randomBase64(random, digits - 3)}A`;
  return payload.padEnd(4 * Math.ceil(bytes / 3), "=");
}

function formatMonth(createdAt: number): string {
  return new Date(createdAt * 1_000).toISOString().slice(0, 7);
}
