import type { About, Begin, End, HandedOut } from "./protocol.ts";

/** A k6 process whose figures count. */
export interface Instance {
  readonly begin: Begin;
  readonly end: End | null;
  readonly about: About | null;
  /** In the order in which they were handed out. */
  readonly slices: readonly HandedOut[];
  /** Where its own time begins, Unix ms. */
  readonly originMs: number | null;
  /** What is missing of it. */
  readonly faults: readonly string[];
}

export function nameOf(index: number, instances: number): string {
  return `instance ${index} of ${instances}`;
}
