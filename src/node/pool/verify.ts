/**
 * The full check of a pool: not only that the file is what its maker wrote, as `readPool` has it, but
 * that what was written is right, line by line.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { findFault } from "../../events/check.ts";
import { findEventType } from "../../events/registry.ts";
import { addressOf } from "../../nostr/retention.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { type Expected, ExpectedCounter, markEvent } from "../../pool/expected.ts";
import {
  FRAMES_FILE,
  formatLine,
  HEADER_LENGTH,
  INDEX_STEP,
  type LinePlace,
  type PoolManifest,
  readPlace,
} from "../../pool/format.ts";
import { startCheckers } from "./checkers.ts";
import { runInOrder } from "./crew.ts";
import { hashEvent } from "./event-id.ts";
import { parseFrame } from "./frame.ts";
import { IdTable } from "./id-table.ts";
import { readLines } from "./lines.ts";
import { type Progress, startProgress } from "./progress.ts";
import { readPool } from "./read.ts";
import type { CheckedLine } from "./replay-lines.ts";

/** `["EVENT",` and `]`. */
const EVENT_FRAME_BYTES = 10;

export interface VerifiedPool {
  readonly events: number;
  readonly sets: number;
  readonly signaturesChecked: number;
}

export interface VerifyOptions {
  /** How many signatures to check, evenly spread; all of them by default. */
  readonly signatures?: number;
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** How far the reading before it has got, in bytes, when it takes more than 2 s. */
  readonly onReading?: (progress: Progress) => void;
}

const LINES_A_JOB = 256;
const FEW_JOBS = 4;

/**
 * Checks every line of a pool: header, frame, id, kind, its type's schema, place in its set; that no id
 * and no replaceable address comes twice; the manifest's figures; and over all cores the signatures.
 * Throws `ConfigError` with the first fault.
 */
export async function verifyPool(dir: string, options: VerifyOptions = {}): Promise<VerifiedPool> {
  const { signatures = Number.POSITIVE_INFINITY, workers = availableParallelism() } = options;
  const { manifest } = await readPool(dir, options.onReading);
  const jobs = Math.ceil(Math.min(signatures, manifest.events) / LINES_A_JOB);
  const threads = Math.max(1, Math.min(workers, jobs));
  const crew = await startCheckers({ times: null, threads, areFew: jobs <= FEW_JOBS });
  const verifier = new Verifier(manifest, Math.max(1, Math.ceil(manifest.events / signatures)));
  const progress = startProgress(manifest.events, options.onProgress);
  try {
    for await (const faults of runInOrder(verifier.jobs(join(dir, FRAMES_FILE)), crew)) {
      options.signal?.throwIfAborted();
      progress(verifier.settle(faults));
    }
    verifier.checker.finish();
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    const fault = cause instanceof Error ? cause.message : String(cause);
    const line = cause instanceof SignatureFault ? cause.line : verifier.checker.events;
    throw new ConfigError(
      `the pool \`${dir}\` is wrong at line ${line}: ${fault}; make it again with \`k6-nostr pool --force\``,
      { cause },
    );
  } finally {
    await crew.close();
  }
  const { events, sets } = verifier.checker;
  return { events, sets, signaturesChecked: verifier.signaturesChecked };
}

class SignatureFault extends Error {
  readonly line: number;

  constructor(line: number, fault: string) {
    super(fault);
    this.line = line;
  }
}

/** Checks lines itself, and hands every `step`th on to have its signature checked. */
class Verifier {
  readonly checker: LineChecker;
  readonly #step: number;
  signaturesChecked = 0;

  constructor(manifest: PoolManifest, step: number) {
    this.checker = new LineChecker(manifest);
    this.#step = step;
  }

