/**
 * `padded:<bytes>`: a note, kind 1 (NIP-01), whose signed event has exactly so many bytes: for sweeps
 * over sizes, up to what a relay takes.
 */
import { ConfigError } from "../errors.ts";
import { randomInt } from "../random.ts";
import { type EventType, MOST_EVENT_BYTES } from "./event-type.ts";
import { drawZipf } from "./popularity.ts";
import { randomBase36 } from "./text.ts";

/** Bytes of a signed event of kind 1 without tags and content, with a `created_at` of ten digits. */
const EMPTY_BYTES = 342;
const FEWEST_BYTES = 400;
const WORDS = "the quick relay keeps every event that it said it would keep, and says so in time. ";

/** The type of a name such as `padded:2048`; `undefined` for any other. Throws `ConfigError` for a wrong size. */
export function findPadded(name: string): EventType | undefined {
  if (name !== "padded" && !name.startsWith("padded:")) return undefined;
  const text = name.slice("padded:".length);
  const bytes = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(bytes >= FEWEST_BYTES && bytes <= MOST_EVENT_BYTES)) {
    throw new ConfigError(
      `MIX names \`${name}\`: \`padded:<bytes>\` takes the size of an event from ${FEWEST_BYTES} to ${MOST_EVENT_BYTES} bytes; example: \`padded:2048:0.1\``,
    );
  }
  return createPadded(name, bytes);
}

function createPadded(name: string, bytes: number): EventType {
  const length = bytes - EMPTY_BYTES;
  const text = WORDS.repeat(Math.ceil(length / WORDS.length) + 1);
  return {
    name,
    kinds: [[1]],
    maxBytes: [bytes],
    build: ({ scope, ordinal, createdAt, random }) => {
      // The ordinal keeps the events apart.
      const start = `${ordinal.toString(36)} ${randomBase36(random, 16)} `;
      const from = randomInt(random, WORDS.length);
      const content = start + text.slice(from, from + length - start.length);
      const author = { role: "author", index: drawZipf(random, scope.authors) } as const;
      return [{ author, template: { kind: 1, created_at: createdAt, tags: [], content } }];
    },
    check: (event) => {
      return event.content.length === length ? null : `content of ${event.content.length}`;
    },
  };
}
