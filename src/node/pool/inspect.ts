/** What is in a pool, for a person: a table of types and kinds, and how large its events are. */
import { join } from "node:path";
import { FRAMES_FILE, HEADER_LENGTH, type PoolManifest } from "../../pool/format.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import { readLines } from "./lines.ts";
import type { Progress } from "./progress.ts";
import { readPool } from "./read.ts";

const BAR_WIDTH = 40;

/** Reads a pool whole and describes it. Throws `ConfigError` for one that is damaged. */
export async function inspectPool(
  dir: string,
  onReading?: (progress: Progress) => void,
): Promise<string> {
  const { manifest } = await readPool(dir, onReading);
  /** Frames by the power of two above their size. */
  const sizes = new Map<number, number>();
  for await (const lines of readLines(join(dir, FRAMES_FILE))) {
    for (const { length } of lines) {
      const power = Math.ceil(Math.log2(length - HEADER_LENGTH));
      sizes.set(power, (sizes.get(power) ?? 0) + 1);
    }
  }
  return [
    `${dir}: ${formatCount(manifest.events)} events in ${formatCount(manifest.sets)} sets, ${formatBytes(manifest.bytes)}, ${describeSource(manifest)}`,
    `created_at from ${dateOf(manifest.createdAt.min)} to ${dateOf(manifest.createdAt.max)}`,
    "",
    ...typeRows(manifest),
    "",
    ...kindRows(manifest),
    "",
    ...sizeRows(sizes),
    "",
  ].join("\n");
}

function describeSource({ seed, source }: PoolManifest): string {
  if (source === undefined) return `seed ${seed}`;
  return "replay" in source ? "replayed from a file" : `seed ${seed}, with builders of the user's`;
}

function typeRows({ perType, events, largestFrame }: PoolManifest): readonly string[] {
  const rows = Object.entries(perType).map(([name, { events: count, bytes }]) => {
    const mean = formatBytes(count === 0 ? null : bytes / count);
    return row(name, formatCount(count), `${((100 * count) / events).toFixed(1)} %`, mean);
  });
  const largest = row("largest", "", "", formatBytes(largestFrame));
  return [row("type", "events", "share", "mean frame"), ...rows, largest];
}

function kindRows({ expected = {} }: PoolManifest): readonly string[] {
  const rows = Object.entries(expected).map(([kind, of]) => {
    const counts = [of.events, of.stored, of.deleted].map(formatCount);
    return row(`kind ${kind}`, ...counts, of.class);
  });
  return [row("kind", "events", "a relay keeps", "of it deleted", "class"), ...rows];
}

function sizeRows(sizes: ReadonlyMap<number, number>): readonly string[] {
  const powers = [...sizes].sort(([a], [b]) => a - b);
  const most = Math.max(...sizes.values());
  return powers.map(([power, count]) => {
    const bar = "█".repeat(Math.ceil((BAR_WIDTH * count) / most));
    return `up to ${formatBytes(2 ** power).padStart(8)} ${formatCount(count).padStart(12)} ${bar}`;
  });
}

function row(name: string, ...cells: readonly string[]): string {
  return [name.padEnd(20), ...cells.map((cell) => cell.padStart(14))].join(" ");
}

function dateOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  // Pools from before may hold a replayed event of a time that no calendar has.
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().slice(0, 19);
}
