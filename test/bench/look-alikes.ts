/** The pools of look-alikes that parts publish to the sink: made once each, in the bench's folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeLookAlikes } from "../../src/node/calibrate/look-alikes.ts";
import type { PoolRig, Rig } from "./k6-run.ts";

/** More than k6 sends in a run of a few seconds, whatever the rate. */
export const MANY_EVENTS = 500_000;

export async function withLookAlikes(rig: Rig, events: number): Promise<PoolRig> {
  const pool = join(rig.dir, `look-alikes-${events}`);
  if (!existsSync(pool)) await makeLookAlikes(pool, events);
  return { ...rig, pool };
}