  async *jobs(path: string): AsyncGenerator<readonly Uint8Array[]> {
    let job: Uint8Array[] = [];
    for await (const lines of readLines(path)) {
      for (const line of lines) {
        this.checker.check(line.toString());
        if ((this.checker.events - 1) % this.#step !== 0) continue;
        job.push(Uint8Array.from(line.subarray(HEADER_LENGTH)));
        if (job.length < LINES_A_JOB) continue;
        yield job;
        job = [];
      }
    }
    if (job.length > 0) yield job;
  }

  /** Takes the answer to a job; gives the lines that are done. */
  settle(checked: readonly CheckedLine[]): number {
    for (const fault of checked) {
      const line = this.signaturesChecked * this.#step + 1;
      if (fault !== null && "fault" in fault) throw new SignatureFault(line, fault.fault);
      this.signaturesChecked++;
    }
    return Math.min(this.checker.events, this.signaturesChecked * this.#step);
  }
}

class LineChecker {
  readonly #manifest: PoolManifest;
  readonly #expected = new ExpectedCounter();
  readonly #seen = new IdTable();
  /** Address → `created_at` of its newest version. */
  readonly #addresses = new IdTable();
  readonly #perType = new Map<string, { events: number; bytes: number }>();
  events = 0;
  sets = 0;
  /** Some types are the user's own, with no schema here. */
  readonly #isForeign: boolean;
  #bytes = 0;
  #largestFrame = 0;
  #place: LinePlace | undefined;

  constructor(manifest: PoolManifest) {
    this.#manifest = manifest;
    this.#isForeign = manifest.source !== undefined;
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
    expect(kindType !== undefined || this.#isForeign, `\`${name}\` is no event type`);
    if (kindType !== undefined) {
      const bytes = Buffer.byteLength(line) - HEADER_LENGTH - EVENT_FRAME_BYTES;
      const fault = findFault(kindType, event, { part, bytes });
      expect(fault === null, `\`${name}\`: ${fault}`);
    }
    expect(hashEvent(event.pubkey, event) === event.id, "the id is not the hash of the event");
    this.#claim(event.id);
    this.#expected.add(markEvent(event.pubkey, event, kindType?.unique));
    if (kindType !== undefined) this.#claimAddress(event, kindType.overwrites === true);
    this.#count(name, Buffer.byteLength(line));
    const { min, max } = this.#manifest.createdAt;
    expect(event.created_at >= min && event.created_at <= max, "created_at is out of range");
    return event;
  }

  finish(): void {
    this.#checkSetIsComplete();
    const { events, sets, bytes, largestFrame, types, perType, expected } = this.#manifest;
    expect(this.events === events, `${this.events} events, the manifest says ${events}`);
    expect(this.sets === sets, `${this.sets} sets, the manifest says ${sets}`);
    expect(this.#bytes === bytes, `${this.#bytes} bytes, the manifest says ${bytes}`);
    expect(this.#largestFrame === largestFrame, "the largest frame has another size");
    const isExpected = expected === undefined || this.#agrees(expected);
    expect(isExpected, "the manifest expects a relay to hold something else");
    for (const type of types) {
      const counted = this.#perType.get(type) ?? { events: 0, bytes: 0 };
      const stated = perType[type];
      const agrees = stated?.events === counted.events && stated.bytes === counted.bytes;
      expect(agrees, `the manifest miscounts \`${type}\``);
    }
  }

  #agrees(expected: Expected): boolean {
    return JSON.stringify(this.#expected.finish()) === JSON.stringify(expected);
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
    expect(this.#seen.put(identity) === undefined, `\`${identity}\` comes twice`);
  }

  /** An address comes once, or rises: an older version would be turned down. */
  #claimAddress(event: NostrEvent, mayRise: boolean): void {
    const address = addressOf(event);
    if (address === undefined) return;
    const before = this.#addresses.putText(address, event.created_at);
    const rises = before !== undefined && mayRise && event.created_at > before;
    expect(before === undefined || rises, `\`${address}\` comes twice`);
  }

  #count(name: string, lineBytes: number): void {
    const frame = lineBytes - HEADER_LENGTH;
    const counts = this.#perType.get(name) ?? { events: 0, bytes: 0 };
    this.#perType.set(name, { events: counts.events + 1, bytes: counts.bytes + frame });
    this.#largestFrame = Math.max(this.#largestFrame, frame);
    this.#bytes += lineBytes + 1;
  }
}

function expect(holds: boolean, fault: string): asserts holds {
  if (!holds) throw new Error(fault);
}
