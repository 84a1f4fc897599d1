/** Units of every class of work as VUs would count them: made from the classes' own identities. */
import fc from "fast-check";
import { CONNECTION_ROWS } from "../src/measure/classes/connection.ts";
import { DELIVERY_ROWS } from "../src/measure/classes/delivery.ts";
import { CLASS_NAMES, type ClassName, classOf, type RowNames } from "../src/measure/classes.ts";
import type { Slice } from "../src/measure/slice.ts";
import { rowOfClass, sliceOf, TYPES } from "./fixtures/reports/run.ts";

export const ROW_NAMES = {
  publish: TYPES,
  set: TYPES,
  query: ["feed", "choose"],
  delivery: DELIVERY_ROWS,
  connection: CONNECTION_ROWS,
  auth: CONNECTION_ROWS,
} as const satisfies RowNames;

const VUS = [1, 2, 3] as const;
const SLICE_MS = 100;
/** A unit is due in the first ten slices, and at most three times in another one than before. */
const DUE_SLICES = 10;
const LENGTH = DUE_SLICES + 6;

/** Where a VU counted something of a unit. */
interface Step {
  readonly column: string;
  readonly at: number;
}

export interface Unit {
  readonly name: ClassName;
  readonly vu: number;
  readonly row: number;
  readonly steps: readonly Step[];
  /** The column for what is still open behind each step, where there is one. */
  readonly rests: readonly (string | null)[];
}

/** What became of a VU: it came to its end, and a slice of it was lost; or it was cut off behind so many. */
export type Fate = { readonly lost: number | null } | { readonly kept: number };

export interface UnitRun {
  readonly units: readonly Unit[];
  /** By VU. */
  readonly fates: readonly Fate[];
}

interface Hop {
  readonly pick: number;
  readonly took: number;
  readonly isOpen: boolean;
}

const hop: fc.Arbitrary<Hop> = fc.record({
  pick: fc.nat(100),
  took: fc.nat(2),
  isOpen: fc.boolean(),
});

/** `mayStayOpen`: of a VU that is cut off. */
function unitOf(
  name: ClassName,
  from: { readonly vu: number; readonly row: number; readonly root: number; readonly due: number },
  hops: readonly Hop[],
  mayStayOpen: boolean,
): Unit {
  const { identities, hasWarmup } = classOf(name);
  const roots = identities.filter(({ left }) => !identities.some((i) => i.right.includes(left)));
  const rows = ROW_NAMES[name].length * (hasWarmup ? 2 : 1);
  const steps: Step[] = [];
  const rests: (string | null)[] = [];
  let column = roots[from.root % roots.length]?.left ?? "";
  let at = from.due;
  let before = "";
  for (const { pick, took, isOpen } of hops) {
    // What two identities have a part of is a unit of both.
    const also = identities.filter((i) => i.left !== before && i.right.includes(column));
    for (const { left } of before === "" ? [] : also) {
      steps.push({ column: left, at });
      rests.push(null);
    }
    before = column;
    steps.push({ column, at });
    const identity = identities.find(({ left }) => left === column);
    rests.push(identity?.rest ?? null);
    if (identity === undefined) break;
    const { right, rest } = identity;
    // What no VU leaves open is counted at once, with what it is a part of.
    if (rest !== undefined) at += took;
    if (rest !== undefined && isOpen && mayStayOpen) break;
    column = right[pick % right.length] ?? "";
  }
  return { name, vu: from.vu, row: from.row % rows, steps, rests };
}

/** Hops enough for the longest way, which ends where a column has no identity. */
const HOPS = 5;

export const unitRuns: fc.Arbitrary<UnitRun> = fc
  .record({
    drawn: fc.array(
      fc.record({
        name: fc.constantFrom(...CLASS_NAMES),
        vu: fc.constantFrom(...VUS),
        row: fc.nat(5),
        root: fc.nat(1),
        due: fc.nat(DUE_SLICES - 1),
        hops: fc.array(hop, { minLength: HOPS, maxLength: HOPS }),
      }),
      { maxLength: 60 },
    ),
    fates: fc.tuple(fate(), fate(), fate()),
  })
  .map(({ drawn, fates }) => ({
    fates,
    units: drawn.map(({ name, hops, ...from }) =>
      unitOf(name, from, hops, "kept" in (fates[from.vu - 1] ?? {})),
    ),
  }));

function fate(): fc.Arbitrary<Fate> {
  return fc.oneof(
    fc.record({ lost: fc.option(fc.nat(LENGTH - 1)) }),
    fc.record({ kept: fc.nat(LENGTH) }),
  );
}

function hasCome(at: number, fate: Fate | undefined): boolean {
  if (fate === undefined) return false;
  return "kept" in fate ? at < fate.kept : at !== fate.lost;
}

/** The slices that came of such a run. */
export function slicesOfUnits({ units, fates }: UnitRun): readonly Slice[] {
  return VUS.flatMap((vu) => {
    const fate = fates[vu - 1];
    const slices = Array.from({ length: LENGTH }, (_, index) =>
      sliceOf({
        vu,
        seq: index,
        index,
        phase: index < DUE_SLICES ? "window" : "drain",
        atMs: 1_000 + (index + 1) * SLICE_MS,
        classes: Object.fromEntries(
          CLASS_NAMES.map((name) => [
            name,
            units
              .filter((unit) => unit.name === name && unit.vu === vu)
              .flatMap(({ row, steps }) =>
                steps
                  .filter(({ at }) => at === index)
                  .map(({ column }) => rowOfClass(name, row, { [column]: 1 })),
              ),
          ]),
        ),
      }),
    ).filter(({ index }) => hasCome(index, fate));
    const isDone = fate !== undefined && "lost" in fate;
    return isDone
      ? [...slices, sliceOf({ vu, seq: LENGTH, index: LENGTH, phase: "done" })]
      : slices;
  });
}

/** What was counted of a class, by row: what of VUs that were cut off is open counts as their class has it. */
export function countsOfUnits(
  name: ClassName,
  { units, fates }: UnitRun,
): ReadonlyMap<number, Readonly<Record<string, number>>> {
  const rows = new Map<number, Record<string, number>>();
  for (const unit of units.filter((one) => one.name === name)) {
    const fate = fates[unit.vu - 1];
    const into = rows.get(unit.row) ?? {};
    rows.set(unit.row, into);
    const came = unit.steps.filter(({ at }) => hasCome(at, fate));
    const isCutOff = fate !== undefined && "kept" in fate;
    const rest = isCutOff && came.length > 0 ? unit.rests[came.length - 1] : null;
    const columns = came.map(({ column }) => column);
    for (const column of rest == null ? columns : [...columns, rest]) {
      into[column] = (into[column] ?? 0) + 1;
    }
  }
  return rows;
}
