/**
 * The full check of a pool: not only that the file is what its maker wrote, as `readPool` has it, but
 * that what was written is right, line by line.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { initNostrWasm } from "nostr-wasm";
import { ConfigError } from "../../errors.ts";
import { findFault } from "../../events/check.ts";
import { findEventType } from "../../events/registry.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import {
  FRAMES_FILE,
  formatLine,
  HEADER_LENGTH,
  INDEX_STEP,
  type LinePlace,
  type PoolManifest,
  readPlace,
} from "../../pool/format.ts";
import { addressOf } from "../relay/retention.ts";
import { hashEvent } from "./event-id.ts";
import { readPool } from "./read.ts";

/** `["EVENT",` and `]`. */
const EVENT_FRAME_BYTES = 10;

export interface VerifiedPool {
  readonly events: number;
  readonly sets: number;
  readonly signaturesChecked: number;
}

/**
 * Checks every line of a pool: header, frame, id, kind, place in its set; that no id and no
 * replaceable address comes twice; the manifest's figures. Of the signatures it checks `signatures`,
 * evenly spread (default all: some 3,000 a second). Throws `ConfigError` with the first fault.
 */
export async function verifyPool(
  dir: string,
  { signatures = Number.POSITIVE_INFINITY }: { readonly signatures?: number } = {},
): Promise<VerifiedPool> {
  const { manifest } = await readPool(dir);
  const wasm = await initNostrWasm();
  const checker = new LineChecker(manifest);
  const step = Math.max(1, Math.ceil(manifest.events / signatures));
  let signaturesChecked = 0;
  const lines = createInterface({ input: createReadStream(join(dir, FRAMES_FILE)) });
  try {
    for await (const line of lines) {
      const event = checker.check(line);
      if ((checker.events - 1) % step !== 0) continue;
      wasm.verifyEvent({ ...event, tags: event.tags.map((tag) => [...tag]) });
      signaturesChecked++;
    }
    checker.finish();
  } catch (cause) {
    const fault = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      `the pool \`${dir}\` is wrong at line ${checker.events}: ${fault}; make it again with \`k6-nostr pool --force\``,
      { cause },
    );
  } finally {
    lines.close();
  }
  return { events: checker.events, sets: checker.sets, signaturesChecked };
}

class LineChecker {
  readonly #manifest: PoolManifest;
  readonly #seen = new Set<string>();
  /** Address → `created_at` of its newest version. */
  readonly #addresses = new Map<string, number>();
  readonly #perType = new Map<string, { events: number; bytes: number }>();
  events = 0;
  sets = 0;
  #bytes = 0;
  #largestFrame = 0;
  #place: LinePlace | undefined;

  constructor(manifest: PoolManifest) {
    this.#manifest = manifest;
  }

  check(line: string): NostrEvent {
    if (this.events % INDEX_STEP === 0) {
      expect(this.#manifest.index[this.events / INDEX_STEP] === this.#bytes, "the index is off");
    }
    this.events++;
    const place = readPlace(line);
    const { type, part } = place;
    this.#checkPlace(place);
    const event = parseFrame(line.slice(HEADER_LENGTH));
    expect(formatLine(place, event) === line, "the line is not in the pool's form");
    const name = this.#manifest.types[type] ?? "";
    const kindType = findEventType(name);
    expect(kindType !== undefined, `\`${name}\` is no event type`);
    const bytes = Buffer.byteLength(line) - HEADER_LENGTH - EVENT_FRAME_BYTES;
    const fault = findFault(kindType, event, { part, bytes });
    expect(fault === null, `\`${name}\`: ${fault}`);
    expect(hashEvent(event.pubkey, event) === event.id, "the id is not the hash of the event");
    this.#claim(event.id);
    this.#claimAddress(event, kindType.overwrites === true);
    this.#count(name, Buffer.byteLength(line));
    const { min, max } = this.#manifest.createdAt;
    expect(event.created_at >= min && event.created_at <= max, "created_at is out of range");
    return event;
  }

  finish(): void {
    this.#checkSetIsComplete();
    const { events, sets, bytes, largestFrame, types, perType } = this.#manifest;
    expect(this.events === events, `${this.events} events, the manifest says ${events}`);
    expect(this.sets === sets, `${this.sets} sets, the manifest says ${sets}`);
    expect(this.#bytes === bytes, `${this.#bytes} bytes, the manifest says ${bytes}`);
    expect(this.#largestFrame === largestFrame, "the largest frame has another size");
    for (const type of types) {
      const counted = this.#perType.get(type) ?? { events: 0, bytes: 0 };
      const stated = perType[type];
      const agrees = stated?.events === counted.events && stated.bytes === counted.bytes;
      expect(agrees, `the manifest miscounts \`${type}\``);
    }
  }

  #checkPlace(place: LinePlace): void {
    const { type, part, lastPart } = place;
    if (part === 0) {
      this.#checkSetIsComplete();
      this.sets++;
    } else {
      const before = this.#place;
      const follows =
        type === before?.type && part === before.part + 1 && lastPart === before.lastPart;
      expect(follows, "the part of a set is out of place");
    }
    this.#place = place;
  }

  #checkSetIsComplete(): void {
    const before = this.#place;
    if (before === undefined) return;
    const kinds = findEventType(this.#manifest.types[before.type] ?? "")?.kinds;
    const isWhole =
      before.part === before.lastPart && (!kinds || kinds.length === before.lastPart + 1);
    expect(isWhole, "a set is incomplete");
  }

  #claim(identity: string): void {
    expect(!this.#seen.has(identity), `\`${identity}\` comes twice`);
    this.#seen.add(identity);
  }

  /** An address comes once, or rises: an older version would be turned down. */
  #claimAddress(event: NostrEvent, mayRise: boolean): void {
    const address = addressOf(event);
    if (address === undefined) return;
    const before = this.#addresses.get(address);
    const rises = before !== undefined && mayRise && event.created_at > before;
    expect(before === undefined || rises, `\`${address}\` comes twice`);
    this.#addresses.set(address, event.created_at);
  }

  #count(name: string, lineBytes: number): void {
    const frame = lineBytes - HEADER_LENGTH;
    const counts = this.#perType.get(name) ?? { events: 0, bytes: 0 };
    this.#perType.set(name, { events: counts.events + 1, bytes: counts.bytes + frame });
    this.#largestFrame = Math.max(this.#largestFrame, frame);
    this.#bytes += lineBytes + 1;
  }
}

function parseFrame(frame: string): NostrEvent {
  const value: unknown = JSON.parse(frame);
  const event: unknown = Array.isArray(value) && value[0] === "EVENT" ? value[1] : undefined;
  expect(isEvent(event), "the frame holds no event");
  return event;
}

function isEvent(value: unknown): value is NostrEvent {
  if (typeof value !== "object" || value === null) return false;
  const event = value as Partial<NostrEvent>;
  return (
    [event.id, event.pubkey, event.sig, event.content].every((text) => typeof text === "string") &&
    Number.isSafeInteger(event.kind) &&
    Number.isSafeInteger(event.created_at) &&
    Array.isArray(event.tags) &&
    event.tags.every((tag) => Array.isArray(tag) && tag.every((item) => typeof item === "string"))
  );
}

function expect(holds: boolean, fault: string): asserts holds {
  if (!holds) throw new Error(fault);
}
