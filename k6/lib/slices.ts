/**
 * Slices on their way out of a VU. Cutting one off takes a moment; packing its histograms, handing it out
 * and feeding k6's metrics take a millisecond or two, which would make what is due meanwhile late: they
 * are done in pieces, one a turn of the VU.
 */
import { check } from "k6";
import { type PackedHistogram, packHistogram } from "../../src/measure/histogram.ts";
import type { Recorder, Samples } from "../../src/measure/recorder.ts";
import { type DetachedSlice, encodeSlice, type PackedSlice } from "../../src/measure/slice.ts";
import { toLines } from "../../src/merge/lines.ts";
import type { MetricFeed } from "./metrics.ts";

type Taken = ReturnType<Recorder["take"]>;

export class SliceDesk {
  readonly #recorder: Recorder;
  readonly #feedMetrics: MetricFeed;
  /** Log each slice too, for whoever watches the run. */
  readonly #live: boolean;
  #seq = 0;
  #pieces: (() => void)[] = [];

  constructor(recorder: Recorder, feedMetrics: MetricFeed, live: boolean) {
    this.#recorder = recorder;
    this.#feedMetrics = feedMetrics;
    this.#live = live;
  }

  get isBusy(): boolean {
    return this.#pieces.length > 0;
  }

  /** Cuts off all that was counted since the last slice. */
  cut(about: Omit<DetachedSlice, "seq" | keyof Taken>): void {
    this.finish();
    const samples = this.#recorder.takeSamples();
    const taken = this.#recorder.take();
    const slice = { ...about, seq: this.#seq++, ...taken };
    const histograms: Record<string, PackedHistogram> = {};
    this.#pieces = Object.entries(taken.histograms).map(([key, histogram]) => () => {
      histograms[key] = packHistogram(histogram);
    });
    this.#pieces.push(() => this.#handOut({ ...slice, histograms }, samples));
  }

  /** Does one piece of what is left. */
  work(): void {
    this.#pieces.shift()?.();
  }

  /** Does all that is left. */
  finish(): void {
    while (this.isBusy) this.work();
  }

  #handOut(slice: PackedSlice, samples: Samples): void {
    const text = encodeSlice(slice);
    check(null, { [text]: () => true });
    if (this.#live) {
      const id = `${slice.of ?? ""}.${slice.vu}.${slice.seq}`;
      for (const line of toLines(id, text)) console.log(line);
    }
    this.#pieces.push(...this.#feedMetrics(slice, samples));
  }
}
