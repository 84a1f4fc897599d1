/**
 * Events of a replay that preflight may try a relay with: held out of the frames, so that no event of the
 * run meets itself as a duplicate. They are the outermost ones (largest, oldest, newest, with the most
 * tags, with the longest content) and one of each kind, the commonest kinds first. A file too small to spare them
 * has none.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { PROBES_FILE } from "../../pool/format.ts";
import { loadVerifier } from "../relay/signatures.ts";
import { isEvent } from "./frame.ts";
import { readLines } from "./lines.ts";
import { findRefusal, MOST_LINE_BYTES, type ReplayTimes, readEvent } from "./replay-event.ts";

const MOST_PROBES = 16;
/** Fewer events spare none; of more, less than one in twenty is held out. */
const FEWEST_EVENTS = 100;
const LARGEST_SHARE = 0.05;
/** Of a kind that comes later, none is held out. */
const MOST_KINDS = 64;
/** Signatures are checked at the end: so many may be forged before an extreme goes without a probe. */
const SPARE = 3;
/** Tried beforehand, it would take away what the run sends. */
const DELETION_KIND = 5;

/** The events held out of a pool's frames; none where its file was too small, or it is no replay. */
export async function readProbes(poolDir: string): Promise<readonly NostrEvent[]> {
  const text = await readFile(join(poolDir, PROBES_FILE), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const event: unknown = JSON.parse(line);
    if (isEvent(event)) return event;
    throw new ConfigError(`the pool \`${poolDir}\` has damaged probes; make it again with --force`);
  });
}

export async function writeProbes(dir: string, probes: readonly NostrEvent[]): Promise<void> {
  if (probes.length === 0) return;
  await writeFile(join(dir, PROBES_FILE), probes.map((e) => `${JSON.stringify(e)}\n`).join(""));
}

/** Chooses the events of a file that are held out of its pool. Reads it once, and checks few signatures. */
export async function pickProbes(
  file: string,
  times: ReplayTimes,
  signal?: AbortSignal,
): Promise<readonly NostrEvent[]> {
  const picker = new ProbePicker();
  for await (const lines of readLines(file, { mostBytes: MOST_LINE_BYTES })) {
    signal?.throwIfAborted();
    for (const bytes of lines) {
      const text = bytes.length > MOST_LINE_BYTES ? "" : bytes.toString().trim();
      const read = text === "" ? null : readEvent(text.replace(/^\ufeff/, ""));
      if (read === null || "fault" in read || findRefusal(read.event, times) !== null) continue;
      picker.offer(read.event, bytes.length);
    }
  }
  const verify = await loadVerifier();
  return picker.choose((event) => verify(event) === undefined);
}

class ProbePicker {
  readonly #largest = new Best();
  readonly #oldest = new Best();
  readonly #newest = new Best();
  readonly #mostTags = new Best();
  readonly #longest = new Best();
  readonly #kinds = new Map<number, { count: number; readonly oldest: Best }>();
  #events = 0;

  offer(event: NostrEvent, bytes: number): void {
    this.#events++;
    const { kind, created_at, tags, content } = event;
    if (kind === DELETION_KIND) return;
    this.#largest.offer(bytes, event);
    this.#oldest.offer(-created_at, event);
    this.#newest.offer(created_at, event);
    this.#mostTags.offer(tags.length, event);
    this.#longest.offer(content.length, event);
    const known = this.#kinds.get(kind);
    if (known === undefined && this.#kinds.size === MOST_KINDS) return;
    const ofKind = known ?? { count: 0, oldest: new Best() };
    if (known === undefined) this.#kinds.set(kind, ofKind);
    ofKind.count++;
    // The oldest: of a replaceable kind, no version of the run is older, and so none is turned down.
    ofKind.oldest.offer(-created_at, event);
  }

  choose(isSound: (event: NostrEvent) => boolean): readonly NostrEvent[] {
    if (this.#events < FEWEST_EVENTS) return [];
    const most = Math.min(MOST_PROBES, Math.ceil(this.#events * LARGEST_SHARE) - 1);
    const kinds = [...this.#kinds.values()].sort((a, b) => b.count - a.count);
    const extremes = [this.#largest, this.#oldest, this.#newest, this.#mostTags, this.#longest];
    const chosen = new Map<string, NostrEvent>();
    for (const best of [...extremes, ...kinds.map(({ oldest }) => oldest)]) {
      if (chosen.size === most) break;
      const event = best.events.find(isSound);
      if (event !== undefined) chosen.set(event.id, event);
    }
    return [...chosen.values()];
  }
}

/** The few events with the highest scores, the first to come before its equals. */
class Best {
  #ranked: { readonly score: number; readonly event: NostrEvent }[] = [];

  get events(): readonly NostrEvent[] {
    return this.#ranked.map(({ event }) => event);
  }

  offer(score: number, event: NostrEvent): void {
    const last = this.#ranked.at(SPARE - 1);
    if (last !== undefined && score <= last.score) return;
    this.#ranked.push({ score, event });
    this.#ranked = this.#ranked.sort((a, b) => b.score - a.score).slice(0, SPARE);
  }
}
