/** Which VUs came to their end, and what the last slices of the others say of theirs. */
import { CLASS_NAMES } from "../measure/classes.ts";
import type { Slice } from "../measure/slice.ts";

export function doneVus(slices: readonly Slice[]): ReadonlySet<number> {
  return new Set(slices.filter((s) => s.phase === "done").map((s) => s.vu));
}

/** `slices`: those of a VU in order. Each last one of a VU that was cut off has what counts where it is the last. */
export function closeLast(slices: readonly Slice[]): readonly Slice[] {
  const done = doneVus(slices);
  const last = new Map(slices.map((slice) => [slice.vu, slice]));
  return slices.map((slice) => {
    const { vu, ifLast } = slice;
    if (ifLast === undefined || done.has(vu) || last.get(vu) !== slice) return slice;
    const classes = { ...slice.classes };
    for (const name of CLASS_NAMES) {
      const more = ifLast.classes[name];
      if (more !== undefined) classes[name] = [...(classes[name] ?? []), ...more];
    }
    return { ...slice, classes, errors: [...slice.errors, ...ifLast.errors] };
  });
}
