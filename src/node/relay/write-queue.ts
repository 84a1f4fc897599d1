import type { EventStore, IncomingEvent, StoreOutcome } from "./store.ts";

/** What became of an event; `failure` is the storage's reason when nothing could be written. */
export type WriteResult = StoreOutcome | { readonly failure: string };

interface PendingWrite {
  readonly incoming: IncomingEvent;
  readonly settle: (result: WriteResult) => void;
}

/**
 * About 8 ms of verification: long enough to share one disk flush among many events, short enough
 * that the first event of a full batch does not wait long for the last.
 */
const MAX_BATCH = 32;

/**
 * Group commit: the events that arrive within one turn of the event loop share a transaction.
 * No timer is involved, so a lone event is written at once, and batches grow with the load.
 */
export class WriteQueue {
  readonly #store: EventStore;
  #pending: PendingWrite[] = [];
  #isScheduled = false;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Adds an event; `settle` is called after the commit, before `flush` returns at the latest. */
  add(incoming: IncomingEvent, settle: (result: WriteResult) => void): void {
    this.#pending.push({ incoming, settle });
    if (this.#pending.length >= MAX_BATCH) {
      this.flush();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  /** Writes and settles everything that is pending. */
  flush(): void {
    const batch = this.#pending;
    if (batch.length === 0) return;
    this.#pending = [];
    const results = this.#write(batch.map(({ incoming }) => incoming));
    batch.forEach(({ settle }, at) => {
      settle(results[at] ?? { failure: "no result" });
    });
  }

  #write(batch: readonly IncomingEvent[]): readonly WriteResult[] {
    try {
      return this.#store.writeAll(batch);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      return batch.map(() => ({ failure }));
    }
  }
}
