/** Where a run is, from the slices its VUs log: for the progress line, and for a report without k6's. */
import { Histogram, quantile } from "../measure/histogram.ts";
import { addCounts, type Column, noCounts } from "../measure/outcome.ts";
import { type Phase, type Slice, sliceLengthMs } from "../measure/slice.ts";
import type { Plan } from "../plan/plan.ts";
import { formatCount, formatMs } from "../report/format.ts";

/** The rate that is shown is that of the last seconds. */
const RECENT_MS = 3_000;

export class LiveRun {
  readonly slices: Slice[] = [];
  /** Unix ms of the start of the measured window; `null` before it is known. */
  windowStartUnixMs: number | null = null;
  readonly #plan: Plan;
  readonly #rows: number;
  readonly #counts: Record<Column, number> = noCounts();
  readonly #response = new Histogram();
  readonly #open = new Map<number, number>();
  readonly #phases = new Map<number, Phase>();
  #errors = 0;
  /** The same start, ms since the start of the test. */
  #windowStartMs: number | null = null;
  /** Of the last slices: when each came, and what was sent in it. */
  #recent: { readonly atMs: number; readonly attempted: number }[] = [];

  /** `rows`: event types of one phase. */
  constructor(plan: Plan, rows: number) {
    this.#plan = plan;
    this.#rows = rows;
  }

  add(slice: Slice, nowUnixMs: number): void {
    this.slices.push(slice);
    this.#open.set(slice.vu, slice.connectionsOpen);
    this.#phases.set(slice.vu, slice.phase);
    if (slice.windowStartMs !== null) {
      const start = nowUnixMs - (slice.atMs - slice.windowStartMs);
      this.windowStartUnixMs = Math.min(this.windowStartUnixMs ?? start, start);
      this.#windowStartMs = Math.min(
        this.#windowStartMs ?? slice.windowStartMs,
        slice.windowStartMs,
      );
    }
    const before = this.#counts.attempted;
    for (const [row, ...cells] of slice.counts)
      if (row < this.#rows) addCounts(this.#counts, cells);
    this.#recent.push({ atMs: slice.atMs, attempted: this.#counts.attempted - before });
    for (let row = 0; row < this.#rows; row++) {
      const data = slice.histograms[`r${row}`];
      if (data) this.#response.add(data);
    }
    this.#errors += slice.errors.reduce((sum, error) => sum + error.count, 0);
  }

  /**
   * One line: phase, connections, the rate set and that of the last seconds (behind the window: its mean),
   * accepted, failed or unsent, errors, p95 so far, time left.
   */
  describe(nowUnixMs: number): string {
    const { clients, rateEps, durationSec } = this.#plan;
    const open = [...this.#open.values()].reduce((sum, n) => sum + n, 0);
    const connections = `${formatCount(open)}/${formatCount(clients)} connections`;
    const start = this.windowStartUnixMs;
    const phase = this.#phase();
    if (start === null || phase === "connect")
      return `connect  ${connections}, ${this.#errors} errors`;
    const elapsedSec = Math.max(0, (nowUnixMs - start) / 1_000);
    if (phase === "warmup")
      return `warm-up  ${connections}, ${Math.max(0, Math.ceil((start - nowUnixMs) / 1_000))} s left`;
    const rate =
      phase === "window"
        ? this.#currentRate()
        : this.#counts.attempted / Math.max(0.1, Math.min(elapsedSec, durationSec));
    const { rejected, timedOut, lost, backpressure, noConnection, poolExhausted } = this.#counts;
    const failed = rejected + timedOut + lost + backpressure + noConnection + poolExhausted;
    const p95 = quantile(this.#response.toData(), 0.95);
    const leftSec = Math.max(0, Math.ceil(durationSec - elapsedSec));
    return (
      `${phase.padEnd(8)} ${connections}, ${rate.toFixed(0)} of ${rateEps} events/s, ` +
      `${formatCount(this.#counts.accepted)} accepted, ${formatCount(failed)} failed or unsent, ${formatCount(this.#errors)} errors, ` +
      `response p95 ${formatMs(p95)}, ${leftSec} s left`
    );
  }

  /** Events a second over the last seconds: the mean so far would hide an outage behind what went before it. */
  #currentRate(): number {
    const spanMs = Math.max(RECENT_MS, sliceLengthMs(this.#plan.durationSec));
    const lastMs = Math.max(0, ...this.#recent.map(({ atMs }) => atMs));
    this.#recent = this.#recent.filter(({ atMs }) => atMs > lastMs - spanMs);
    const sent = this.#recent.reduce((sum, { attempted }) => sum + attempted, 0);
    const seenMs = Math.min(spanMs, lastMs - (this.#windowStartMs ?? lastMs));
    return sent / Math.max(0.1, seenMs / 1_000);
  }

  #phase(): Phase {
    const order: readonly Phase[] = ["connect", "warmup", "window", "drain", "done"];
    const seen = [...this.#phases.values()];
    return order.find((phase) => seen.includes(phase)) ?? "connect";
  }
}
