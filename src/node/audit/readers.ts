/**
 * Connections to ask relays by. One that is held from before the run is let in where a relay takes no more
 * behind a run's thousands (HTTP 429, a limit by address); one that is opened late is tried again.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Admission } from "../guard/gate.ts";
import { openReader, type ReaderTimes, type RelayReader, Unanswered } from "./relay-reader.ts";

const PAUSES_MS: readonly number[] = [1_000, 3_000];

export class Readers {
  readonly #held = new Map<string, RelayReader>();
  readonly #pausesMs: readonly number[];

  /** `pausesMs`: before each further try where a held connection was lost. */
  constructor(pausesMs = PAUSES_MS) {
    this.#pausesMs = pausesMs;
  }

  /** Opens one to each relay; where that fails, the asking later says why. */
  async hold(admissions: readonly Admission[], times?: ReaderTimes): Promise<void> {
    for (const admission of admissions) {
      try {
        this.#held.set(admission.url.label, await openReader(admission, times));
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
      }
    }
  }

  /**
   * Asks by the connection that is held, or by a new one, which is closed behind it. `limit` ends both. Throws
   * `Unanswered`.
   */
  async use<T>(
    admission: Admission,
    limit: AbortSignal,
    ask: (reader: RelayReader) => Promise<T>,
    times?: ReaderTimes,
  ): Promise<T> {
    const held = this.#held.get(admission.url.label);
    const reader = held?.isOpen === true ? held : await this.#open(admission, limit, times);
    const onLimit = () => reader.close("it took too long or was interrupted");
    limit.addEventListener("abort", onLimit);
    if (limit.aborted) onLimit();
    try {
      return await ask(reader);
    } finally {
      limit.removeEventListener("abort", onLimit);
      if (reader !== held) reader.close();
    }
  }

  close(): void {
    for (const reader of this.#held.values()) reader.close();
    this.#held.clear();
  }

  /** A relay whose connections were all just ended may count them for a moment. */
  async #open(admission: Admission, limit: AbortSignal, times?: ReaderTimes): Promise<RelayReader> {
    const pauses = this.#held.has(admission.url.label) ? this.#pausesMs : [];
    for (const ms of pauses) {
      try {
        return await openReader(admission, times);
      } catch (error) {
        if (!(error instanceof Unanswered) || limit.aborted) throw error;
      }
      await pause(ms);
    }
    return await openReader(admission, times);
  }
}
