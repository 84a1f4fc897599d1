/** Which classes of work a scenario does, and what the rows of each are called. */
import { QUERIES } from "../load/sessions.ts";
import { CONNECTION_ROWS } from "../measure/classes/connection.ts";
import { DELIVERY_ROWS } from "../measure/classes/delivery.ts";
import type { ClassName, RowNames } from "../measure/classes.ts";
import { sliceLengthMs } from "../measure/slice.ts";
import { comingSeconds } from "../plan/connect.ts";
import { deliveriesPerSecond } from "../plan/fanout.ts";
import { leadingRate, type Plan } from "../plan/plan.ts";
import { isScenario, SCENARIOS } from "../plan/scenarios.ts";
import type { PoolManifest } from "../pool/format.ts";

/** The types of a pool as rows: behind them one for what never got a type. */
export function rowTypes(pool: PoolManifest): readonly string[] {
  return [...pool.types, ""];
}

/** The pool of the scenario `query` holds questions: its types are shapes. */
export function rowNames(scenario: string, pool: PoolManifest): RowNames {
  const classes = isScenario(scenario) ? SCENARIOS[scenario].classes : [];
  const rows: Partial<Record<ClassName, readonly string[]>> = {};
  for (const name of classes) {
    if (name === "connection" || name === "auth") rows[name] = CONNECTION_ROWS;
    else if (name === "delivery") rows[name] = DELIVERY_ROWS;
    // The questions of sessions are made as the run goes on.
    else if (name === "query" && scenario !== "query") rows[name] = QUERIES;
    else rows[name] = rowTypes(pool);
  }
  return rows;
}

/** What a second the plan sets for a class; `null` where it follows from another. */
export function targetOf(name: ClassName, plan: Plan): number | null {
  const { fanout, rateEps, vus } = plan;
  if (name === "delivery" && fanout !== null) return deliveriesPerSecond(fanout, rateEps, vus);
  return SCENARIOS[plan.scenario].leads === name ? leadingRate(plan) : null;
}

/** So much of the window has the rate that is set, as whole slices tell it: while connections are held none is due. */
export function setSeconds({ connect, clients, durationSec }: Plan): number {
  if (connect === null) return durationSec;
  const sliceSec = sliceLengthMs(durationSec) / 1_000;
  const slices = Math.floor(comingSeconds(connect, clients) / sliceSec + 1e-9);
  return Math.min(durationSec, Math.max(1, slices) * sliceSec);
}
