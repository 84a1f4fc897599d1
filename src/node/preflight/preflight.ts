/**
 * Everything that is checked before a run. In two steps, since what a relay says decides which pool is
 * made: first the machine and the relays, then the pool's events against what the relays announce.
 */
import { ConfigError } from "../../errors.ts";
import type { EventType } from "../../events/event-type.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { DEFAULT_EPOCH } from "../../pool/plan.ts";
import type { Admission } from "../guard/gate.ts";
import { readPoolManifest } from "../pool/read.ts";
import { type Finding, ok, stop } from "./finding.ts";
import { type EventFacts, judgeLimits } from "./limits.ts";
import { judgeMachine, judgeReportDir, readMachine } from "./machine.ts";
import { askRelay, type RelayAnswer } from "./relay.ts";
import { makeSample, type Sample } from "./sample.ts";

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
  /** `created_at` of the first event of a pool to be made. */
  readonly epoch: number;
  /** Why `epoch` is not the default one. */
  readonly epochNote: string | null;
  readonly answers: readonly RelayAnswer[];
  /** Facts of the events that can't be read from a manifest. */
  readonly sample: Sample;
}

/** Checks all that can be checked before a pool is made. Throws `ConfigError` for a pool that is none. */
export async function preflight(request: PreflightRequest): Promise<Preflight> {
  const { plan, admissions, poolDir, force, extra = [] } = request;
  const manifest = poolDir === undefined ? null : await readPoolManifest(poolDir);
  const asked = force ? [] : admissions;
  const ask = (epoch: number) => askAll(asked, plan, { epoch, extra });
  let epoch = manifest?.createdAt.min ?? DEFAULT_EPOCH;
  let answers = await ask(epoch);
  const tooOldFor = answers.find(({ refusesEpoch }) => refusesEpoch)?.admission.url.label;
  let epochNote: string | null = null;
  if (tooOldFor !== undefined && manifest === null) {
    epoch = startOfYesterday(Date.now());
    epochNote = `\`${tooOldFor}\` takes no events as old as the default pool's: its first event is of ${dayOf(epoch)}, so ids differ from day to day`;
    answers = await ask(epoch);
  }
  const sample = await makeSample(plan.mix, epoch, extra);
  const poolBytes = manifest?.bytes ?? eventsNeeded(plan) * sample.meanFrame;
  const machine = judgeMachine(plan, await readMachine(), poolBytes);
  const found = {
    epoch,
    epochNote,
    answers,
    sample,
    findings: [
      ...admissions.map(({ url, reason }) => ok("guard", `\`${url.label}\`: ${reason}`)),
      await judgeReportDir(plan.reportDir),
      ...(force ? machine.map(soften) : machine),
      ...answers.flatMap(({ findings }) => findings),
    ],
  };
  return { ...found, findings: [...found.findings, ...judgePool(plan, found, manifest)] };
}

/** Holds the events against what the relays announced: of a pool, or of the sample for one to be made. */
export function judgePool(
  plan: Plan,
  { answers, sample }: Pick<Preflight, "answers" | "sample">,
  manifest: PoolManifest | null,
): Finding[] {
  const { mostTags, longestContent } = sample;
  const { largestFrame, createdAt } = manifest ?? sample;
  const events: EventFacts = { largestFrame, createdAt, mostTags, longestContent };
  const limits = answers.flatMap(({ admission, information }) =>
    judgeLimits({
      label: admission.url.label,
      information,
      events,
      nowSec: Date.now() / 1_000,
      runSec: mostSeconds(plan),
    }),
  );
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
  { epoch, extra }: { readonly epoch: number; readonly extra: readonly EventType[] },
): Promise<readonly RelayAnswer[]> {
  return await Promise.all(
    admissions.map((admission) =>
      askRelay({
        admission,
        mix: plan.mix,
        epoch,
        extra,
        nowSec: Date.now() / 1_000,
        runSec: mostSeconds(plan),
      }),
    ),
  );
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
