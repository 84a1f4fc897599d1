/**
 * Whether others have answered to events of a corpus, or follow its people: a COUNT (NIP-45) counts them too, and nothing
 * in its answer says so. They are read beforehand, as many as take a second or two.
 */
import type { NostrEvent } from "../../nostr/wire.ts";
import { findShape, parseQueryMix } from "../../query/catalogue.ts";
import type { Corpus } from "../../query/corpus.ts";
import { Keys } from "../../query/keys.ts";
import { seededRandom } from "../../random.ts";
import { openReader, type RelayReader, Unanswered } from "../audit/relay-reader.ts";
import type { Admission } from "../guard/gate.ts";

/** Of a kind. A relay that holds more may hold anything among them. */
const MOST_READ = 20_000;
/** Relays clamp it to less. */
const PAGE = 500;

export interface OwnRequest {
  /** What the relay holds of the corpus. */
  readonly corpus: Corpus;
  /** All that was made of it: what the relay should have replaced is no event of others. */
  readonly own: ReadonlySet<string>;
  /** Of the questions. */
  readonly mix: string;
  readonly signal: AbortSignal;
}

/**
 * `false` where a COUNT of the mix may count others' events as well, or where that can't be found out; `null` where
 * nothing is counted.
 */
export async function countsOwnAlone(
  admission: Admission,
  request: OwnRequest,
): Promise<boolean | null> {
  const kinds = countedKinds(request);
  if (kinds === null) return false;
  if (kinds.length === 0) return null;
  const { corpus, own, signal } = request;
  const about = new Set(corpus.events.flatMap(namedBy));
  const isOfOthers = ({ id, tags }: NostrEvent) =>
    !own.has(id) && tags.some(([, value = ""]) => about.has(value));
  const reader = await openReader(admission);
  const stop = () => reader.close("interrupted");
  signal.addEventListener("abort", stop);
  try {
    for (const kind of kinds) {
      const read = await readAll(reader, kind, corpus);
      if (read === null || read.some(isOfOthers)) return false;
    }
    return true;
  } catch (error) {
    if (!(error instanceof Unanswered) || signal.aborted) throw error;
    return false;
  } finally {
    signal.removeEventListener("abort", stop);
    reader.close();
  }
}

/** What an event may be counted for: its id, its author, and whom or what it names itself. */
function namedBy({ id, pubkey, tags }: NostrEvent): readonly string[] {
  const named = tags.filter(([name]) => name === "e" || name === "p");
  return [id, pubkey, ...named.map(([, value = ""]) => value)];
}

/** Kinds that the COUNTs of a mix are of; `null` where one is of any kind. */
function countedKinds({ mix, corpus }: OwnRequest): readonly number[] | null {
  const keys = new Keys(corpus, "uniform", seededRandom("counted", "kinds"));
  const shapes = Object.keys(parseQueryMix(mix)).flatMap((name) => findShape(name) ?? []);
  const filters = shapes.flatMap(({ verb, ask }) => (verb === "COUNT" ? (ask(keys) ?? []) : []));
  const kinds = new Set<number>();
  for (const filter of filters) {
    if (filter.kinds === undefined) return null;
    for (const kind of filter.kinds) kinds.add(kind);
  }
  return [...kinds];
}

/** All events of a kind, from the newest on; `null` where it is not sure that these are all. */
async function readAll(
  reader: RelayReader,
  kind: number,
  corpus: Corpus,
): Promise<readonly NostrEvent[] | null> {
  const read = new Map<string, NostrEvent>();
  let until: number | undefined;
  while (read.size <= MOST_READ) {
    const before = read.size;
    const page = { kinds: [kind], limit: PAGE };
    const answer = await reader.ask([until === undefined ? page : { ...page, until }]);
    if (answer.status === "refused") return null;
    for (const event of answer.events) read.set(event.id, event);
    if (read.size === before) {
      const isWhole = corpus.select({ kinds: [kind] }).every((ordinal) => {
        const event = corpus.events[ordinal];
        return event !== undefined && read.has(event.id);
      });
      return isWhole ? [...read.values()] : null;
    }
    until = Math.min(...answer.events.map((event) => event.created_at));
  }
  return null;
}
