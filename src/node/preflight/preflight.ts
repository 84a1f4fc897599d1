/**
 * What is checked before a run once the guard let its relays pass: what they announce decides which pool is made,
 * then they are tried with events like the run's. What this machine knows by itself is checked before (`here.ts`).
 */
import { ConfigError } from "../../errors.ts";
import type { EventType } from "../../events/event-type.ts";
import { parseMix } from "../../events/mix.ts";
import { mostSeconds } from "../../plan/duration.ts";
import type { Plan } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import type { PoolManifest } from "../../pool/format.ts";
import type { Epoch, PoolTimes } from "../../pool/times.ts";
import { findRelay } from "../companion/relay-process.ts";
import type { Admission } from "../guard/gate.ts";
import { readProbes } from "../pool/probes.ts";
import { readEventsManifest, readPoolManifest } from "../pool/read.ts";
import type { ReplayTimes } from "../pool/replay-event.ts";
import { announcedAges } from "./ages.ts";
import { judgeCompression } from "./compression.ts";
import { type Finding, ok } from "./finding.ts";
import { fetchInformation, type Information } from "./information.ts";
import { countLeft, describeLeft, type Left } from "./left.ts";
import { judgeListeners } from "./listeners.ts";
import { judgePool } from "./pool-judge.ts";
import { judgeForCorpus, tryQuestions } from "./questions.ts";
import { askRelay, type RelayAnswer } from "./relay.ts";
import { judgeRelayFiles } from "./relay-files.ts";
import { makeSample, NO_SAMPLE, type Sample, samplePool } from "./sample.ts";
import { chooseTimes, describeTimes, type Lead, leadOf, listTimes } from "./times.ts";

export interface PreflightRequest {
  readonly plan: Plan;
  /** Relays that the guard let pass; nothing else is asked. */
  readonly admissions: readonly Admission[];
  /** The user's own pool, or that of a file of events; without it one is made later. */
  readonly poolDir: string | undefined;
  /** Makes the file's pool again, of those events whose ages the relays take. */
  readonly replay?:
    | ((times: ReplayTimes) => Promise<Pick<Preflight, "poolDir" | "plan">>)
    | undefined;
  /** When the events of a pool to be made were written; by default what the relays take. */
  readonly epoch?: Epoch | undefined;
  /** `--force`: no relay is asked. */
  readonly force: boolean;
  /** Types of the mix that are not built in. */
  readonly extra?: readonly EventType[];
  /** The relay's process, where a person gave it. */
  readonly relayPid?: number | undefined;
}

export interface Preflight {
  readonly findings: readonly Finding[];
  /** As asked for, or fitted to the file's events that are left. */
  readonly plan: Plan;
  /** As asked for, or the file's made again. */
  readonly poolDir: string | undefined;
  /** Of a pool to be made. */
  readonly times: PoolTimes;
  /** Why `times` are not the default ones. */
  readonly timesNote: string | null;
  readonly answers: readonly RelayAnswer[];
  /** Facts of the events that can't be read from a manifest. */
  readonly sample: Sample;
  /** Events of probes that are in the relays now. */
  readonly left: Left;
}

interface Asked {
  readonly admission: Admission;
  readonly information: Information;
}

/** Throws `ConfigError` for a pool that is none. */
export async function preflight(request: PreflightRequest): Promise<Preflight> {
  const { force } = request;
  const admissions = force ? [] : request.admissions;
  const asked = await Promise.all(
    admissions.map(async (admission) => ({
      admission,
      information: await fetchInformation(admission),
    })),
  );
  const { poolDir, plan } = await fitReplay(request, asked);
  const manifest = poolDir === undefined ? null : await readEventsManifest(poolDir);
  const found = sendsNothing(plan)
    ? await tryNothing(plan, asked)
    : poolDir === undefined || manifest === null
      ? await tryMix({ ...request, plan }, asked)
      : await tryPool(poolDir, manifest, asked);
  const { answers, tried } = found;
  const left = countLeft(
    tried.map(({ admission, kept }) => ({ label: admission.url.label, kept })),
  );
  const checked = { ...found, poolDir, plan, left };
  return {
    ...checked,
    findings: [
      ...request.admissions.map(({ url, reason }) => ok("guard", `\`${url.label}\`: ${reason}`)),
      ...(await Promise.all(admissions.map(judgeListeners))).flat(),
      ...(await judgeCompression(plan, admissions)),
      ...judgeRelayFiles(plan, (await findRelay(request.relayPid, admissions)).pids),
      ...judgeForCorpus(plan, answers),
      ...(await tryQuestions(plan, answers, viewShareOf(found.sample))),
      ...(asksOfRelay(plan) || sendsNothing(plan) ? [] : judgePool(plan, checked, manifest)),
      ...(left.length > 0 ? [ok("left", describeLeft(left))] : []),
    ],
  };
}

