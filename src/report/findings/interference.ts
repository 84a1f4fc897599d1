/**
 * Publishes that wait where queries come, and the other way round. Both are sent by schedules of their own, so how
 * many are due in a slice is no consequence of how slow the relay is: that is what times are held against.
 */
import { publishOf, queryOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { evidence, type Rule } from "./rule.ts";
import { mean, median } from "./view.ts";

/** With so many a rank correlation of 0.3 is hardly chance: more than twice its standard error. */
const LEAST_SLICES = 60;
/** The busiest third of the slices has so many times as much due as the calmest. */
const LEAST_CONTRAST = 2;
/** What comes in the busiest third takes so much longer. */
const SLOWER = { factor: 2, leastMs: 10 };
const MANY_MS = 200;
/** Rank correlation over all slices, of times that mostly hang on the moment; more than with the load of the own class. */
const LEAST_RANK = 0.3;
const SURE = { rank: 0.7, slices: 120 };

/** A slice: due of the own class; of the other with the slice before, whose work may go on; what the own one took. */
interface Moment {
  readonly own: number;
  readonly other: number;
  readonly p99: number;
}

interface Contrast {
  readonly slices: number;
  readonly calmMs: number;
  readonly busyMs: number;
  readonly calmDue: number;
  readonly busyDue: number;
  readonly rank: number;
  readonly ownRank: number;
}

export const starvedPublishes = ruleFor({
  id: "starved-publishes",
  own: "publish",
  title: (calm, busy) =>
    `Publishes wait for queries: ${busy} ms where many come, ${calm} where few`,
  remediation:
    "Read and write on threads of their own, and let no query hold the lock or the loop that an OK needs: a bound on the rows or the time of a query, a connection to the store that only reads.",
});

export const starvedQueries = ruleFor({
  id: "starved-queries",
  own: "query",
  title: (calm, busy) =>
    `Queries wait for publishes: ${busy} ms where many come, ${calm} where few`,
  remediation:
    "Let readers go on while events are written: a store with snapshots (LMDB, SQLite's WAL), writes in groups, and checking signatures away from the thread that answers.",
});

interface Words {
  readonly id: string;
  readonly own: "publish" | "query";
  readonly title: (calmMs: string, busyMs: string) => string;
  readonly remediation: string;
}

function ruleFor({ id, own, title, remediation }: Words): Rule {
  const other = own === "publish" ? "query" : "publish";
  return {
    id,
    of: ["query"],
    explains: own === "publish" ? ["tail"] : ["slow-queries"],
    find({ report, relayCpu }) {
      const contrast = contrastOf(momentsOf(report, own));
      if (contrast === null || !isStarved(contrast)) return null;
      const { slices, calmMs, busyMs, calmDue, busyDue, rank, ownRank } = contrast;
      const isSure = rank >= SURE.rank && slices >= SURE.slices;
      const { scheduled } = own === "publish" ? publishOf(report).totals : queryOf(report).totals;
      return {
        severity: busyMs - calmMs >= MANY_MS ? "major" : "minor",
        // Two that rise together are not yet cause and effect.
        confidence: isSure ? "medium" : "low",
        title: title(calmMs.toFixed(0), busyMs.toFixed(0)),
        evidence: [
          evidence(`${own} service p99 in the busiest third, ms`, busyMs, calmMs),
          evidence(`of class ${other} due in two slices then`, busyDue, calmDue),
          evidence(`rank correlation with what is due of ${other}`, rank, LEAST_RANK),
        ],
        counterEvidence: [
          evidence(`rank correlation with what is due of ${own}`, ownRank, rank),
          evidence("slices that were looked at", slices, SURE.slices),
          evidence("generator.loopLag.p99", report.generator.loopLag.p99, busyMs),
          evidence("relay.cpuPercent", relayCpu, "near 100 if it is short of processor anyway"),
        ],
        remediation: `${remediation} A run of each class alone, at the same rate, tells for certain.`,
        labels: ["performance", "interference"],
        cost: scheduled === 0 ? 0 : (busyMs - calmMs) / 3,
      };
    },
  };
}

function momentsOf(report: Report, own: "publish" | "query"): readonly Moment[] {
  const { publish, query } = report.classes;
  if (publish === undefined || query === undefined) return [];
  return publish.series.flatMap((point, i) => {
    const beside = query.series[i];
    if (beside === undefined || point.t >= report.run.durationSec) return [];
    const [self, others] = own === "publish" ? [point, query.series] : [beside, publish.series];
    const { p99 } = self.times.service;
    if (p99 === null) return [];
    const dueOf = (at: number) => others[at]?.counts.scheduled ?? 0;
    return [{ own: self.counts.scheduled, other: dueOf(i) + dueOf(i - 1), p99 }];
  });
}

function contrastOf(moments: readonly Moment[]): Contrast | null {
  if (moments.length < LEAST_SLICES) return null;
  const byOther = [...moments].sort((a, b) => a.other - b.other);
  const third = Math.floor(byOther.length / 3);
  const [calm, busy] = [byOther.slice(0, third), byOther.slice(-third)];
  const times = (of: readonly Moment[]) => median(of.map(({ p99 }) => p99)) ?? 0;
  const due = (of: readonly Moment[]) => mean(of.map(({ other }) => other)) ?? 0;
  const p99s = moments.map(({ p99 }) => p99);
  return {
    slices: moments.length,
    calmMs: times(calm),
    busyMs: times(busy),
    calmDue: due(calm),
    busyDue: due(busy),
    rank: correlate(
      moments.map(({ other }) => other),
      p99s,
    ),
    ownRank: correlate(
      moments.map(({ own }) => own),
      p99s,
    ),
  };
}

function isStarved({ calmMs, busyMs, calmDue, busyDue, rank, ownRank }: Contrast): boolean {
  return (
    busyDue >= Math.max(1, calmDue * LEAST_CONTRAST) &&
    busyMs >= calmMs * SLOWER.factor &&
    busyMs - calmMs >= SLOWER.leastMs &&
    rank >= LEAST_RANK &&
    rank > ownRank
  );
}

/** Spearman's rank correlation; 0 where one of them does not change. */
function correlate(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [ranksOf(left), ranksOf(right)];
  const middle = (left.length - 1) / 2;
  let [both, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < left.length; i++) {
    const [x, y] = [(a[i] ?? 0) - middle, (b[i] ?? 0) - middle];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return ofA === 0 || ofB === 0 ? 0 : both / Math.sqrt(ofA * ofB);
}

/** Places in order; equal ones share the middle of theirs. */
function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks: number[] = [];
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1] ?? 0] === values[order[from] ?? 0]) to++;
    for (let i = from; i <= to; i++) ranks[order[i] ?? 0] = (from + to) / 2;
    from = to + 1;
  }
  return ranks;
}
