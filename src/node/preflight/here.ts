/** What can be known of a run on this machine alone, before a relay is so much as looked up. */
import { mkdtemp, rmdir, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { EventType } from "../../events/event-type.ts";
import { parseMix } from "../../events/mix.ts";
import { optionLabel } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { mayBeCut } from "../../pool/part.ts";
import { DEFAULT_EPOCH } from "../../pool/plan.ts";
import { formatBytes } from "../../report/format.ts";
import { policyOf } from "../guard/policy.ts";
import { readEventsManifest } from "../pool/read.ts";
import { POOL_ADDRESS } from "../pool/serve.ts";
import { type Finding, ok, stop } from "./finding.ts";
import { judgeMachine, readMachine } from "./machine.ts";
import { makeSample } from "./sample.ts";
import { judgeSlowReaders } from "./slow-readers.ts";
import { eventsToMake } from "./times.ts";

/** For reports, k6's log and its script. */
const SPARE_BYTES = 50_000_000;

export interface HereRequest {
  readonly plan: Plan;
  /** A pool that is there; without it one is made in `poolsDir`. */
  readonly poolDir: string | undefined;
  readonly poolsDir: string;
  readonly relayPid?: number | undefined;
  readonly extra?: readonly EventType[];
  /** What the machine lacks is advice. */
  readonly force: boolean;
}

/** Throws `ConfigError` for a pool that is none. */
export async function judgeHere(request: HereRequest): Promise<readonly Finding[]> {
  const { plan, poolDir, poolsDir, relayPid, extra, force } = request;
  const manifest = poolDir === undefined ? null : await readEventsManifest(poolDir);
  const isMade = manifest === null && SCENARIOS[plan.scenario].pool !== "none";
  const { meanFrame } = isMade
    ? await makeSample(plan.mix, { epoch: DEFAULT_EPOCH }, extra)
    : { meanFrame: 0 };
  const poolBytes = manifest?.bytes ?? (eventsToMake(plan) * meanFrame) / partsOf(plan, extra);
  const pool = { bytes: poolBytes, isServed: isServedHere(plan) };
  const machine = judgeMachine(plan, await readMachine(), pool);
  const places = [
    await judgeFolder("report-dir", optionLabel("reportDir"), plan.reportDir),
    ...(isMade ? [await judgeFolder("pools", "the folder of pools", poolsDir)] : []),
  ];
  const isWritable = places.every(({ level }) => level === "ok");
  const needed = SPARE_BYTES + (manifest === null ? poolBytes : 0);
  return [
    ...places,
    ...(isWritable ? [judgeDisk(needed, await freeBytesAt(poolsDir))] : []),
    ...judgePid(relayPid),
    ...judgeSlowReaders(plan, meanFrame || poolBytes / Math.max(1, manifest?.events ?? 0)),
    ...(force ? machine.map(soften) : machine),
  ];
}

/** Of several instances each makes its part alone, of types that can be cut. */
function partsOf({ query, mix, instances }: Plan, extra?: readonly EventType[]): number {
  if (instances === 1) return 1;
  const isCut = query === null && mix !== "" && mayBeCut(Object.keys(parseMix(mix, extra)), extra);
  return isCut ? instances : 1;
}

/** By the words of the plan: names are not looked up yet. */
function isServedHere(plan: Plan): boolean {
  const { isolation } = policyOf(plan);
  const isNear = plan.relays.some(({ host }) => host === POOL_ADDRESS || host === "localhost");
  return isNear || isolation?.status === "isolated";
}

/** Whether a folder can be written, or made. Tries it, and leaves nothing: rights alone don't tell. */
export async function judgeFolder(id: string, label: string, folder: string): Promise<Finding> {
  const place = await findExisting(resolve(folder));
  const problem = place === null ? "it lies below what is no folder" : await tryToWrite(place);
  if (problem === null) return ok(id, `\`${folder}\` can be written`);
  return stop(id, {
    what: `${label} must be a folder that can be written, got \`${folder}\` (${problem})`,
    why: "what the run makes would be lost",
    remedy: "give another folder, or with docker compose its owner in LOAD_UID and LOAD_GID",
  });
}

export function judgeDisk(neededBytes: number, freeBytes: number | null): Finding {
  if (freeBytes === null) return ok("disk", "the free space of the disk is not known");
  const what = `about ${formatBytes(neededBytes)} of disk needed, ${formatBytes(freeBytes)} free`;
  if (neededBytes <= freeBytes) return ok("disk", what);
  return stop("disk", {
    what,
    why: "the pool or the report could not be written",
    remedy: "make room (`pools/` holds pools of earlier runs), or lower --rate or --duration",
  });
}

function judgePid(pid: number | undefined): Finding[] {
  if (pid === undefined) return [];
  if (isRunning(pid)) return [ok("relay-pid", `there is a process ${pid}`)];
  return [
    stop("relay-pid", {
      what: `${optionLabel("relayPid")} must be a process of this machine, got \`${pid}\``,
      why: "the report would have no figures of the relay's processor and memory",
      remedy: "give the relay's process id, or leave it out: it is looked for at the relay's port",
    }),
  ];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's may not be asked, and is there.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The folder itself, or the nearest above it that is there; `null` where that is no folder. */
async function findExisting(folder: string): Promise<string | null> {
  for (let place = folder; ; place = dirname(place)) {
    const found = await stat(place).catch((error: NodeJS.ErrnoException) => error);
    if (!(found instanceof Error)) return found.isDirectory() ? place : null;
    if (found.code !== "ENOENT" || dirname(place) === place) return null;
  }
}

async function tryToWrite(folder: string): Promise<string | null> {
  try {
    await rmdir(await mkdtemp(join(folder, ".k6-nostr-")));
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

async function freeBytesAt(folder: string): Promise<number | null> {
  const place = await findExisting(resolve(folder));
  if (place === null) return null;
  const { bavail, bsize } = await statfs(place);
  return bavail * bsize;
}

function soften(finding: Finding): Finding {
  return finding.level === "stop" ? { ...finding, level: "advice" } : finding;
}
