/** The plan of a run whose events are there already: a replay is played once. */

import type { Plan } from "../../plan/plan.ts";
import { playOnce } from "../../plan/play.ts";
import { readEventsManifest } from "../pool/read.ts";
import type { Terminal } from "../terminal.ts";

export interface OwnEvents {
  readonly plan: Plan;
  /** A person said how long the window is, and it is not to be longer. */
  readonly durationGiven: boolean;
  readonly terminal: Terminal;
}

/** Fits the window to a replay's events, and says so; any other pool leaves the plan as it is. */
export async function fitToReplay(
  { plan, durationGiven, terminal }: OwnEvents,
  poolDir: string | undefined,
): Promise<Plan> {
  if (poolDir === undefined) return plan;
  const { source, events } = await readEventsManifest(poolDir);
  if (source === undefined || !("replay" in source)) return plan;
  const played = playOnce(plan, events, durationGiven);
  terminal.note(`pool        ${played.note}`);
  return played.plan;
}
