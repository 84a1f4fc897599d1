/** Where a run is, from the slices its VUs log: for the progress line, and for a report without k6's. */
import { timeKey } from "../measure/book.ts";
import { type ClassName, classOf } from "../measure/classes.ts";
import { Histogram, quantile } from "../measure/histogram.ts";
import { type Phase, type Slice, sliceLengthMs } from "../measure/slice.ts";
import type { Plan } from "../plan/plan.ts";
import { SCENARIOS } from "../plan/scenarios.ts";
import type { PoolManifest } from "../pool/format.ts";
import { formatCount, formatMs } from "../report/format.ts";
import { rowNames, targetOf } from "../report/rows.ts";

/** The rate that is shown is that of the last seconds. */
const RECENT_MS = 3_000;

export class LiveRun {
  readonly slices: Slice[] = [];
  /** Unix ms of the start of the measured window; `null` before it is known. */
  windowStartUnixMs: number | null = null;
  readonly #plan: Plan;
  /** The class that the scenario is about, and how many rows it has in the window. */
  readonly #class: ClassName;
  readonly #rows: number;
  readonly #counts: Record<string, number> = {};
  readonly #response = new Histogram();
  readonly #open = new Map<number, number>();
  readonly #phases = new Map<number, Phase>();
  #errors = 0;
  /** The same start, ms since the start of the test. */
  #windowStartMs: number | null = null;
  /** Of the last slices: when each came, and what was sent in it. */
  #recent: { readonly atMs: number; readonly attempted: number }[] = [];

  constructor(plan: Plan, pool: PoolManifest) {
    this.#plan = plan;
    const names = rowNames(plan.scenario, pool);
    this.#class = SCENARIOS[plan.scenario].leads;
    this.#rows = names[this.#class]?.length ?? 0;
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
    const { columns, sent } = classOf(this.#class);
    const before = this.#counts[sent] ?? 0;
    for (const [row, ...cells] of slice.classes[this.#class] ?? []) {
      if (row >= this.#rows) continue;
      columns.forEach((column, i) => {
        this.#counts[column] = (this.#counts[column] ?? 0) + (cells[i] ?? 0);
      });
    }
    this.#recent.push({ atMs: slice.atMs, attempted: (this.#counts[sent] ?? 0) - before });
    for (let row = 0; row < this.#rows; row++) {
      const data = slice.histograms[timeKey(this.#class, "response", row)];
      if (data) this.#response.add(data);
    }
    this.#errors += slice.errors.reduce((sum, error) => sum + error.count, 0);
  }

  /**
   * One line: phase, connections, the rate set and that of the last seconds (behind the window: its mean),
   * accepted, failed or unsent, errors, p95 so far, time left.
   */
  describe(nowUnixMs: number): string {
    const { clients, durationSec } = this.#plan;
    const { many, sent, done, doneWord, failed: failures } = classOf(this.#class);
    const target = targetOf(this.#class, this.#plan);
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
        : (this.#counts[sent] ?? 0) / Math.max(0.1, Math.min(elapsedSec, durationSec));
    const failed = failures.reduce((sum, column) => sum + (this.#counts[column] ?? 0), 0);
    const p95 = quantile(this.#response.toData(), 0.95);
    const leftSec = Math.max(0, Math.ceil(durationSec - elapsedSec));
    return (
      `${phase.padEnd(8)} ${connections}, ${rate.toFixed(0)} of ${target ?? 0} ${many}/s, ` +
      `${formatCount(this.#counts[done] ?? 0)} ${doneWord}, ${formatCount(failed)} failed or unsent, ${formatCount(this.#errors)} errors, ` +
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
