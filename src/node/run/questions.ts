/** The pool of a run that asks: its corpus made or learnt and brought into the relays, its questions drawn or kept. */

import { Interrupted } from "../../errors.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { type QueryPlan, seedOfCorpus } from "../../plan/query.ts";
import { Corpus } from "../../query/corpus.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import type { CorpusReport } from "../../report/types.ts";
import { type KnownCorpus, knowCorpus, readEvents } from "../corpus/known-events.ts";
import { type Loading, loadCorpus } from "../corpus/load.ts";
import { ensureQuestions } from "../corpus/questions-pool.ts";
import { sampleRelays } from "../corpus/relay-sample.ts";
import type { Admission } from "../guard/gate.ts";
import { removePool } from "../pool/shelf.ts";
import { choosePool, holdPool, POOLS_DIR, type PoolChoice, type TakenPool } from "./pool.ts";

export interface QuestionsChoice extends PoolChoice {
  /** What is loaded, and read. */
  readonly admissions: readonly Admission[];
  /** Of the corpus, where its questions are drawn by another: nobody takes these again. */
  readonly corpusSeed?: string | undefined;
}

export interface TakenQuestions extends TakenPool {
  readonly corpus: CorpusReport;
}

/** Throws `ConfigError` where there is nothing to ask, or no relay that answers for it. */
export async function chooseQuestions(
  plan: Plan,
  query: QueryPlan,
  choice: QuestionsChoice,
): Promise<TakenQuestions> {
  const { terminal, signal } = choice;
  const { known, loading } = await knowEvents(plan, query, choice);
  const startMs = performance.now();
  const pool = await ensureQuestions({
    root: POOLS_DIR,
    known,
    mix: query.mix,
    keys: query.keys,
    pages: query.pages,
    seed: plan.seed,
    count: questionsNeeded(plan, query),
    signal,
    onProgress: ({ done, total, perSecond, secondsLeft }) =>
      terminal.status(
        `questions   drawing ${formatCount(done)} of ${formatCount(total)}, ${formatCount(perSecond)} a second, ${Math.ceil(secondsLeft)} s left`,
      ),
  }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new Interrupted("interrupted before anything was asked", { cause: error });
  });
  const { sets, bytes } = pool.manifest;
  const tookSec = ((performance.now() - startMs) / 1_000).toFixed(1);
  const how = pool.made ? `drawn in ${tookSec} s` : "kept";
  terminal.note(
    `questions   ${pool.dir} (${formatCount(sets)} questions, ${formatBytes(bytes)}, ${how}, seed ${plan.seed})`,
  );
  const held = await holdPool(pool, choice);
  const release = async () => {
    await held.release();
    // What a relay holds is another thing the next time.
    const isForOnce = query.corpus === "relay" || choice.corpusSeed !== undefined;
    if (isForOnce) await removePool(POOLS_DIR, pool.manifest.id);
  };
  return { ...held, release, corpus: { ...known.facts, loading } };
}

async function knowEvents(
  plan: Plan,
  query: QueryPlan,
  choice: QuestionsChoice,
): Promise<{ readonly known: KnownCorpus; readonly loading: Loading | null }> {
  if (query.corpus === "relay") {
    const corpus = new Corpus(await sampleRelays(choice));
    return { known: knowCorpus(corpus, "relay"), loading: null };
  }
  const ownSeed = choice.corpusSeed ?? plan.seed;
  const seed = seedOfCorpus(ownSeed, query.corpus, choice.times.epoch);
  const pool = await choosePool({ ...plan, seed }, choice);
  try {
    const events = await readEvents(pool.dir);
    const loaded = await loadCorpus({ ...choice, events, mix: query.mix });
    describeLoading(loaded.loading, choice);
    return loaded;
  } finally {
    await pool.release();
  }
}

function describeLoading(
  { loaded, alreadyThere, refused, loadSec }: Loading,
  { terminal }: QuestionsChoice,
): void {
  const there = loaded === 0 ? "is there" : `loaded in ${loadSec.toFixed(1)} s`;
  terminal.note(
    `corpus      ${there}: ${formatCount(loaded)} new events, ${formatCount(alreadyThere)} were there`,
  );
  for (const { reason, count } of refused) {
    terminal.note(`corpus      ${formatCount(count)} events left out of it: ${reason}`);
  }
}

/** With pages a VU's part holds more or fewer questions than the others'. */
function questionsNeeded(plan: Plan, { pages }: QueryPlan): number {
  const needed = eventsNeeded(plan);
  return pages === 1 ? needed : Math.ceil(1.05 * needed) + 64 * plan.vus;
}
