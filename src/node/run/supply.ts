/** What a run sends, as its scenario has it: a pool of events, or of questions, or nothing that was made beforehand. */
import type { Plan } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { type PoolManifest, withoutPool } from "../../pool/format.ts";
import type { CorpusReport } from "../../report/types.ts";
import type { Part } from "../calibrate/figures.ts";
import { choosePool } from "./pool.ts";
import { chooseQuestions, type QuestionsChoice } from "./questions.ts";

export interface Supply {
  /** The pool's folder; `null` without one. */
  readonly dir: string | null;
  readonly manifest: PoolManifest;
  /** What is asked about; `null` where nothing is. */
  readonly corpus: CorpusReport | null;
  readonly release: () => Promise<void>;
}

/**
 * `takePool`: makes or takes a pool of events. Throws `ConfigError` for a pool that is none, and where there is
 * nothing to ask.
 */
export async function chooseSupply(
  plan: Plan,
  choice: QuestionsChoice,
  takePool: typeof choosePool = choosePool,
): Promise<Supply> {
  if (plan.query !== null) return await chooseQuestions(plan, plan.query, choice);
  if (publishes(plan)) return { ...(await takePool(plan, choice)), corpus: null };
  return { dir: null, manifest: withoutPool(plan.seed), corpus: null, release: async () => {} };
}

/** Whether events of a pool are what a run sends. */
export function publishes({ scenario }: Pick<Plan, "scenario">): boolean {
  return SCENARIOS[scenario].pool === "events";
}

/** What of the calibration a run is held against; `null`: nothing. */
export function calibratedPart({ scenario }: Pick<Plan, "scenario">): Part | null {
  const { pool } = SCENARIOS[scenario];
  return pool === "none" ? null : pool === "events" ? "publish" : "receive";
}
