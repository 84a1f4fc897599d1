/** What must be equal for figures to be held against each other. The relay, the seed and its pool may differ. */
import type { Report } from "../types.ts";
import type { RunSet } from "./types.ts";

/** Share by which sizes may differ between machines, or events, that count as the same. */
const SIZE_SLACK = 0.05;
/** Five standard errors of a mean whose events differ as much as they are large. */
const DRAW_SLACK = 5;

/** Why two sets can't be compared, one sentence each; empty when they can. */
export function findObstacles(base: RunSet, next: RunSet): readonly string[] {
  const first = base.reports[0];
  if (first === undefined || next.reports.length === 0) return ["there is no run to compare"];
  const all = [...base.reports, ...next.reports];
  return [...new Set([...all.flatMap(unusable), ...all.flatMap((r) => differences(first, r))])];
}

/** What a reader should know although the sets compare. */
export function findNotes(base: RunSet, next: RunSet): readonly string[] {
  const all = [...base.reports, ...next.reports];
  const suspect = all.filter((r) => r.generator.verdict === "suspect");
  const notes = suspect.map((r) => `run ${r.run.id} is suspect: ${r.generator.reasons.join("; ")}`);
  const platforms = new Set(all.map((r) => r.run.host.platform));
  if (platforms.size > 1) notes.push(`other kernels: ${[...platforms].join(", ")}`);
  const tools = new Set(all.map((r) => `${r.run.tool}, ${r.run.k6}`));
  if (tools.size > 1) notes.push(`other versions of the tools: ${[...tools].join("; ")}`);
  if (all.some((r) => r.totals.duplicate > 0)) {
    notes.push("some events were known to the relay (duplicate): use a seed that is new to it");
  }
  return notes;
}

function unusable({ run, generator, totals }: Report): readonly string[] {
  if (generator.verdict === "invalid") {
    return [`run ${run.id} is invalid: ${generator.reasons.join("; ") || "no reason given"}`];
  }
  if (!run.complete) return [`run ${run.id} is incomplete: ${run.stopReason ?? "slices missing"}`];
  return totals.scheduled === 0 ? [`run ${run.id} scheduled no event`] : [];
}

function differences(a: Report, b: Report): readonly string[] {
  return [
    ...differ("scenario", a.run.scenario, b.run.scenario),
    ...planRows(a).flatMap(([name, value], i) => differ(name, value, planRows(b)[i]?.[1])),
    ...hostDifferences(a, b),
    ...(haveLikeEvents(a, b) ? [] : ["other events: their mean size differs"]),
  ];
}

function planRows({ config: c }: Report): readonly (readonly [string, unknown])[] {
  const mix = Object.entries(c.mix).sort(([x], [y]) => (x < y ? -1 : 1));
  return [
    ["clients", c.clients],
    ["rate", c.rateEps],
    ["duration", c.durationSec],
    ["warm-up", c.warmupSec],
    ["mix", mix.map(([type, weight]) => `${type}:${weight}`).join(",")],
    ["arrival", c.arrival],
    ["max in flight", c.maxInFlight],
    ["connect concurrency", c.connectConcurrency],
    ["ack timeout", c.ackTimeoutMs],
    ["VUs", c.vus],
    ["count of relays", c.relays.length],
  ];
}

function differ(name: string, a: unknown, b: unknown): readonly string[] {
  return a === b ? [] : [`other ${name}: \`${String(a)}\` and \`${String(b)}\``];
}

/** The kernel's release is a note: hosted machines change it weekly. */
function hostDifferences({ run: a }: Report, { run: b }: Report): readonly string[] {
  const kind = (platform: string | null) => platform?.replace(/ .* /, " ") ?? null;
  return [
    ...differ("host (CPUs)", a.host.cpus, b.host.cpus),
    ...differ("host (platform)", kind(a.host.platform), kind(b.host.platform)),
    ...(near(a.host.memoryBytes, b.host.memoryBytes) ? [] : ["other host: its memory differs"]),
    ...differ("place of the relay (same host)", a.sameHost, b.sameHost),
  ];
}

/** Other seeds draw other sets from one mix: the smaller the pool, the more its mean size moves. */
function haveLikeEvents({ config: { pool: a } }: Report, { config: { pool: b } }: Report): boolean {
  const fewest = Math.max(1, Math.min(a.events, b.events));
  const bytes = (pool: typeof a) => pool.bytes / Math.max(1, pool.events);
  return near(bytes(a), bytes(b), SIZE_SLACK + DRAW_SLACK / Math.sqrt(fewest));
}

function near(a: number | null, b: number | null, slack = SIZE_SLACK): boolean {
  if (a === null || b === null) return a === b;
  return Math.abs(a - b) <= slack * Math.max(a, b);
}
