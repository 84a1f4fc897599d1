/** What the instances saw of the relay: one of them is believed, and named. */
import type { Resources } from "../report/types.ts";
import type { Instance } from "./instance.ts";
import type { RelaySeen } from "./protocol.ts";

export const NOBODY_LOOKED: Omit<Resources, "samples"> = {
  relayProcess: null,
  relayMetrics: [],
  notMeasured: [
    { what: "the relay's resources", why: "no instance was started by `k6-nostr share`" },
  ],
};

/**
 * The first that has samples, else the first that looked: sums of several would count a relay's process twice. What it
 * says of the relay itself, by NIP-11 and COUNT, comes from the first that asked.
 */
export function relaySeen(instances: readonly Instance[]): RelaySeen | null {
  const all = instances.flatMap(({ begin, about }) =>
    about?.relay ? [{ begin, seen: about.relay }] : [],
  );
  const sampler = all.find(({ seen }) => seen.samples.length > 0) ?? all[0];
  const asker = all.find(({ seen }) => seen.relays.length > 0) ?? all[0];
  if (sampler === undefined || asker === undefined) return null;
  const { begin, seen } = sampler;
  const { relayProcess } = seen.notes;
  const by = `seen by instance ${begin.index} of ${begin.instances}`;
  return {
    samples: seen.samples,
    notes: { ...seen.notes, relayProcess: relayProcess && `${relayProcess}, ${by}` },
    relays: asker.seen.relays,
    before: asker.seen.before,
  };
}
