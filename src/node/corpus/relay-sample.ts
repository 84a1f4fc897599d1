/**
 * What a relay holds, as far as questions about it need to know: the newest events of each kind that some shape asks
 * for, page by page. Read only.
 */
import { ConfigError, Interrupted } from "../../errors.ts";
import type { Filter, NostrEvent } from "../../nostr/wire.ts";
import { formatCount } from "../../report/format.ts";
import { openReader, type RelayReader, Unanswered } from "../audit/relay-reader.ts";
import type { Admission } from "../guard/gate.ts";
import type { Terminal } from "../terminal.ts";

/** Profiles, notes, contact lists, reposts, reactions, articles; notes are what most questions are about. */
const SHARES: readonly (readonly [kind: number, share: number])[] = [
  [1, 0.4],
  [7, 0.2],
  [0, 0.1],
  [3, 0.1],
  [6, 0.1],
  [30_023, 0.1],
];
const MOST_EVENTS = 5_000;
const PAGE = 250;

export interface SampleRequest {
  readonly admissions: readonly Admission[];
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** At most 5,000 events in all, from every relay alike. Throws `ConfigError`, `Interrupted`. */
export async function sampleRelays(request: SampleRequest): Promise<readonly NostrEvent[]> {
  const { admissions, terminal, signal } = request;
  const events = new Map<string, NostrEvent>();
  for (const admission of admissions) {
    const { label } = admission.url;
    terminal.status(`corpus      reading what ${label} holds`);
    try {
      const most = MOST_EVENTS / admissions.length;
      for (const event of await sampleOne(admission, most, signal)) events.set(event.id, event);
    } catch (cause) {
      if (signal.aborted) throw new Interrupted("interrupted before anything was sent", { cause });
      if (!(cause instanceof Unanswered)) throw cause;
      throw new ConfigError(`\`${label}\` can't be asked what it holds: ${cause.message}`, {
        cause,
      });
    }
  }
  terminal.note(`corpus      ${formatCount(events.size)} events read, to ask about`);
  return [...events.values()];
}

async function sampleOne(
  admission: Admission,
  most: number,
  signal: AbortSignal,
): Promise<readonly NostrEvent[]> {
  const reader = await openReader(admission);
  const stop = () => reader.close("interrupted");
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    const events: NostrEvent[] = [];
    for (const [kind, share] of SHARES) {
      events.push(...(await readNewest(reader, kind, Math.floor(most * share))));
    }
    return events;
  } finally {
    signal.removeEventListener("abort", stop);
    reader.close();
  }
}

async function readNewest(
  reader: RelayReader,
  kind: number,
  most: number,
): Promise<readonly NostrEvent[]> {
  const events = new Map<string, NostrEvent>();
  let filter: Filter = { kinds: [kind], limit: Math.min(PAGE, most) };
  for (let before = -1; events.size > before && events.size < most; ) {
    before = events.size;
    const answer = await reader.ask([filter]);
    if (answer.status === "refused") throw new Unanswered(answer.text);
    const asked = answer.events.filter((event) => event.kind === kind);
    for (const event of asked) if (events.size < most) events.set(event.id, event);
    if (asked.length === 0) break;
    // Of a page that is of one second whole, nothing new comes, and that ends it.
    filter = { ...filter, until: Math.min(...asked.map(({ created_at }) => created_at)) };
  }
  return [...events.values()];
}
