/** What one class of work counts in a VU: a cell for each column and row, and the histograms of its times. */
import type { ClassOfWork } from "./class-of-work.ts";
import { type ClassName, classOf, type TimeOf } from "./classes.ts";
import { type DetachedHistogram, Histogram } from "./histogram.ts";
import type { SliceRows } from "./slice.ts";

export class Book<C extends ClassName = ClassName> {
  /** By column of the class: one cell a row; rows of the warm-up, where it has them, behind the others. */
  readonly columns: readonly Float64Array[];
  /** By time of the class: one histogram a row. */
  readonly times: Readonly<Record<TimeOf<C>, readonly Histogram[]>>;
  /** How late its schedule was. */
  readonly lag = new Histogram();
  /** For k6's own trends, now and then: a row, then a value in ms of each time that has a trend. */
  samples: number[] = [];
  readonly #name: C;

  /** `rows`: without those of the warm-up. */
  constructor(name: C, rows: number) {
    const row: ClassOfWork = classOf(name);
    const all = row.hasWarmup ? rows * 2 : rows;
    this.#name = name;
    this.columns = row.columns.map(() => new Float64Array(all));
    this.times = Object.fromEntries(
      Object.keys(row.times).map((time) => [
        time,
        Array.from({ length: all }, () => new Histogram()),
      ]),
    ) as unknown as Record<TimeOf<C>, readonly Histogram[]>;
  }

  /** Adds to a column of a row. */
  count(row: number, column: number, n = 1): void {
    const cells = this.columns[column];
    if (cells) cells[row] = (cells[row] ?? 0) + n;
  }

  /** All counts since the last call; empty when there were none. */
  takeRows(): SliceRows {
    const rows: (readonly [number, ...number[]])[] = [];
    for (let row = 0; row < (this.columns[0]?.length ?? 0); row++) {
      const cells = this.columns.map((column) => column[row] ?? 0);
      if (cells.some((n) => n !== 0)) rows.push([row, ...cells]);
    }
    for (const column of this.columns) column.fill(0);
    return rows;
  }

  /** All times since the last call, each under the key that a slice has for it; gives how many were below zero. */
  takeTimes(into: Record<string, DetachedHistogram>): number {
    let below = 0;
    for (const [time, histograms] of Object.entries<readonly Histogram[]>(this.times)) {
      histograms.forEach((histogram, row) => {
        below += histogram.below;
        const taken = histogram.detach();
        if (taken !== null) into[timeKey(this.#name, time, row)] = taken;
      });
    }
    const lag = this.lag.detach();
    if (lag !== null) into[lagKey(this.#name)] = lag;
    return below;
  }

  takeSamples(): readonly number[] {
    const { samples } = this;
    this.samples = [];
    return samples;
  }
}

/** Under which a slice has the times of a row. */
export function timeKey(name: ClassName, time: string, row: number): string {
  return `${name}.${time}.${row}`;
}

/** Under which a slice has the lag of a class's schedule. */
export function lagKey(name: ClassName): string {
  return `${name}.lag`;
}
