/**
 * Frames that only look like events, for the sink: right in shape and size, random ids, no
 * signatures, since signing as many as a ceiling takes would be most of the time. They are good for
 * nothing else: every relay that checks ids refuses them, and the manifest's SHA-256 is none, so that
 * `--pool` takes the folder for damaged.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  FRAMES_FILE,
  formatLine,
  HEADER_LENGTH,
  INDEX_STEP,
  MANIFEST_FILE,
  POOL_FORMAT,
  type PoolManifest,
} from "../../pool/format.ts";
import { explainFailure } from "../pool/disk-errors.ts";

const TYPE = "look-alike";
/** Makes a frame of 550 bytes, as large as those of the default mix on average. */
const CONTENT = "n".repeat(198);
const CREATED_AT = 1_767_225_600;
const LINES_A_WRITE = 4_096;

/** Writes the folder `dir` with so many look-alikes. Throws `ConfigError` when the disk is full. */
export async function makeLookAlikes(dir: string, events: number): Promise<PoolManifest> {
  try {
    await mkdir(dir, { recursive: true });
    const file = await open(join(dir, FRAMES_FILE), "wx");
    const lineBytes = await writeLines(file, events).finally(() => file.close());
    const manifest = describe(events, lineBytes);
    await writeFile(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
    return manifest;
  } catch (error) {
    throw explainFailure(error, dir);
  }
}

/** Gives the length of a line with its line feed: all are equally long. */
async function writeLines(file: FileHandle, events: number): Promise<number> {
  const [head, afterId, tail] = formatLine(
    { type: 0, part: 0, lastPart: 0 },
    {
      id: "{}",
      pubkey: "{}",
      created_at: CREATED_AT,
      kind: 1,
      tags: [],
      content: CONTENT,
      sig: "0".repeat(128),
    },
  ).split("{}");
  let lineBytes = 0;
  for (let done = 0; done < events; ) {
    const count = Math.min(LINES_A_WRITE, events - done);
    const random = randomBytes(count * 32).toString("hex");
    let text = "";
    for (let i = 0; i < count; i++) {
      const id = random.slice(i * 64, i * 64 + 64);
      text += `${head}${id}${afterId}${id}${tail}\n`;
    }
    lineBytes = text.length / count;
    await file.appendFile(text, "latin1");
    done += count;
  }
  return lineBytes;
}

function describe(events: number, lineBytes: number): PoolManifest {
  const frameBytes = lineBytes - HEADER_LENGTH - 1;
  return {
    format: POOL_FORMAT,
    id: "0".repeat(16),
    seed: "unsigned",
    mix: { [TYPE]: 1 },
    types: [TYPE],
    kinds: { [TYPE]: [[1]] },
    events,
    sets: events,
    bytes: events * lineBytes,
    largestFrame: frameBytes,
    perType: { [TYPE]: { events, bytes: events * frameBytes } },
    createdAt: { min: CREATED_AT, max: CREATED_AT },
    sha256: "0".repeat(64),
    index: Array.from(
      { length: Math.ceil(events / INDEX_STEP) },
      (_, i) => i * INDEX_STEP * lineBytes,
    ),
  };
}
