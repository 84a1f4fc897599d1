/**
 * What several k6 processes said → one report, exact to the event: slices are merged, never reports. What is
 * missing is refused, as nobody could tell it from load that was never sent.
 */
import { ConfigError } from "../errors.ts";
import type { Slice } from "../measure/slice.ts";
import type { Plan } from "../plan/plan.ts";
import type { PoolManifest } from "../pool/format.ts";
import { type BuildInput, buildReport } from "../report/build.ts";
import type { Report } from "../report/types.ts";
import { completeMerged, type ReadBackFigures } from "./complete.ts";
import { describeEnds } from "./ends.ts";
import { figuresOf } from "./figures.ts";
import type { Said } from "./gather.ts";
import { type Instance, nameOf } from "./instance.ts";
import { poolOf } from "./pool.ts";
import {
  type Begin,
  type CountsBefore,
  digestOf,
  type End,
  type HandedOut,
  type Nonce,
} from "./protocol.ts";
import { relaySeen } from "./relay-seen.ts";

export interface MergeOptions {
  /** Go without what is missing, and say so. */
  readonly partial: boolean;
  readonly runId: string;
  readonly sha256: (text: string) => string;
  /** How an instance ended, by whom it was started; by index, what matters most first. */
  readonly ended?: ReadonlyMap<number, string>;
}

/** The figures of all instances, before anybody asked the relay what came of them. */
export interface MergedRun {
  readonly plan: Plan;
  readonly pool: PoolManifest;
  readonly slices: readonly Slice[];
  /** What the relays held before the run. */
  readonly before: CountsBefore;
  /** As it is without what only the instances' machines and the relay know. */
  readonly measured: Report;
  readonly complete: (readBack: ReadBackFigures) => Report;
}

export const NOBODY_ASKED: ReadBackFigures = {
  audit: null,
  notes: ["the relay was not asked; where it can be reached, `merge` takes --relay"],
};

/** Throws `ConfigError` with all that forbids to merge. */
export function mergeRun(processes: ReadonlyMap<Nonce, Said>, options: MergeOptions): MergedRun {
  const begun = begunOf(processes);
  const [{ begin: first }] = begun;
  refuseOthers(begun.map(({ begin }) => begin));
  const { plan, planHash } = first;
  const pool = poolOf(
    first.pool,
    begun.map(({ begin }) => begin.pool),
  );
  const { counted, twice } = countOnce(begun);
  const instances = counted.map((said) => instanceOf(said, options.sha256));
  const missing = Array.from({ length: plan.instances }, (_, index) => index).filter((index) =>
    instances.every(({ begin }) => begin.index !== index),
  );
  const orphans = [...processes.values()].filter((said) => said.begin === null).length;
  const lacking = [
    ...instances.flatMap(({ begin: { index }, faults }) =>
      faults.map((fault) => `${nameOf(index, plan.instances)}: ${fault}`),
    ),
    ...missing.map((index) => `${nameOf(index, plan.instances)}: nothing of it is there`),
    ...(orphans > 0 ? [`${orphans} k6 processes without their beginning`] : []),
  ];
  if (lacking.length > 0 && !options.partial) {
    throw new ConfigError(
      `the logs are not whole:\n${lacking.slice(0, 20).join("\n")}\nRead them again, or give --partial: the report says what is missing.`,
    );
  }
  const zeroMs = Math.min(...instances.flatMap(({ originMs }) => originMs ?? []));
  const slices = instances.flatMap((one) => shift(one, zeroMs));
  const lastMs = slices.reduce((last, { atMs }) => Math.max(last, atMs), 0);
  const input: BuildInput = {
    slices,
    plan,
    pool,
    planHash,
    runId: options.runId,
    startedAtMs: Number.isFinite(zeroMs) ? zeroMs : first.unixMs,
    endedAtMs: Number.isFinite(zeroMs) ? zeroMs + lastMs : first.unixMs,
    stopReason: describeEnds({ instances, missing, ended: options.ended }),
    k6: null,
    // `twice` and `missing` make signals.
    several: {
      expected: plan.instances,
      missing,
      twice,
      each: instances.map((one) => figuresOf(one, zeroMs)),
    },
  };
  const measured = buildReport(input);
  const seen = relaySeen(instances);
  return {
    ...{ plan, pool, slices, measured },
    before: seen?.before ?? { why: "no instance counted them" },
    complete: (readBack) => completeMerged(measured, instances, { ...readBack, seen }),
  };
}

function instanceOf(
  { begin, end, about, ...said }: Begun,
  sha256: (text: string) => string,
): Instance {
  const slices = [...said.slices.values()].sort((a, b) => a.vu - b.vu || a.seq - b.seq);
  const originMs = slices[0]?.slice.offsetMs ?? null;
  return { begin, end, about, slices, originMs, faults: faultsOf(end, slices, sha256) };
}

