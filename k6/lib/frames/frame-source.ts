/** A VU's part of the pool, line by line; the next chunk is fetched while the current one is being sent. */
import { INDEX_STEP, type PoolManifest } from "../../../src/pool/format.ts";

/** Gives the whole lines of the next chunk; none at the end. */
export type ReadChunk = () => Promise<string[]>;
/** Starts reading at a byte offset that is the start of a line. */
export type OpenAt = (offset: number) => Promise<ReadChunk>;

/** `0`, the first part of a set. */
const FIRST_PART = 48;

/** The lines of one share of a pool, in order. */
export interface FrameSource {
  /** The next line with its header; `undefined` when there is none now, or none any more. */
  next(): string | undefined;
  /** The next chunk is on its way: `next` has nothing now and will have something soon. */
  isStarved(): boolean;
}

/**
 * Gives VU `share` of `shares` its part of the pool: the lines from `events × share / shares` on, up
 * to where the next VU begins. Both ends are moved to the start of a set, so that no set is cut.
 */
export async function createFrameSource(
  openAt: OpenAt,
  manifest: Pick<PoolManifest, "events" | "index" | "part">,
  share: number,
  shares: number,
): Promise<FrameSource> {
  const stretch = findStretch(manifest, share, shares);
  const chunks = createChunks(await openAt(stretch.byte));
  let lines = (await chunks.take()) ?? [];
  let at = stretch.skipped;
  while (at >= lines.length && lines.length > 0) {
    at -= lines.length;
    lines = (await chunks.take()) ?? [];
  }
  // The rest of a set that began before belongs to the VU before.
  let left = stretch.events;
  while (share > 0 && left > 0 && lines[at]?.charCodeAt(1) !== FIRST_PART) {
    left--;
    if (++at >= lines.length) {
      lines = (await chunks.take()) ?? [];
      at = 0;
    }
  }
  // No set begins in it: what it holds belongs to the VU before.
  const isEmpty = left <= 0;
  chunks.prefetch();

  const nextChunk = (): string | undefined => {
    const taken = chunks.takeReady();
    if (taken === undefined) return undefined;
    lines = taken;
    at = 0;
    return next();
  };
  /** Behind the end of the share, only what completes a set. */
  const nextBehindEnd = (line: string): string | undefined => {
    if (isEmpty || line.charCodeAt(1) === FIRST_PART) return undefined;
    at++;
    return line;
  };
  const next = (): string | undefined => {
    const line = lines[at];
    if (line === undefined) return nextChunk();
    if (left <= 0) return nextBehindEnd(line);
    left--;
    at++;
    return line;
  };
  return { next, isStarved: () => at >= lines.length && chunks.isReading() };
}

/** Where a share's lines are: so many behind a byte offset, and how many. */
function findStretch(
  { events, index, part }: Pick<PoolManifest, "events" | "index" | "part">,
  share: number,
  shares: number,
): { readonly byte: number; readonly skipped: number; readonly events: number } {
  if (part !== undefined) {
    const own = part.shares.find(([number]) => number === share);
    if (own === undefined) throw new Error(`the pool's part has no share ${share}`);
    return { byte: own[1], skipped: 0, events: own[2] };
  }
  const firstLine = Math.floor((events * share) / shares);
  const endLine = Math.floor((events * (share + 1)) / shares);
  const indexed = Math.floor(firstLine / INDEX_STEP);
  return {
    byte: index[indexed] ?? 0,
    skipped: firstLine - indexed * INDEX_STEP,
    events: endLine - firstLine,
  };
}

/** One chunk ahead of who takes them. */
function createChunks(readChunk: ReadChunk) {
  let ready: string[] | null = null;
  let reading: Promise<void> | null = null;
  let isEnded = false;

  const read = async (): Promise<void> => {
    const lines = await readChunk();
    if (lines.length === 0) isEnded = true;
    else ready = lines;
  };
  const prefetch = (): Promise<void> => {
    if (ready !== null || isEnded) return Promise.resolve();
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  const takeReady = (): string[] | undefined => {
    const lines = ready;
    ready = null;
    void prefetch();
    return lines ?? undefined;
  };
  return {
    prefetch,
    takeReady,
    isReading: () => reading !== null || ready !== null,
    take: async () => {
      await prefetch();
      return takeReady();
    },
  };
}
