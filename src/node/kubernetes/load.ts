/**
 * A load by the pods of a cluster: makes them, follows what they say, and says in a line what became of each. They
 * begin by themselves at the start they were told: nothing here is in their way, and nothing waits for this process.
 */
import { ConfigError, Interrupted } from "../../errors.ts";
import type { Said } from "../../merge/gather.ts";
import { CLOSE_TIMEOUT_MS, drainMs } from "../../plan/duration.ts";
import type { Plan } from "../../plan/plan.ts";
import { openingMs } from "../../plan/start.ts";
import type { Terminal } from "../terminal.ts";
import type { Cluster } from "./api.ts";
import { CLOCK, type Clock } from "./clock.ts";
import { KINDS_OF } from "./engine.ts";
import { Following } from "./following.ts";
import type { Engine } from "./job.ts";
import { podsOf, remove } from "./made.ts";
import type { Pod } from "./pods.ts";
import { Roster } from "./roster.ts";

/** Between two looks at the pods. */
const LOOK_MS = 2_000;
/** Behind the last answer: k6 and Node end, and say their last. */
const LAST_WORDS_MS = 60_000;
/** For what is on its way in a log when its pod has ended. */
const SETTLE_MS = 10_000;
/** To remove the pods before those that are ready begin. */
const TURN_BACK_MS = 2_000;

const STOPPED = "stopped, as another one had died (--fail-fast)";

export interface LoadRequest {
  readonly api: Cluster;
  readonly name: string;
  readonly engine: Engine;
  readonly plan: Plan;
  readonly startAtMs: number;
  /** The first instance that dies ends all. */
  readonly failFast: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

export interface Loaded {
  readonly processes: ReadonlyMap<string, Said>;
  /** Index → why it did not end as it should. */
  readonly ended: ReadonlyMap<number, string>;
  /** As they were seen last. */
  readonly pods: readonly Pod[];
}

/** Throws `ConfigError` where nothing was measured. */
export async function loadByPods(request: LoadRequest): Promise<Loaded> {
  const following = new Following(request.api, request.clock);
  try {
    return await followAll(request, following);
  } finally {
    following.close();
  }
}

async function followAll(request: LoadRequest, following: Following): Promise<Loaded> {
  const { api, name, engine, plan, startAtMs, failFast, terminal, signal } = request;
  const { clock = CLOCK } = request;
  const roster = new Roster(plan.instances, startAtMs);
  const lastMs =
    startAtMs +
    (plan.warmupSec + plan.durationSec) * 1_000 +
    drainMs(plan) +
    CLOSE_TIMEOUT_MS +
    LAST_WORDS_MS;
  const turnBackMs = startAtMs - openingMs(plan) - TURN_BACK_MS;
  let isStopping = false;
  let mayTurnBack = true;
  while (clock.nowMs() < lastMs) {
    await look(request, roster, clock.nowMs());
    following.follow(roster.pods);
    for (const line of roster.news()) terminal.note(line);
    if (roster.areAllOver()) break;
    if (!isStopping && (signal.aborted || (failFast && roster.hasDead()))) {
      isStopping = true;
      roster.stop(signal.aborted ? null : STOPPED);
      terminal.note("all pods are stopped; their last figures are waited for");
      await remove(api, name, KINDS_OF[engine]);
    }
    if (mayTurnBack && !isStopping) {
      mayTurnBack = clock.nowMs() < turnBackMs;
      const reason = roster.findHopeless() ?? (mayTurnBack ? null : roster.findNotRunning());
      if (reason !== null)
        throw new ConfigError(`${reason}\nNothing was sent; what was made is removed.`);
    }
    const running = `${roster.count("running")} of ${plan.instances} pods run`;
    terminal.status(`${running}  ${following.describe(clock.nowMs())}`);
    await clock.wait(LOOK_MS, isStopping ? undefined : signal);
  }
  terminal.clear();
  await following.settle(SETTLE_MS);
  return resultOf(following, roster, request);
}

/** A cluster that does not answer for a while ends no run: pods need nothing of this process. */
async function look({ api, name }: LoadRequest, roster: Roster, nowMs: number): Promise<void> {
  try {
    roster.see(await podsOf(api, name), nowMs);
  } catch {
    // The next look may see again, and the time of the run is bounded.
  }
}

function resultOf(following: Following, roster: Roster, { plan, signal }: LoadRequest): Loaded {
  const { processes } = following.gathering;
  const said = [...processes.values()];
  const hasSaid = (index: number) =>
    said.some(({ begin, about }) => begin?.index === index && about !== null);
  const ended = roster.endings(hasSaid);
  if (said.some(({ slices }) => slices.size > 0)) return { processes, ended, pods: roster.pods };
  if (signal.aborted) throw new Interrupted("interrupted before anything was measured");
  const reasons = roster.pods.map(
    ({ index, name }) =>
      `instance ${index} of ${plan.instances}: ${following.lastWords(name) ?? ended.get(index ?? -1) ?? "it said nothing"}`,
  );
  throw new ConfigError(`nothing was measured\n${reasons.slice(0, 5).join("\n")}`);
}
