/**
 * What an instance says on its log: `begin`, its slices, `end`. All that a report needs of plan and pool is in
 * `begin`, without what may be a secret, so that logs alone are enough.
 */
import type { Slice } from "../measure/slice.ts";
import type { KeptOptions } from "../plan/kept-options.ts";
import { type Plan, planText } from "../plan/plan.ts";
import { keptOf } from "../plan/variables.ts";
import type { PoolManifest } from "../pool/format.ts";
import { TOOL } from "../report/tool.ts";
import type {
  ClockReading,
  ReceiveFigures,
  Report,
  ResourceSample,
  Resources,
  TestedRelay,
} from "../report/types.ts";
import { TEXT_MARK, toLines } from "./lines.ts";

export const BEGIN_MARK = `${TEXT_MARK}begin `;
export const END_MARK = `${TEXT_MARK}end `;
export const ABOUT_MARK = `${TEXT_MARK}about `;

/** Of each k6 process its own. */
export type Nonce = string;

export interface Begin {
  readonly of: Nonce;
  readonly tool: string;
  readonly planHash: string;
  readonly instances: number;
  readonly index: number;
  readonly startAtMs: number | null;
  /** By this instance's clock, when it was said. */
  readonly unixMs: number;
  readonly runId: string | null;
  /** Without paths, values of headers and folders. */
  readonly plan: Plan;
  readonly kept: KeptOptions;
  /** Without its index, and of a part without its places. */
  readonly pool: PoolManifest;
}

export interface End {
  readonly of: Nonce;
  /** VU → slices that it handed out. */
  readonly slices: Readonly<Record<string, number>>;
  /** `digestOf` them. */
  readonly digest: string;
}

/** What only Node can know of an instance. */
export interface About {
  readonly of: Nonce;
  readonly k6: string;
  readonly host: Report["run"]["host"];
  /** Mean over the window: of one core, and of all. */
  readonly cpuPercent: { readonly generator: number | null; readonly host: number | null };
  readonly ceilingEps: number | null;
  readonly receive: ReceiveFigures | null;
  readonly floorMs: number | null;
  readonly proofs: Report["run"]["proofs"];
  readonly relayNote: string | null;
  readonly sharesHost: boolean;
  readonly corpus: Report["corpus"];
  /** Why it was stopped; `null` where it ended by itself. */
  readonly stopReason: string | null;
  readonly clock: ClockReading | null;
  /** What it saw of the relay beside its load; `null`: nothing. */
  readonly relay: RelaySeen | null;
}

/** What one of the instances saw of the relay, so that not all of them ask it the same. */
export interface RelaySeen {
  /** Of the relay's processes alone. */
  readonly samples: readonly ResourceSample[];
  readonly notes: Omit<Resources, "samples">;
  readonly relays: readonly TestedRelay[];
  /** What the relays held of the pool's kinds before the run. */
  readonly before: CountsBefore;
}

export type CountsBefore =
  | { readonly byKind: readonly (readonly [kind: number, count: number])[] }
  | { readonly why: string };

export interface BeginRequest {
  readonly of: Nonce;
  readonly index: number;
  readonly startAtMs: number | null;
  readonly unixMs: number;
  readonly runId: string | null;
  readonly plan: Plan;
  readonly pool: PoolManifest;
  readonly sha256: (text: string) => string;
}

export function beginLines({ plan, pool, sha256, ...own }: BeginRequest): readonly string[] {
  const begin: Begin = {
    ...own,
    tool: TOOL,
    planHash: sha256(planText(plan, pool.id)),
    instances: plan.instances,
    plan: {
      ...plan,
      relays: plan.relays.map((relay) => ({ ...relay, path: "/" })),
      headers: plan.headers.map(({ name }) => ({ name, value: "" })),
      reportDir: "",
    },
    kept: keptOf(plan),
    pool: {
      ...pool,
      index: [],
      ...(pool.part === undefined ? {} : { part: { ...pool.part, shares: [] } }),
    },
  };
  return toLines(`${own.of}.begin`, BEGIN_MARK + JSON.stringify(begin));
}

export function endLines(
  of: Nonce,
  slices: readonly Pick<HandedOut, "vu" | "seq" | "digest">[],
  sha256: (text: string) => string,
): readonly string[] {
  const counts: Record<string, number> = {};
  for (const { vu } of slices) counts[vu] = (counts[vu] ?? 0) + 1;
  const end: End = { of, slices: counts, digest: digestOf(slices, sha256) };
  return toLines(`${of}.end`, END_MARK + JSON.stringify(end));
}

export function aboutLines(about: About): readonly string[] {
  return toLines(`${about.of}.about`, ABOUT_MARK + JSON.stringify(about));
}

/** A slice as it was read, with the digest of its figures. */
export interface HandedOut {
  readonly vu: number;
  readonly seq: number;
  readonly digest: string;
  readonly slice: Slice;
}

/** Of which slices there are, and of what is in each. */
export function digestOf(
  slices: readonly Pick<HandedOut, "vu" | "seq" | "digest">[],
  sha256: (text: string) => string,
): string {
  const sorted = [...slices].sort((a, b) => a.vu - b.vu || a.seq - b.seq);
  return sha256(sorted.map(({ vu, seq, digest }) => `${vu}/${seq} ${digest}`).join("\n"));
}

/** Reads a text behind a mark; `null` for another, or what is no JSON. */
export function readMarked<T extends { readonly of: string }>(
  text: string,
  mark: string,
): T | null {
  if (!text.startsWith(mark)) return null;
  try {
    const value = JSON.parse(text.slice(mark.length)) as T | null;
    return typeof value?.of === "string" ? value : null;
  } catch {
    // A line that was cut off says nothing.
    return null;
  }
}
