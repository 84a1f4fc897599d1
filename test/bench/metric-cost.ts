/**
 * What each record that is kept of an event costs: the script is bundled once as it is and once without
 * each of them, by leaving out its line, and saturated. `everyTrend` goes the other way: it adds what k6's
 * own trend would cost for every event instead of every so many.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { bundleScripts } from "../../build/bundle.ts";
import { type K6Figures, type K6Load, median, type PoolRig, runK6 } from "./k6-run.ts";

interface Variant {
  readonly name: string;
  /** Lines of `k6/lib/publish/pump.ts` that are replaced, each of which must be there once. */
  readonly lines: readonly (readonly [line: string, by: string])[];
}

const RESPONSE = `    let histogram = response[row] as Histogram;
    let bucket = BUCKETS[(responseMs * UNITS_PER_MS) >>> 0];
    if (bucket === undefined || responseMs > histogram.known) histogram.record(responseMs);
    else (histogram.counts[bucket] as number)++;
`;
const DECLARED = `    let histogram: Histogram;
    let bucket: number | undefined;
`;
const SERVICE = `    histogram = service[row] as Histogram;
    bucket = BUCKETS[(serviceMs * UNITS_PER_MS) >>> 0];
    if (bucket === undefined || serviceMs > histogram.known) histogram.record(serviceMs);
    else (histogram.counts[bucket] as number)++;
`;
const SCHEDULE_LAG = `          const lagMs = atMs - (heldUntilMs > nextDueMs ? heldUntilMs : nextDueMs);
          const bucket = BUCKETS[(lagMs * UNITS_PER_MS) >>> 0];
          if (bucket === undefined || lagMs > scheduleLag.known) scheduleLag.record(lagMs);
          else (scheduleLag.counts[bucket] as number)++;
`;
const LOOKS = "          look(client, receivedMs);\n";
const SAMPLES =
  "    if (++settled % sampleEvery === 0) book.samples.push(row, responseMs, serviceMs);\n";

export const VARIANTS: readonly Variant[] = [
  { name: "all as it is", lines: [] },
  { name: "without response histograms", lines: [[RESPONSE, DECLARED]] },
  { name: "without service histograms", lines: [[SERVICE, ""]] },
  { name: "without schedule lag", lines: [[SCHEDULE_LAG, ""]] },
  { name: "without loop and write lag (of 1,000 answers a second)", lines: [[LOOKS, ""]] },
  { name: "without samples for k6's trends", lines: [[SAMPLES, ""]] },
  {
    name: "without any of them",
    lines: [RESPONSE, SERVICE, SCHEDULE_LAG, LOOKS, SAMPLES].map((line) => [line, ""]),
  },
  {
    name: "with a k6 trend for every event",
    lines: [[SAMPLES, "    book.samples.push(row, responseMs, serviceMs);\n"]],
  },
];

export interface MetricCost {
  readonly name: string;
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Medians of so many rounds; in each round every variant runs once. */
export async function benchMetricCost(
  rig: PoolRig,
  load: K6Load,
  rounds: number,
): Promise<readonly MetricCost[]> {
  const figures = VARIANTS.map((): K6Figures[] => []);
  const dirs: string[] = [];
  try {
    for (const variant of VARIANTS) {
      const dir = await mkdtemp(join(rig.dir, "variant-"));
      dirs.push(dir);
      await bundleScripts(["k6/publish.ts"], dir, [replaceLines(variant)]);
    }
    for (let round = 0; round < rounds; round++) {
      for (const [i, dir] of dirs.entries()) figures[i]?.push(await runK6({ ...rig, dir }, load));
    }
  } finally {
    for (const dir of dirs) await rm(dir, { recursive: true, force: true });
  }
  return VARIANTS.map(({ name }, i) => ({
    name,
    perSecond: median(figures[i]?.map((f) => f.perSecond) ?? []),
    cpuMicros: median(figures[i]?.map((f) => f.cpuMicros) ?? []),
  }));
}

/**
 * The source of the hot path as the variant has it.
 *
 * @throws Error when a line of the variant is not there, or not only once
 */
export function applyVariant({ name, lines }: Variant, source: string): string {
  return lines.reduce((text, [line, by]) => {
    if (text.split(line).length === 2) return text.replace(line, by);
    throw new Error(
      `the bench's variant "${name}" does not find its line in k6/lib/publish/pump.ts`,
    );
  }, source);
}

function replaceLines(variant: Variant): Plugin {
  return {
    name: "bench-variant",
    setup({ onLoad }) {
      onLoad({ filter: /k6\/lib\/publish\/pump\.ts$/ }, async ({ path }) => ({
        contents: applyVariant(variant, await readFile(path, "utf8")),
        loader: "ts",
      }));
    },
  };
}
