/** Goes on with the frames that a stopped maker wrote: nothing whole is signed twice. */

import type { EventType } from "../../events/event-type.ts";
import { resolveTypes } from "../../events/registry.ts";
import { countCharacters } from "../../nostr/characters.ts";
import { markEvent } from "../../pool/expected.ts";
import { HEADER_LENGTH, type LinePlace, readPlace } from "../../pool/format.ts";
import { hashEvent } from "./event-id.ts";
import { parseFrame } from "./frame.ts";
import type { FramesWriter } from "./frames-writer.ts";
import { readLines } from "./lines.ts";

interface TakeUpRequest {
  /** The type of every set that the file is to have. */
  readonly order: Uint8Array;
  /** Names of the types. */
  readonly types: readonly string[];
  readonly extra: readonly EventType[];
  readonly writer: FramesWriter;
}

/**
 * Counts the whole sets at the start of a file into the writer, and cuts off what follows: a set of
 * which parts are missing, and anything that is not what the plan has there. Gives the sets kept.
 */
export async function takeUp(
  path: string,
  { order, types: names, extra, writer }: TakeUpRequest,
): Promise<number> {
  const types = resolveTypes(names, extra);
  let sets = 0;
  let set: Line[] = [];
  reading: for await (const lines of readLines(path, { whole: true })) {
    for (const bytes of lines) {
      const line = readLine(bytes);
      if (line === null) break reading;
      if (line.type !== order[sets] || line.part !== set.length) break reading;
      set.push(line);
      if (line.part !== line.lastPart) continue;
      writer.countWritten(joinSet(set, types));
      sets++;
      set = [];
    }
  }
  await writer.cut();
  return sets;
}

interface Line extends LinePlace {
  readonly bytes: Buffer;
  readonly event: ReturnType<typeof parseFrame>;
}

/** `null` for what the disk did not keep: a power cut leaves gaps where a killed process does not. */
function readLine(bytes: Buffer): Line | null {
  const text = bytes.toString();
  try {
    const event = parseFrame(text.slice(HEADER_LENGTH));
    if (hashEvent(event.pubkey, event) !== event.id) return null;
    return { ...readPlace(text), bytes, event };
  } catch {
    return null;
  }
}

function joinSet(lines: readonly Line[], types: readonly EventType[]) {
  const newline = Buffer.from("\n");
  const times = lines.map(({ event }) => event.created_at);
  return {
    sets: 1,
    bytes: Buffer.concat(lines.flatMap(({ bytes }) => [bytes, newline])),
    lineLengths: Uint32Array.from(lines, ({ bytes }) => bytes.length + 1),
    lineTypes: Uint8Array.from(lines, ({ type }) => type),
    marks: Float64Array.from(
      lines.flatMap(({ event, type }) => [...markEvent(event.pubkey, event, types[type]?.unique)]),
    ),
    createdAt: { min: Math.min(...times), max: Math.max(...times) },
    mostTags: Math.max(...lines.map(({ event }) => event.tags.length)),
    longestContent: Math.max(...lines.map(({ event }) => countCharacters(event.content))),
  };
}