type Begun = Said & { readonly begin: Begin };

function begunOf(processes: ReadonlyMap<Nonce, Said>): readonly [Begun, ...Begun[]] {
  const begun = [...processes.values()].filter((said): said is Begun => said.begin !== null);
  // The order in which logs were read must not be seen in a report.
  begun.sort((a, b) => a.begin.index - b.begin.index || a.begin.unixMs - b.begin.unixMs);
  const [first, ...others] = begun;
  if (first !== undefined) return [first, ...others];
  throw new ConfigError(
    "no log has the beginning of an instance: give what k6 or `k6-nostr share` wrote, with `--log-format raw`",
  );
}

/** Figures of other plans, programs or starts do not add up. */
function refuseOthers(begins: readonly Begin[]): void {
  const [first] = begins;
  if (first === undefined) return;
  for (const other of begins) {
    const differing = [
      ["another plan", other.planHash !== first.planHash],
      ["other thresholds", thresholdsOf(other) !== thresholdsOf(first)],
      [`another version (${first.tool}, ${other.tool})`, other.tool !== first.tool],
      [
        `another number of instances (${first.instances}, ${other.instances})`,
        other.instances !== first.instances,
      ],
      ["another START_AT, and so another run", other.startAtMs !== first.startAtMs],
    ].flatMap(([what, differs]) => (differs ? [what] : []));
    if (differing.length === 0) continue;
    throw new ConfigError(
      `instances ${first.index} and ${other.index} are not of one run: ${differing.join(", ")}`,
    );
  }
}

function thresholdsOf({ plan }: Begin): string {
  return JSON.stringify(plan.thresholds);
}

/** Of two processes of one index the first that loaded counts; one that sent nothing was late, or refused. */
function countOnce(begun: readonly Begun[]): {
  readonly counted: readonly Begun[];
  readonly twice: readonly number[];
} {
  const byIndex = groupBy(begun, ({ begin }) => begin.index);
  const twice: number[] = [];
  const counted = [...byIndex].map(([index, [first, ...others]]) => {
    const all = [first as Begun, ...others];
    const loading = all.filter(hasLoaded);
    if (loading.length > 1) twice.push(index);
    return loading[0] ?? (first as Begun);
  });
  return { counted, twice };
}

function hasLoaded({ slices }: Said): boolean {
  return [...slices.values()].some(({ slice }) => slice.windowStartMs !== null);
}

function faultsOf(
  end: End | null,
  slices: readonly HandedOut[],
  sha256: (text: string) => string,
): readonly string[] {
  const seen = groupBy(slices, ({ vu }) => vu);
  const handedOut = Object.entries(end?.slices ?? {}).map(
    ([vu, count]) => [Number(vu), count] as const,
  );
  const expected = new Map(handedOut);
  const short = [...new Set([...expected.keys(), ...seen.keys()])].flatMap((vu) => {
    const own = seen.get(vu) ?? [];
    const count = expected.get(vu) ?? (own.at(-1)?.seq ?? -1) + 1;
    return own.length === count ? [] : [`${own.length} of ${count} slices of VU ${vu} are there`];
  });
  if (end === null) return ["its end is not there", ...short];
  if (short.length > 0) return short;
  return digestOf(slices, sha256) === end.digest
    ? []
    : ["its figures are not those that it handed out"];
}

/** The slices of an instance on the time line of all: each process counts ms from its own start. */
function shift(instance: Instance, zeroMs: number): readonly Slice[] {
  const byMs = (instance.originMs ?? zeroMs) - zeroMs;
  const complete = completeVus(instance);
  return instance.slices.map(({ slice }) => ({
    ...slice,
    atMs: slice.atMs + byMs,
    windowStartMs: slice.windowStartMs === null ? null : slice.windowStartMs + byMs,
    ...(slice.endedMs === undefined
      ? {}
      : { endedMs: [slice.endedMs[0] + byMs, slice.endedMs[1] + byMs] as const }),
    // What was done in figures that are lost is open: the books of such a VU are closed like a dead one's.
    ...(slice.phase === "done" && !complete.has(slice.vu) ? { phase: "drain" as const } : {}),
  }));
}

/** VUs of which no slice is missing. */
function completeVus({ end, slices }: Instance): ReadonlySet<number> {
  const counts = groupBy(slices, ({ vu }) => vu);
  return new Set(
    [...counts].flatMap(([vu, own]) => {
      const last = own.at(-1)?.seq ?? -1;
      return own.length === (end?.slices[vu] ?? last + 1) ? [vu] : [];
    }),
  );
}

/** `Map.groupBy`, which Node 20 lacks. */
function groupBy<K, T>(all: readonly T[], keyOf: (one: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
