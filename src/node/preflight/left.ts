/** What preflight's probes left in the relays. */
import type { NostrEvent } from "../../nostr/wire.ts";
import { formatCount } from "../../report/format.ts";
import { expectKinds } from "../audit/stored.ts";

export type Left = readonly { readonly kind: number; readonly count: number }[];

/**
 * What is in the relays of the probes that they kept: one that another has replaced, or asked to be deleted, is
 * there no more.
 */
export function countLeft(
  answers: readonly { readonly label: string; readonly kept: readonly NostrEvent[] }[],
): Left {
  const byRelay = new Map<string, NostrEvent[]>();
  for (const { label, kept } of answers) {
    byRelay.set(label, [...(byRelay.get(label) ?? []), ...kept]);
  }
  const counts = new Map<number, number>();
  for (const events of byRelay.values()) {
    const expected = expectKinds(events, Date.now() / 1_000);
    for (const [kind, { stored, deleted }] of Object.entries(expected)) {
      counts.set(Number(kind), (counts.get(Number(kind)) ?? 0) + stored - deleted);
    }
  }
  const left = [...counts].map(([kind, count]) => ({ kind, count }));
  return left.filter(({ count }) => count > 0).sort((a, b) => a.kind - b.kind);
}

export function describeLeft(left: Left): string {
  const events = left.reduce((sum, { count }) => sum + count, 0);
  const kinds = left.map(({ kind }) => kind);
  return `left ${formatCount(events)} probe event${events === 1 ? "" : "s"} of kind${kinds.length === 1 ? "" : "s"} ${kinds.join(", ")} in the relay`;
}
