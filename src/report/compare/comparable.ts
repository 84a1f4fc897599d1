/** What must be equal for figures to be held against each other. The relay, the seed and its pool may differ. */
import { publishOf } from "../class-report.ts";
import { describeSource } from "../command.ts";
import type { Report } from "../types.ts";
import { answerNotes } from "./answers.ts";
import { ENOUGH_RUNS } from "./change.ts";
import { durabilityNotes } from "./durability.ts";
import { unusable } from "./usable.ts";

/** Share by which sizes may differ between machines, or events, that count as the same. */
const SIZE_SLACK = 0.05;
/** Five standard errors of a mean whose events differ as much as they are large. */
const DRAW_SLACK = 5;

/** Why two sides can't be compared, one sentence each; empty when they can. */
export function findObstacles(base: readonly Report[], next: readonly Report[]): readonly string[] {
  const first = base[0];
  if (first === undefined || next.length === 0) return ["there is no run to compare"];
  const all = [...base, ...next];
  return [
    ...new Set([
      ...all.flatMap((report) => unusable(report) ?? []),
      ...twice(base, next),
      ...all.flatMap((report) => differences(first, report)),
    ]),
  ];
}

/** What a reader should know although the sides compare. */
export function findNotes(base: readonly Report[], next: readonly Report[]): readonly string[] {
  const all = [...base, ...next];
  const suspect = all.filter((r) => r.generator.verdict === "suspect");
  const notes: string[] = [];
  if (Math.min(base.length, next.length) < ENOUGH_RUNS) {
    notes.push(
      "from one or two runs a side nobody knows how much runs differ: believe only what is large, or take five (`run --repeat 5`)",
    );
  }
  if (suspect.length > 0) {
    notes.push(
      `${suspect.length} of ${all.length} runs are suspect: ${suspect.map((r) => `${r.run.id} (${r.generator.reasons.join("; ")})`).join(", ")}`,
    );
  }
  const differing = (name: string, values: readonly string[]) => {
    const kinds = new Set(values);
    if (kinds.size > 1) notes.push(`other ${name}: ${[...kinds].join("; ")}`);
  };
  differing(
    "kernels",
    all.map((r) => r.run.host.platform ?? "unknown"),
  );
  differing(
    "versions of the tools",
    all.map((r) => `${r.run.tool}, ${r.run.k6 ?? "unknown"}`),
  );
  differing(
    "builders or events",
    all.map((r) => describeSource(r) ?? "the kit's own"),
  );
  notes.push(...answerNotes(base, next));
  if (all.some(({ classes }) => classes.publish !== undefined)) {
    notes.push(...durabilityNotes(base, next));
  }
  if (all.some((r) => publishOf(r).totals.duplicate > 0)) {
    notes.push("some events were known to the relay (duplicate): use a seed that is new to it");
  }
  return notes;
}

/** A run compared with itself is the same, which says nothing; given twice it would count double. */
function twice(base: readonly Report[], next: readonly Report[]): readonly string[] {
  const ids = [...base, ...next].map(({ run }) => run.id);
  return ids
    .filter((id, i) => ids.indexOf(id) < i)
    .map((id) =>
      base.some(({ run }) => run.id === id) && next.some(({ run }) => run.id === id)
        ? `run ${id} is on both sides: nothing is compared with itself`
        : `run ${id} is given twice`,
    );
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
    ["pings", c.pingSec ?? 0],
    ["address header", c.clientIpHeader ?? "none"],
    ["source addresses", c.localIps ?? 0],
    ["compression", c.compression ?? false],
    ["VUs", c.vus],
    ["count of relays", c.relays.length],
    ["queries", c.query ? JSON.stringify(c.query) : "none"],
    ["connections", c.connect ? JSON.stringify(c.connect) : "held"],
    ["source of events", sourceKind(c.pool.source)],
  ];
}

/** Reports from before this member have none. */
function sourceKind(source: Report["config"]["pool"]["source"] | undefined): string {
  if (!source) return "the kit's own";
  return "replay" in source ? "EVENTS" : "BUILDERS";
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
