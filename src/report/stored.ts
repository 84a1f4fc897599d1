/** What came to be stored, in one line. */
import { formatCount, NOT_MEASURED } from "./format.ts";
import type { Stored, StoredKind } from "./types.ts";

/** Kinds that are named where they are not as expected. */
const MOST_NAMED = 5;

export function describeStored({ kinds, why }: Stored): string {
  if (kinds === null) return `${NOT_MEASURED}: ${why}`;
  const sum = (of: (kind: StoredKind) => number) =>
    formatCount(kinds.reduce((n, k) => n + of(k), 0));
  const figures = `${sum((k) => k.counted)} events more than before, of ${sum((k) => k.accepted)} accepted`;
  const fewer = kinds.filter(({ delta }) => delta < 0);
  const more = kinds.filter(({ delta }) => delta > 0);
  if (fewer.length + more.length === 0)
    return `${figures}; ${kinds.length === 1 ? `kind ${kinds[0]?.kind}` : `each of ${kinds.length} kinds`} as expected`;
  const parts = [
    ...(fewer.length > 0 ? [`NOT AS EXPECTED: ${name(fewer, "fewer")}`] : []),
    // Counts are of the whole relay: more is no loss, and may be another client's.
    ...(more.length > 0 ? [`${name(more, "more")}, if nobody else wrote meanwhile`] : []),
  ];
  return `${figures}; ${parts.join("; ")}`;
}

function name(kinds: readonly StoredKind[], direction: "fewer" | "more"): string {
  const named = kinds
    .slice(0, MOST_NAMED)
    .map(({ kind, delta, counted, expectedStored, margin = 0 }) => {
      const about = margin > 0 ? "about " : "";
      return `kind ${kind} ${formatCount(Math.abs(delta))} ${direction} (${formatCount(counted)} of ${about}${formatCount(expectedStored)})`;
    });
  const rest = kinds.length > MOST_NAMED ? `, and ${kinds.length - MOST_NAMED} kinds more` : "";
  return named.join(", ") + rest;
}
