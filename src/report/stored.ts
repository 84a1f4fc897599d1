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
  const wrong = kinds.filter(({ delta }) => delta !== 0);
  if (wrong.length === 0) return `${figures}; each of ${kinds.length} kinds as expected`;
  const named = wrong.slice(0, MOST_NAMED).map(({ kind, delta, counted, expectedStored }) => {
    const direction = delta < 0 ? "fewer" : "more";
    return `kind ${kind} ${formatCount(Math.abs(delta))} ${direction} (${formatCount(counted)} of ${formatCount(expectedStored)})`;
  });
  const rest = wrong.length > MOST_NAMED ? `, and ${wrong.length - MOST_NAMED} kinds more` : "";
  return `${figures}; NOT AS EXPECTED: ${named.join(", ")}${rest}`;
}
