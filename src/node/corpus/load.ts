/**
 * Brings a corpus into the relays before the window, unless it is there already. Some of its events are asked for by
 * their ids, then as many as are read in a second or two; what is missing is published, and asked for again. Nothing is
 * ever deleted. What a relay does not return then is no part of what its answers are held against.
 */
import { setTimeout as pause } from "node:timers/promises";
import { ConfigError, Interrupted } from "../../errors.ts";
import { addressOf } from "../../nostr/retention.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { Corpus } from "../../query/corpus.ts";
import { formatCount } from "../../report/format.ts";
import { Unanswered } from "../audit/relay-reader.ts";
import type { Admission } from "../guard/gate.ts";
import { startProgress } from "../pool/progress.ts";
import type { Terminal } from "../terminal.ts";
import { findMissing } from "./held.ts";
import { type KnownCorpus, knowParts } from "./known-events.ts";
import { countsOwnAlone } from "./others.ts";
import { publishAll } from "./publish.ts";
import { countReasons, judgeRefusals, type RefusedFor } from "./refusals.ts";

/** A relay without the corpus is known by these. */
const FIRST_LOOK = 200;
/** Of a larger corpus so many, spread over all of it. */
const MOST_LOOKED_FOR = 20_000;
/** Where less is missing, only that is published. */
const FEW_SHARE = 0.01;
/** Relays commit late, or answer from a cache. */
const LOOK_AGAIN_MS: readonly number[] = [0, 1_200, 3_000];
const NOT_RETURNED = "was taken, and is not returned when it is asked for";