/** Nothing is published: the run asks about what the relay holds. */
function asksOfRelay({ query }: Plan): boolean {
  return query?.corpus === "relay";
}

function sendsNothing({ scenario }: Plan): boolean {
  return SCENARIOS[scenario].pool === "none";
}

function viewShareOf({ events }: Sample): number {
  const views = events.filter(({ type }) => type === "view");
  return views.reduce((sum, { share }) => sum + share, 0);
}

/** Throws the first of the findings that stop a run, and says how many more there are. */
export function refuseStops(findings: readonly Finding[]): void {
  const [first, ...more] = findings.filter(({ level }) => level === "stop");
  if (first === undefined) return;
  const rest = more.length === 0 ? "" : ` (${more.length} more: see \`k6-nostr preflight\`)`;
  throw new ConfigError(`${first.what}: ${first.why}\n${first.remedy}${rest}`);
}

interface Tried extends Pick<Preflight, "answers" | "sample" | "times" | "timesNote"> {
  /** Answers that a younger pool made void as well. */
  readonly tried: readonly RelayAnswer[];
}

async function tryPool(
  dir: string,
  manifest: PoolManifest,
  asked: readonly Asked[],
): Promise<Tried> {
  const sample = await samplePool(dir, manifest, await readProbes(dir));
  const answers = await askAll(asked, sample, null);
  const { min, max } = manifest.createdAt;
  const times = { epoch: min, spanSec: max - min, follows: false };
  return { answers, tried: answers, sample, times, timesNote: null };
}

/** Whether the relays take connections is all there is to try. */
async function tryNothing(plan: Plan, asked: readonly Asked[]): Promise<Tried> {
  const answers = await askAll(asked, NO_SAMPLE, null);
  const [times] = listTimes(plan, Date.now());
  return { answers, tried: answers, sample: NO_SAMPLE, times, timesNote: null };
}

/** Takes younger and younger events until no relay refuses them for their age. */
async function tryMix(
  { plan, epoch, extra = [] }: PreflightRequest,
  asked: readonly Asked[],
): Promise<Tried> {
  const all = listTimes(plan, Date.now(), epoch);
  const mix = parseMix(plan.mix, extra);
  const sampleOf = async (times: PoolTimes) => {
    const sample = await makeSample(plan.mix, times, extra);
    return asksOfRelay(plan) ? { ...sample, probes: [] } : sample;
  };
  const first = await sampleOf(all[0]);
  const kinds = [...new Set(first.events.map(({ event }) => event.kind))];
  const lead: Lead = leadOf(plan, false);
  const chosen = chooseTimes(all, { informations: asked, kinds, nowSec: Date.now() / 1_000, lead });
  let place = chosen.place;
  let tooOldFor = chosen.tooOldFor;
  const tried: RelayAnswer[] = [];
  for (;;) {
    const times = all[place] ?? all[0];
    const sample = place === 0 ? first : await sampleOf(times);
    const answers = await askAll(asked, sample, mix);
    tried.push(...answers);
    const refusing = answers.find(({ refusesAge }) => refusesAge)?.admission.url.label;
    if (refusing === undefined || place === all.length - 1) {
      return { answers, tried, sample, times, timesNote: describeTimes(times, tooOldFor, epoch) };
    }
    tooOldFor ??= refusing;
    place++;
  }
}

async function askAll(
  asked: readonly Asked[],
  sample: Sample,
  mix: ReturnType<typeof parseMix> | null,
): Promise<readonly RelayAnswer[]> {
  return await Promise.all(asked.map((of) => askRelay({ ...of, sample, mix })));
}

/** A file's events that are too old, or too far in the future, for what the relays announce are left out. */
async function fitReplay(
  { plan, poolDir, replay }: PreflightRequest,
  asked: readonly Asked[],
): Promise<Pick<Preflight, "poolDir" | "plan">> {
  if (poolDir === undefined || replay === undefined) return { poolDir, plan };
  const { createdAt, types } = await readPoolManifest(poolDir);
  const kinds = types.map((type) => Number(type.slice("kind-".length)));
  const nowSec = Date.now() / 1_000;
  const ages = asked.map(({ information }) => announcedAges(information, nowSec, kinds));
  const oldest = ages.flatMap(({ oldestSec }) => oldestSec ?? []);
  const newest = ages.flatMap(({ newestSec }) => newestSec ?? []);
  const oldestSec = oldest.length > 0 ? Math.max(...oldest) + mostSeconds(plan) : undefined;
  const newestSec = newest.length > 0 ? Math.min(...newest) : undefined;
  const fits = createdAt.min >= (oldestSec ?? 0) && createdAt.max <= (newestSec ?? Infinity);
  return fits ? { poolDir, plan } : await replay({ nowSec, oldestSec, newestSec });
}
