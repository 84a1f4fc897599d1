/** `k6-nostr preflight`: everything that would stop a run or spoil its figures, found without load. */
import { availableParallelism } from "node:os";
import { parseMix } from "../../events/mix.ts";
import type { Refusal } from "../../guard/guard.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { type OptionTexts, readEpoch, readSwitch } from "../../plan/options.ts";
import { buildPlan, leadingRate, type Plan } from "../../plan/plan.ts";
import { isScenario } from "../../plan/scenarios.ts";
import { EXIT } from "../../report/verdict.ts";
import { readAsked } from "../asked.ts";
import { parseCommandLine } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { type Admission, judgeRelay } from "../guard/gate.ts";
import { ownHeaders, policyOf } from "../guard/policy.ts";
import { refuseSources } from "../guard/sources.ts";
import { loadBuilders } from "../pool/builders.ts";
import type { ReplayTimes } from "../pool/replay-event.ts";
import { type Finding, renderFindings, stop } from "../preflight/finding.ts";
import { judgeHere } from "../preflight/here.ts";
import { preflight as check } from "../preflight/preflight.ts";
import { fitToReplay } from "../run/events.ts";
import { POOLS_DIR, replayOption } from "../run/pool.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, describeOptions, HELP_FLAG } from "./help.ts";
import { readPid } from "./run.ts";

const USAGE = `k6-nostr preflight [scenario] --relay URL [flags of run]

Checks what a run with the same flags would need: the guard's verdict, the relay and what it announces
(NIP-11), the pool's events against that, files, ports, memory, disk and cores, the report folder, clocks.
Sends no load: one request, REQs that find nothing where the scenario asks, and one event like the run's of
each type and kind, the largest and the oldest, signed with keys made for them; of a file of --events, some
that are then not sent by the run. It says which kinds it left in the relay. Exit code 0: a run may start;
2: it would be stopped.

`;

export async function preflight(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [
    ...Object.values(OPTIONS),
    CONFIG_FLAG,
    HELP_FLAG,
  ]);
  if (flags.help) {
    const own = isScenario(words[0]) ? words[0] : undefined;
    process.stdout.write(
      `${USAGE}${describeOptions(own)}\n${describeFlags([CONFIG_FLAG, HELP_FLAG])}`,
    );
    return EXIT.ok;
  }
  const { scenario, texts, given } = await readAsked(words, flags, process.env, "publish");
  const asked = buildPlan(scenario, texts, "preflight", availableParallelism());
  const builders = texts.builders === undefined ? undefined : await loadBuilders(texts.builders);
  const extra = builders?.extra ?? [];
  if (asked.mix !== "") parseMix(asked.mix, extra);
  const force = readSwitch(texts, "force");
  const replayed = await replayFor(texts, undefined);
  const poolDir = replayed ?? texts.pool;
  const terminal = createTerminal();
  const durationGiven = given.includes("duration");
  const fit = (dir: string | undefined) =>
    fitToReplay({ plan: asked, durationGiven, terminal }, dir);
  const plan = await fit(poolDir);
  const replay = async (times: ReplayTimes) => {
    const dir = await replayFor(texts, times);
    return { poolDir: dir, plan: await fit(dir) };
  };
  const relayPid = readPid(texts);
  const here = await judgeHere({ plan, poolDir, poolsDir: POOLS_DIR, relayPid, extra, force });
  const { admissions, refusals } = await judgeAll(plan, await readAuthorities(texts.ca));
  refuseSources(plan, admissions);
  const { findings, timesNote } = await check({
    plan,
    admissions,
    poolDir,
    replay: replayed === undefined ? undefined : replay,
    epoch: readEpoch(texts),
    force,
    extra,
    relayPid,
  });
  const all: readonly Finding[] = [...refusals, ...here, ...findings];
  if (timesNote !== null) process.stdout.write(`pool: ${timesNote}\n\n`);
  process.stdout.write(renderFindings(all));
  return all.some(({ level }) => level === "stop") ? EXIT.config : EXIT.ok;
}

/** The pool of a file of events, as a run makes it, and keeps it. */
async function replayFor(
  texts: OptionTexts,
  times: ReplayTimes | undefined,
): Promise<string | undefined> {
  const interrupts = catchInterrupts();
  try {
    const { signal } = interrupts;
    return await replayOption(texts, createTerminal(), {
      signal,
      ...(times === undefined ? {} : { times }),
    });
  } finally {
    interrupts.release();
  }
}

/** The guard's verdict on each relay; only those it admits are asked anything. */
async function judgeAll(
  plan: Plan,
  ca: string | undefined,
): Promise<{ readonly admissions: readonly Admission[]; readonly refusals: readonly Finding[] }> {
  const admissions: Admission[] = [];
  const refusals: Finding[] = [];
  const request = {
    policy: policyOf(plan),
    nowMs: Date.now(),
    rateEps: leadingRate(plan),
    clients: plan.clients,
    headers: ownHeaders(plan),
    ca,
  };
  for (const url of plan.relays) {
    const result = await judgeRelay(url, request);
    if (result.status === "admitted") admissions.push(result);
    else refusals.push(describeRefusal(url.label, result));
  }
  return { admissions, refusals };
}

function describeRefusal(label: string, { reason, remedy }: Refusal): Finding {
  const why = "load goes to relays only whose owner meant it";
  return stop("guard", { what: `refused \`${label}\`: ${reason}`, why, remedy });
}