export interface LoadRequest {
  /** As they were made, superseded versions too. */
  readonly events: readonly NostrEvent[];
  readonly admissions: readonly Admission[];
  /** Of the questions. */
  readonly mix: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Sums over all relays. */
export interface Loading {
  /** Events that were new to the relay. */
  readonly loaded: number;
  /** Events that it did not have to be sent. */
  readonly alreadyThere: number;
  readonly refused: readonly RefusedFor[];
  readonly loadSec: number;
  /** By relay, whether its COUNTs can count nothing but the corpus; left out where nothing is counted. */
  readonly ownCounts?: readonly boolean[];
}

/**
 * The corpus as the relays have it.
 * @throws ConfigError where a relay lacks too much of it, or can't be asked
 * @throws Interrupted when the signal aborts
 */
export async function loadCorpus(
  request: LoadRequest,
): Promise<{ readonly known: KnownCorpus; readonly loading: Loading }> {
  const { events, admissions, mix, signal } = request;
  const corpus = new Corpus(events);
  const startMs = performance.now();
  const refused = new Map<string, string>();
  const held: Corpus[] = [];
  const sums = { loaded: 0, alreadyThere: 0 };
  const ownCounts: boolean[] = [];
  for (const admission of admissions) {
    const { label } = admission.url;
    const explain = (error: unknown) => {
      if (signal.aborted) {
        throw new Interrupted(
          "interrupted while the corpus was loaded; what the relay took of it stays there",
          { cause: error },
        );
      }
      if (!(error instanceof Unanswered)) throw error;
      throw new ConfigError(
        `\`${label}\` can't be asked for the corpus: ${error.message}\nIts answers could not be checked.`,
        { cause: error },
      );
    };
    const found = await loadOne(admission, corpus, request).catch(explain);
    judgeRefusals({ label, corpus, refused: found.refused, mix });
    for (const [id, reason] of found.refused) refused.set(id, reason);
    const isHeld = ({ id }: NostrEvent) => !found.refused.has(id);
    const own = found.refused.size === 0 ? corpus : new Corpus(events.filter(isHeld));
    held.push(own);
    const ids = new Set(events.filter(isHeld).map(({ id }) => id));
    const counts = { corpus: own, own: ids, mix, signal };
    const isAlone = await countsOwnAlone(admission, counts).catch(explain);
    if (isAlone !== null) ownCounts.push(isAlone);
    sums.loaded += found.loaded;
    sums.alreadyThere += found.alreadyThere;
  }
  return {
    known: knowParts(held),
    loading: {
      ...sums,
      refused: countReasons(refused.values()),
      loadSec: (performance.now() - startMs) / 1_000,
      ...(ownCounts.length > 0 ? { ownCounts } : {}),
    },
  };
}

interface Found {
  readonly loaded: number;
  readonly alreadyThere: number;
  readonly refused: ReadonlyMap<string, string>;
}

async function loadOne(
  admission: Admission,
  corpus: Corpus,
  { events, terminal, signal }: LoadRequest,
): Promise<Found> {
  const ids = corpus.events.map(({ id }) => id);
  const asked = spread(ids, MOST_LOOKED_FOR);
  terminal.status(`corpus      looking for it in ${admission.url.label}`);
  const missing = await lookFor(admission, ids, asked, signal);
  if (missing.size === 0) {
    return { loaded: 0, alreadyThere: ids.length, refused: new Map() };
  }
  const toSend = selectToSend(events, missing, ids.length);
  const report = startProgress(toSend.length, ({ done, total, perSecond, secondsLeft }) => {
    terminal.status(
      `corpus      loading, ${formatCount(done)} of ${formatCount(total)} events, ${formatCount(perSecond)} a second, ${Math.ceil(secondsLeft)} s left`,
    );
  });
  const { accepted, refused } = await publishAll(admission, toSend, { signal, onProgress: report });
  const lacking = await lookAgain(admission, { missing, asked, refused }, signal);
  const isAsked = new Set(asked);
  const why = new Map([...refused].filter(([id]) => !isAsked.has(id) || lacking.has(id)));
  for (const id of lacking) if (!why.has(id)) why.set(id, NOT_RETURNED);
  return { loaded: accepted, alreadyThere: ids.length - missing.size, refused: why };
}

/** All that is missing of those asked for; all of the corpus where the first look finds next to nothing. */
async function lookFor(
  admission: Admission,
  ids: readonly string[],
  asked: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const first = spread(ids, FIRST_LOOK);
  const lacking = await findMissing(admission, first, signal);
  if (lacking.size > first.length / 2) return new Set(ids);
  const missing = await findMissing(admission, asked, signal);
  return missing.size > 0 && asked.length < ids.length ? new Set(ids) : missing;
}

interface Published {
  readonly missing: ReadonlySet<string>;
  readonly asked: readonly string[];
  readonly refused: ReadonlyMap<string, string>;
}

/** Of what was published, those that the relay does not return. */
async function lookAgain(
  admission: Admission,
  { missing, asked, refused }: Published,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  let lacking: ReadonlySet<string> = new Set(asked.filter((id) => missing.has(id)));
  for (const ms of LOOK_AGAIN_MS) {
    await pause(ms);
    lacking = await findMissing(admission, [...lacking], signal);
    // What was refused will not come.
    if ([...lacking].every((id) => refused.has(id))) break;
  }
  return lacking;
}

/** What is missing, with all versions of its address; everything where it is more than a few. */
function selectToSend(
  events: readonly NostrEvent[],
  missing: ReadonlySet<string>,
  kept: number,
): readonly NostrEvent[] {
  if (missing.size > FEW_SHARE * kept) return events;
  const lacking = events.filter(({ id }) => missing.has(id));
  const addresses = new Set(lacking.flatMap((event) => addressOf(event) ?? []));
  return events.filter((event) => {
    const address = addressOf(event);
    return missing.has(event.id) || (address !== undefined && addresses.has(address));
  });
}

/** So many of a list, from all over it. */
function spread(ids: readonly string[], most: number): readonly string[] {
  if (ids.length <= most) return ids;
  const step = ids.length / most;
  return Array.from({ length: most }, (_, i) => ids[Math.floor(i * step)] ?? "");
}
