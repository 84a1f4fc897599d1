import { EMPTY_HISTOGRAM, Histogram, type HistogramData, mergePair } from "./histogram.ts";

/** From so many on, counts of all buckets are cheaper than a new list for each. */
const FEW = 8;

/** Histograms added up one by one, exactly: a few by walking their buckets, many in place. */
export class HistogramSum {
  #few = EMPTY_HISTOGRAM;
  #parts = 0;
  #many: Histogram | null = null;

  add(data: HistogramData): void {
    if (data.count === 0) return;
    if (this.#many === null && this.#parts++ < FEW) {
      this.#few = mergePair(this.#few, data);
      return;
    }
    if (this.#many === null) {
      this.#many = new Histogram();
      this.#many.add(this.#few);
      this.#few = EMPTY_HISTOGRAM;
    }
    this.#many.add(data);
  }

  toData(): HistogramData {
    if (this.#many !== null) return this.#many.toData();
    // A single one may be kept as bytes (histogram-store.ts), of which JSON and `...` take a part only.
    const { unit, count, max, buckets } = this.#few;
    return { unit, count, max, buckets };
  }
}
