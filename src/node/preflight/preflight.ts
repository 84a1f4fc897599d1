/**
 * Everything that is checked before a run: first what this machine knows, which costs nobody anything, then
 * the relays, with events like the run's. What a relay says decides which pool is made.
 */
import { ConfigError } from "../../errors.ts";
import type { EventType } from "../../events/event-type.ts";
import { type Mix, parseMix } from "../../events/mix.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { DEFAULT_EPOCH } from "../../pool/plan.ts";
import type { Admission } from "../guard/gate.ts";
import { readPoolManifest } from "../pool/read.ts";
import { type Finding, ok, stop } from "./finding.ts";
import { judgeLimits } from "./limits.ts";
import { judgeMachine, judgeReportDir, readMachine } from "./machine.ts";
import { judgePlan } from "./plan-limits.ts";
import { askRelay, type RelayAnswer } from "./relay.ts";
import { type Sample, sampleMix, samplePool } from "./sample.ts";

const DAY_SEC = 86_400;

export interface PreflightRequest {
  readonly plan: Plan;
  /** Relays that the guard let pass; nothing else is asked. */
  readonly admissions: readonly Admission[];
  /** The user's own pool; without it one is made later. */
  readonly poolDir: string | undefined;
  /** `--force`: no relay is asked, and what the machine lacks is advice. */
  readonly force: boolean;
  /** Types of the mix that are not built in. */
  readonly extra?: readonly EventType[];
}

export interface Preflight {
  readonly findings: readonly Finding[];
  /** The relays with the addresses that answer, in the order of the request. */
  readonly admissions: readonly Admission[];
  /** `created_at` of the first event of a pool to be made. */
  readonly epoch: number;
  /** Why `epoch` is not the default one. */
  readonly epochNote: string | null;
  readonly answers: readonly RelayAnswer[];
  /** What the events are like. */
  readonly sample: Sample;
  readonly mix: Mix;
}

/** Checks all that can be checked before a pool is made. Throws `ConfigError` for a pool that is none. */
export async function preflight(request: PreflightRequest): Promise<Preflight> {
  const { plan, admissions, poolDir, force, extra = [] } = request;
  const manifest = poolDir === undefined ? null : await readPoolManifest(poolDir);
  const mix = parseMix(plan.mix, extra);
  const sampleOf = (epoch: number) =>
    manifest === null ? sampleMix(mix, epoch, extra) : samplePool(manifest, [], extra);
  let epoch = manifest?.createdAt.min ?? DEFAULT_EPOCH;
  let epochNote: string | null = null;
  let sample = await sampleOf(epoch);
  const here = await judgeHere(plan, manifest?.bytes ?? eventsNeeded(plan) * sample.meanFrame);
  const isStopped = !force && here.some(({ level }) => level === "stop");
  // Nobody is asked for a run that can't be.
  const asked = force || isStopped ? [] : admissions;
  let answers = await askAll(asked, plan, sample);
  const tooOldFor = answers.find(({ refusesAge }) => refusesAge)?.admission.url.label;
  if (tooOldFor !== undefined && manifest === null) {
    epoch = startOfYesterday(Date.now());
    epochNote = `\`${tooOldFor}\` takes no events as old as the default pool's: its first event is of ${dayOf(epoch)}, so ids differ from day to day`;
    sample = await sampleOf(epoch);
    const before = answers;
    answers = (await askAll(asked, plan, sample)).map((answer, i) => withLeft(answer, before[i]));
  }
  const settled = admissions.map((admission, i) => answers[i]?.admission ?? admission);
  const found = {
    admissions: settled,
    epoch,
    epochNote,
    answers,
    sample,
    mix,
    findings: [
      ...admissions.map(({ url, reason }) => ok("guard", `\`${url.label}\`: ${reason}`)),
      ...(force ? here.map(soften) : here),
      ...answers.flatMap(({ findings }) => findings),
    ],
  };
  return { ...found, findings: [...found.findings, ...judgePool(plan, found, manifest)] };
}

/** What can be known on this machine, without a word to a relay. */
async function judgeHere(plan: Plan, poolBytes: number): Promise<readonly Finding[]> {
  return [
    await judgeReportDir(plan.reportDir),
    ...judgeMachine(plan, await readMachine(), poolBytes),
  ];
}

/** Holds the events against what the relays announced: of a pool, or of the sample for one to be made. */
export function judgePool(
  plan: Plan,
  { answers, sample, mix }: Pick<Preflight, "answers" | "sample" | "mix">,
  manifest: PoolManifest | null,
): Finding[] {
  const { largestFrame, createdAt } = manifest ?? sample;
  const limits = answers
    .filter(({ isReached }) => isReached)
    .flatMap(({ admission, information, takesEvents }) => [
      ...judgeLimits({
        label: admission.url.label,
        information,
        events: { ...sample, largestFrame, createdAt },
        takesEvents,
        nowSec: Date.now() / 1_000,
        runSec: mostSeconds(plan),
      }),
      ...judgePlan({
        label: admission.url.label,
        limitation: information.limitation ?? {},
        plan,
        mix: manifest?.mix ?? mix,
      }),
    ]);
  return [...limits, judgeSupply(plan, manifest)];
}

/** Throws the first of the findings that stop a run, and says how many more there are. */
export function refuseStops(findings: readonly Finding[]): void {
  const [first, ...more] = findings.filter(({ level }) => level === "stop");
  if (first === undefined) return;
  const rest = more.length === 0 ? "" : ` (${more.length} more: see \`k6-nostr preflight\`)`;
  throw new ConfigError(`${first.what}: ${first.why}\n${first.remedy}${rest}`);
}

function judgeSupply(
  { rateEps, durationSec, warmupSec }: Plan,
  pool: PoolManifest | null,
): Finding {
  if (pool === null) return ok("pool", "a pool for this plan is made, or taken if it is kept");
  const needed = Math.floor(rateEps * (durationSec + warmupSec));
  const what = `the pool holds ${pool.events} events, the plan asks for ${needed}`;
  if (pool.events >= needed) return ok("pool", what);
  return stop("pool", {
    what,
    why: "the run would end without events",
    remedy: "lower --rate or --duration, or leave --pool out to have one made",
  });
}

async function askAll(
  admissions: readonly Admission[],
  plan: Plan,
  sample: Sample,
): Promise<readonly RelayAnswer[]> {
  const runSec = mostSeconds(plan);
  return await Promise.all(
    admissions.map((admission) =>
      askRelay({ admission, sample, nowSec: Date.now() / 1_000, runSec }),
    ),
  );
}

/** The second answer of a relay, with the probes of both times. */
function withLeft(answer: RelayAnswer, before: RelayAnswer | undefined): RelayAnswer {
  const left = new Map(before?.left);
  for (const [kind, count] of answer.left) left.set(kind, (left.get(kind) ?? 0) + count);
  return { ...answer, left };
}

function soften(finding: Finding): Finding {
  return finding.level === "stop" ? { ...finding, level: "advice" } : finding;
}

function startOfYesterday(nowMs: number): number {
  return Math.floor(nowMs / 1_000 / DAY_SEC - 1) * DAY_SEC;
}

function dayOf(epoch: number): string {
  return new Date(epoch * 1_000).toISOString().slice(0, 10);
}
