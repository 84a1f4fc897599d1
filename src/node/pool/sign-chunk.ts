/** Signs a stretch of a pool and writes its lines: what every worker does with every chunk. */
import type { EventType, Keys } from "../../events/event-type.ts";
import { resolveTypes } from "../../events/registry.ts";
import { countCharacters } from "../../nostr/characters.ts";
import { markEvent } from "../../pool/expected.ts";
import { formatLine } from "../../pool/format.ts";
import { buildSets, type Chunk, type ChunkScope, resolvePart } from "../../pool/plan.ts";

export interface SignedChunk {
  /** The lines, each with its line feed. */
  readonly bytes: Uint8Array;
  /** Sets that the lines make up. */
  readonly sets: number;
  /** Bytes of each line, line feed included. */
  readonly lineLengths: Uint32Array;
  /** The type of each line, as its place among the plan's types. */
  readonly lineTypes: Uint8Array;
  /** What a relay will keep of it: see `markEvent`. */
  readonly marks: Float64Array;
  readonly createdAt: { readonly min: number; readonly max: number };
  /** Of any of its events. */
  readonly mostTags: number;
  /** Unicode characters. */
  readonly longestContent: number;
}

/** Builds, signs and serialises a chunk's sets in their order. */
export function signChunk(
  chunk: Chunk,
  scope: ChunkScope,
  keys: Keys,
  extra: readonly EventType[] = [],
): SignedChunk {
  const lines: string[] = [];
  const lineTypes: number[] = [];
  const marks: number[] = [];
  const types = resolveTypes(scope.types, extra);
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  let mostTags = 0;
  let longestContent = 0;
  for (const { type, parts } of buildSets(chunk, scope, keys, extra)) {
    const ids: string[] = [];
    for (const part of parts) {
      const event = keys.sign(resolvePart(part, ids));
      lines.push(formatLine({ type, part: ids.length, lastPart: parts.length - 1 }, event));
      lineTypes.push(type);
      marks.push(...markEvent(event.pubkey, event, types[type]?.unique));
      ids.push(event.id);
      min = Math.min(min, event.created_at);
      max = Math.max(max, event.created_at);
      mostTags = Math.max(mostTags, event.tags.length);
      longestContent = Math.max(longestContent, countCharacters(event.content));
    }
  }
  const encoded = lines.map((line) => Buffer.byteLength(line) + 1);
  return {
    bytes: new TextEncoder().encode(`${lines.join("\n")}\n`),
    sets: chunk.order.length,
    lineLengths: Uint32Array.from(encoded),
    lineTypes: Uint8Array.from(lineTypes),
    marks: Float64Array.from(marks),
    createdAt: { min, max },
    mostTags,
    longestContent,
  };
}
