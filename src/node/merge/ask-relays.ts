/** Whom a merged run is read back from, and by which rules: those for loading them. */
import type { ReadBackFigures } from "../../merge/complete.ts";
import type { MergedRun } from "../../merge/merge.ts";
import type { Plan } from "../../plan/plan.ts";
import { refuseByText } from "../guard/refuse.ts";
import { admitFor } from "../run/prepare.ts";
import type { Terminal } from "../terminal.ts";
import { readBackMerged } from "./read-back.ts";

export interface AskRequest {
  /** The run's, with the relays as they are reached from here and what opens them. */
  readonly plan: Plan;
  /** PEM certificates that are trusted beside the system's. */
  readonly ca?: string | undefined;
  readonly poolDir: string | undefined;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Passes the gate and asks each relay. Throws `ConfigError` for one that is refused, or can't be found. */
export async function askRelays(
  run: MergedRun,
  { plan, ca, ...request }: AskRequest,
): Promise<ReadBackFigures> {
  if (request.signal.aborted) return { audit: null, notes: ["the run was interrupted"] };
  refuseByText(plan);
  const admissions = await admitFor(plan, ca);
  const figures = await readBackMerged(run, { ...request, admissions });
  for (const note of figures.notes) request.terminal.note(`read-back   ${note}`);
  return figures;
}
