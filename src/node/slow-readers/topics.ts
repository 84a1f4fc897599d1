/** What slow readers ask for: as many of a run's topics as a filter may name, read from the pool. */
import { join } from "node:path";
import { filterOfTopics } from "../../events/topic-filter.ts";
import { type FanoutPlan, topicsOfVu } from "../../plan/fanout.ts";
import { FRAMES_FILE, INDEX_STEP, type PoolManifest } from "../../pool/format.ts";
import { readLines } from "../pool/lines.ts";

/** strfry takes 2,047 authors in a filter, and others no frame above 64 kB. */
export const MOST_TOPICS = 500;

export interface AskedTopics {
  /** For a slow reader each, in turn. */
  readonly filters: readonly string[];
  /** All of the run, and those in each filter. */
  readonly topics: number;
  readonly topicsEach: number;
}

export async function topicFilters(
  dir: string,
  manifest: PoolManifest,
  { fanout, vus }: { readonly fanout: FanoutPlan; readonly vus: number },
): Promise<AskedTopics> {
  const ofVu = topicsOfVu(fanout, vus);
  const lines: string[] = [];
  for (let vu = 0; vu < vus; vu++) {
    // As `createFrameSource` cuts a pool: each part begins with an event of each of its topics.
    lines.push(...(await linesFrom(dir, manifest, Math.floor((manifest.events * vu) / vus), ofVu)));
  }
  const each = Math.min(MOST_TOPICS, lines.length);
  const filters = Array.from({ length: Math.ceil(lines.length / each) }, (_, i) => {
    const from = Math.min(i * each, lines.length - each);
    const own = lines.slice(from, from + each);
    return filterOfTopics(fanout.filter, own, manifest.createdAt.min);
  });
  return { filters, topics: lines.length, topicsEach: each };
}

async function linesFrom(
  dir: string,
  { index }: PoolManifest,
  first: number,
  count: number,
): Promise<readonly string[]> {
  const found: string[] = [];
  let skip = first % INDEX_STEP;
  const from = index[Math.floor(first / INDEX_STEP)] ?? 0;
  for await (const lines of readLines(join(dir, FRAMES_FILE), { from })) {
    for (const line of lines) {
      if (skip-- > 0) continue;
      found.push(line.toString());
      if (found.length === count) return found;
    }
  }
  return found;
}
