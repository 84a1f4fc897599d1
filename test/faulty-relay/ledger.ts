/**
 * What the faulty relay saw and did, event by event: the truth that a report is held against. It is
 * kept by the relay alone and knows nothing of the load generator.
 */
import type { Frame, Meaning } from "./frames.ts";
import { QueryLedger } from "./query-ledger.ts";

export interface LedgerEvent {
  readonly id: string;
  readonly kind: number;
  readonly connection: number;
  /** `performance.now()` when the frame was read. */
  readonly receivedMs: number;
  readonly answers: { readonly frame: Frame; readonly sentMs: number }[];
}

const OUTCOMES: readonly Meaning[] = ["accepted", "duplicate", "superseded", "unheard", "rejected"];

export class Ledger {
  readonly events: LedgerEvent[] = [];
  readonly queries = new QueryLedger();
  /** Every frame that left, whether it answered an event or not. */
  readonly frames: Frame[] = [];
  /** Handshakes begun, and completed. */
  taken = 0;
  opened = 0;
  /** Handshakes turned down, by the name that a true report has for it. */
  readonly refusals: string[] = [];
  /** Connections that the relay ended while their client wanted them: by code or by how. */
  readonly cuts: string[] = [];

  /** A frame was sent that is no answer to an event, or is one. */
  note(frame: Frame, connection: number, atMs: number): void {
    this.frames.push(frame);
    const { told, data } = frame;
    if (told === undefined) return;
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.queries.tell(connection, { told, text, atMs });
  }

  count(meaning: Meaning): number {
    return this.frames.filter(({ means }) => means === meaning).length;
  }

  /** Events that got no answer while it was awaited. */
  get unanswered(): number {
    return this.events.filter((event) => !isAnswered(event)).length;
  }

  /** All errors that a true report must have of this relay's doing: `class/code` → how often. */
  errors(): Record<string, number> {
    const names = this.frames.flatMap(({ error }) => error ?? []);
    return tally([
      ...names,
      ...this.cuts.map((how) => `close/${how}`),
      ...this.refusals.map((how) => `connect/${how}`),
    ]);
  }

  /** Times in ms between reading an event and answering it, rising. */
  delaysMs(of: (event: LedgerEvent) => boolean = () => true): readonly number[] {
    return this.events
      .filter((event) => of(event) && isAnswered(event))
      .map(({ receivedMs, answers }) => (answers[0]?.sentMs ?? receivedMs) - receivedMs)
      .sort((a, b) => a - b);
  }
}

function isAnswered({ answers }: LedgerEvent): boolean {
  return answers.some(({ frame }) => OUTCOMES.includes(frame.means));
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
