/** A part of a pool as a pool of its own: events that were signed at once, and are sent by several runs. */
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FRAMES_FILE, HEADER_LENGTH, MANIFEST_FILE, readPlace } from "../../pool/format.ts";
import { explainFailure } from "./disk-errors.ts";
import { FramesWriter } from "./frames-writer.ts";
import { readLines } from "./lines.ts";
import { createTemporary, moveIntoPlace } from "./place.ts";
import type { Pool } from "./read.ts";

/** Where the next part of a pool begins: events and bytes before it. */
export interface Place {
  readonly pool: Pool;
  readonly event: number;
  readonly byte: number;
}

/** Events cut from one pool at a time. */
const AT_ONCE = 512;

/**
 * Writes the next `events` events, and what completes their last set, to a folder under `root`: of the first place,
 * then of those behind it, whose pools are of the same mix. Gives what is left of each.
 */
export async function cutPart(
  root: string,
  from: readonly Place[],
  events: number,
): Promise<{ readonly part: Pool; readonly left: readonly Place[] }> {
  const [first] = from;
  if (first === undefined) throw new Error("there is no pool to cut a part from");
  const key = JSON.stringify([first.pool.manifest.id, first.event, events]);
  const id = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const dir = join(root, id);
  let path: string | undefined;
  try {
    ({ path } = await createTemporary(resolve(dir), id, false));
    const writer = await FramesWriter.open(join(path, FRAMES_FILE), first.pool.manifest.types);
    const left: Place[] = [];
    try {
      for (const place of from) {
        left.push(await copy(place, events - writer.events, writer));
      }
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    const { sets } = writer;
    // What a relay will keep of it takes a look at each event, and nobody asks.
    const { expected: _, ...frames } = await writer.finish();
    const { expected: __, ...whole } = first.pool.manifest;
    const manifest = { ...whole, id, sets, ...frames };
    await writeFile(join(path, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    await moveIntoPlace(path, resolve(dir), manifest.sha256);
    return { part: { dir, manifest }, left: left.filter(isLeft) };
  } catch (error) {
    throw explainFailure(error, dir);
  } finally {
    if (path !== undefined) await rm(path, { recursive: true, force: true });
  }
}

/** Events that are left of a pool. */
export function leftOf({ pool, event }: Place): number {
  return pool.manifest.events - event;
}

function isLeft(place: Place): boolean {
  return leftOf(place) > 0;
}

async function copy(place: Place, events: number, writer: FramesWriter): Promise<Place> {
  const { pool } = place;
  const { createdAt, mostTags = 0, longestContent = 0 } = pool.manifest;
  let { event, byte } = place;
  if (events <= 0) return place;
  const end = event + events;
  let lines: Buffer[] = [];
  const write = async () => {
    const lengths = lines.map((line) => line.length + 1);
    const places = lines.map((line) => readPlace(line.toString("latin1", 0, HEADER_LENGTH)));
    await writer.write({
      bytes: Buffer.concat(lines.flatMap((line) => [line, NEWLINE])),
      sets: places.filter(({ part }) => part === 0).length,
      lineLengths: Uint32Array.from(lengths),
      lineTypes: Uint8Array.from(places, ({ type }) => type),
      marks: new Float64Array(0),
      // Of the whole pool, within which those of its part lie.
      ...{ createdAt, mostTags, longestContent },
    });
    event += lines.length;
    byte += lengths.reduce((sum, length) => sum + length, 0);
    lines = [];
  };
  reading: for await (const piece of readLines(join(pool.dir, FRAMES_FILE), { from: byte })) {
    for (const line of piece) {
      const begins = readPlace(line.toString("latin1", 0, HEADER_LENGTH)).part === 0;
      if (begins && event + lines.length >= end) break reading;
      lines.push(line);
      if (lines.length >= AT_ONCE) await write();
    }
  }
  await write();
  return { pool, event, byte };
}

const NEWLINE = Buffer.from("\n");
