/** A plan loaded by pods, from what is made for it to its one report. */
import { mergeRun } from "../../merge/merge.ts";
import type { Report } from "../../report/types.ts";
import { sha256 } from "../merge/read-logs.ts";
import type { Terminal } from "../terminal.ts";
import type { Cluster } from "./api.ts";
import { CLOCK, type Clock } from "./clock.ts";
import { KINDS_OF, manifestsOf } from "./engine.ts";
import type { JobRequest } from "./job.ts";
import { loadByPods } from "./load.ts";
import { make, remove } from "./made.ts";
import { readBackFromHere } from "./read-back.ts";

export interface PodRun {
  readonly api: Cluster;
  readonly job: JobRequest;
  /** The first instance that dies ends all. */
  readonly failFast: boolean;
  /** What was made stays. */
  readonly isKept: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** Throws `ConfigError` where nothing was measured; what was made is removed then too. */
export async function runByPods({ api, job, isKept, ...request }: PodRun): Promise<Report> {
  const { name, runId, startAtMs } = job;
  const { terminal, signal, clock = CLOCK } = request;
  await make(api, await manifestsOf(job));
  const inSec = Math.max(0, Math.round((startAtMs - clock.nowMs()) / 1_000));
  terminal.note(`made        ${name} in ${api.namespace}, which begins in ${inSec} s`);
  try {
    const { processes, ended, pods } = await loadByPods({ api, ...job, ...request });
    const run = mergeRun(processes, { ended, runId, partial: true, sha256 });
    return run.complete(await readBackFromHere(run, job, pods, { terminal, signal }));
  } finally {
    if (!isKept) await clear(api, job, terminal);
  }
}

/** A run that failed is to be told as that, and not as what came of removing it. */
async function clear(
  api: Cluster,
  { name, engine }: JobRequest,
  { note }: Terminal,
): Promise<void> {
  try {
    await remove(api, name, KINDS_OF[engine]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    note(
      `left        ${name} in ${api.namespace} (${why}); remove it: k6-nostr kubernetes delete ${name}`,
    );
  }
}
