/**
 * The part of a pool that one of several instances publishes: the sets of its VUs' shares, as `createFrameSource` cuts
 * the whole. Lines are counted before anything is built, so that each instance signs its own sets alone.
 */
import type { EventType } from "../events/event-type.ts";
import { resolveTypes } from "../events/registry.ts";
import type { PoolPlan } from "./plan.ts";

/** Whose part it is. */
export interface PartRequest {
  readonly instance: number;
  readonly instances: number;
  /** Of all instances. */
  readonly vus: number;
}

/** A VU's stretch of the whole pool. */
export interface ShareSets {
  readonly share: number;
  readonly fromSet: number;
  readonly toSet: number;
  readonly events: number;
}

/** Whether the lengths of all sets are known before they are built. */
export function mayBeCut(types: readonly string[], extra: readonly EventType[] = []): boolean {
  return resolveTypes(types, extra).every(({ kinds }) => kinds !== null);
}

/**
 * An instance's shares, in rising order: of N instances the i-th has shares i, i + N and so on, as k6 numbers
 * iterations over equal segments. A set belongs to the share in which it begins.
 */
export function cutPart(
  plan: PoolPlan,
  { instance, instances, vus }: PartRequest,
  extra: readonly EventType[] = [],
): readonly ShareSets[] {
  const lengths = resolveTypes(plan.types, extra).map(({ kinds }) => kinds?.length ?? 1);
  const own: ShareSets[] = [];
  let set = 0;
  let line = 0;
  for (let share = 0; share < vus; share++) {
    const endLine = Math.floor((plan.events * (share + 1)) / vus);
    const [fromSet, fromLine] = [set, line];
    while (set < plan.order.length && line < endLine) line += lengths[plan.order[set++] ?? 0] ?? 1;
    if (share % instances !== instance) continue;
    own.push({ share, fromSet, toSet: set, events: line - fromLine });
  }
  return own;
}
