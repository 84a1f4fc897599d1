/**
 * Rows that the sink answers a REQ with: the same events each time, ready as WebSocket frames, in which only the
 * subscription id is written anew. What a generator reads of them is its own bound.
 */
import { createHash } from "node:crypto";
import { buildFrame, OPCODE } from "./sink-frames.ts";

/** All rows for ids of one length, one frame behind the other. */
interface Ready {
  readonly frames: Buffer;
  /** Where the id goes in each frame, and where the frame ends. */
  readonly places: readonly (readonly [id: number, end: number])[];
}

const HEAD = '["EVENT","';
/** 2026-01-01T00:00:00Z. */
const NEWEST = 1_767_225_600;

export class SinkRows {
  readonly #events: readonly string[];
  readonly #ready = new Map<number, Ready>();

  /** `events`: signed or not, as JSON, the newest first. */
  constructor(events: readonly string[]) {
    this.#events = events;
  }

  /** The rows of a REQ: as many as its filters' limits ask for, and no more than there are. */
  answer(id: string, request: string): Buffer {
    const written = JSON.stringify(id).slice(1, -1);
    const bytes = Buffer.byteLength(written);
    const ready = this.#ready.get(bytes) ?? this.#make(bytes);
    const count = Math.min(askedRows(request), ready.places.length);
    const end = ready.places[count - 1]?.[1] ?? 0;
    const frames = Buffer.from(ready.frames.subarray(0, end));
    for (let i = 0; i < count; i++) frames.write(written, ready.places[i]?.[0] ?? 0);
    return frames;
  }

  #make(idBytes: number): Ready {
    const places: (readonly [number, number])[] = [];
    const frames: Buffer[] = [];
    let end = 0;
    for (const event of this.#events) {
      const payload = Buffer.from(`${HEAD}${" ".repeat(idBytes)}",${event}]`);
      const frame = buildFrame(OPCODE.text, payload);
      const at = end + frame.length - payload.length + HEAD.length;
      end += frame.length;
      places.push([at, end]);
      frames.push(frame);
    }
    const ready = { frames: Buffer.concat(frames), places };
    this.#ready.set(idBytes, ready);
    return ready;
  }
}

/** What can be known of a made-up row beforehand. */
export function describeRow(place: number): { readonly id: string; readonly created_at: number } {
  const id = createHash("sha256").update(`row ${place}`).digest("hex");
  return { id, created_at: NEWEST - place };
}

/** Rows that only look like events: the same each time, zeros for signatures, 900 bytes each, the newest first. */
export function makeUpRows(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      id: describeRow(i).id,
      pubkey: "0".repeat(64),
      created_at: describeRow(i).created_at,
      kind: 1,
      tags: [["t", "row"]],
      content: "n".repeat(530),
      sig: "0".repeat(128),
    }),
  );
}

/** The sum of the limits in a REQ; all rows where it names none. */
function askedRows(request: string): number {
  const limits = [...request.matchAll(/"limit":(\d{1,7})/g)].map(([, limit]) => Number(limit));
  return limits.length === 0
    ? Number.POSITIVE_INFINITY
    : limits.reduce((sum, limit) => sum + limit, 0);
}
