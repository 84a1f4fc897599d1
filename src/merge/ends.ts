/** Why a run of several did not end as planned, and of whom its rates are then. */
import { type Instance, nameOf } from "./instance.ts";

const MOST_NAMED = 5;

interface EndsRequest {
  readonly instances: readonly Instance[];
  /** Of which nothing is there. */
  readonly missing: readonly number[];
  /** How an instance ended, by whom it was started; by index, what matters most first. */
  readonly ended?: ReadonlyMap<number, string> | undefined;
}

/** `null` where all ended as planned. */
export function describeEnds({ instances, missing, ended }: EndsRequest): string | null {
  const count = instances[0]?.begin.instances ?? 0;
  const reasons = [
    ...instances.flatMap((one) => {
      const { begin, about, faults } = one;
      const told = ended?.get(begin.index);
      if (told !== undefined) return [{ index: begin.index, when: "", why: told }];
      const why = about?.stopReason ?? faults[0];
      if (why === undefined) return [];
      const atSec = lastSec(one);
      const when = atSec === null ? "" : ` ended at ${atSec.toFixed(1)} s`;
      return [{ index: begin.index, when, why }];
    }),
    ...missing.map((index) => ({
      ...{ index, when: "", why: ended?.get(index) ?? "nothing of it is there" },
    })),
  ];
  if (reasons.length === 0) return null;
  const places = new Map([...(ended ?? new Map()).keys()].map((index, place) => [index, place]));
  reasons.sort((a, b) => (places.get(a.index) ?? -1) - (places.get(b.index) ?? -1));
  const named = reasons
    .slice(0, MOST_NAMED)
    .map(({ index, when, why }) => `${nameOf(index, count)}${when}: ${why}`);
  const more = reasons.length - named.length;
  const left = count - reasons.length;
  return [
    ...named,
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(left > 0 ? [`rates behind it are those of ${left} of ${count} shares`] : []),
  ].join("; ");
}

/** Its last figures, in seconds of the measured window; `null` where it has none of it. */
function lastSec({ slices }: Instance): number | null {
  const starts = slices.flatMap(({ slice }) => slice.windowStartMs ?? []);
  if (starts.length === 0) return null;
  const lastMs = slices.reduce((last, { slice }) => Math.max(last, slice.atMs), 0);
  return Math.max(0, lastMs - Math.min(...starts)) / 1_000;
}
