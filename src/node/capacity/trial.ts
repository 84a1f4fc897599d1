/** One trial of a search, through the same path as `run`: a seed and events of its own, the first third not judged. */
import { writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { judgeTrial } from "../../capacity/judge.ts";
import type { SearchSettings, Trial, TrialRole } from "../../capacity/result.ts";
import { Interrupted } from "../../errors.ts";
import type { OptionTexts } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ScenarioName } from "../../plan/scenarios.ts";
import { wait } from "../preflight/dial.ts";
import type { PoolChoice } from "../run/pool.ts";
import { admitFor } from "../run/prepare.ts";
import type { Terminal } from "../terminal.ts";
import { whyImpossible } from "./ceiling.ts";
import { type Cooled, coolDown, type Resting, UNKNOWN } from "./cooling.ts";
import { databaseBytes } from "./database.ts";
import { emptyRelay } from "./empty.ts";
import type { Ready } from "./generator.ts";
import { lookAtRest, whyGone } from "./look.ts";
import { planAt } from "./plan-at.ts";
import type { Supplies } from "./stock.ts";

/** What is the same in all trials. */
export interface Trials {
  readonly scenario: ScenarioName;
  readonly texts: OptionTexts;
  readonly seed: string;
  readonly cores: number | null;
  readonly settings: SearchSettings;
  /** Waits so long before each; `null`: until the relay is as at the baseline. */
  readonly cooldownSec: number | null;
  readonly stock: Supplies;
  /** The command that empties the relay before each; `null`: it keeps what the trials before sent. */
  readonly emptyBy: string | null;
  /** Which relay, where there are several searches: ` of 127.0.0.1:7778`. */
  readonly of: string;
  readonly prepared: Ready;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export interface Asked {
  readonly number: number;
  readonly role: TrialRole;
  readonly load: number;
  readonly lengthSec: number;
}

/** What a trial goes by that the trials before it left. */
export interface Before {
  readonly rest: Resting;
  /** Events that this trial and those behind it are foreseen to send. */
  readonly eventsAhead: number;
}

/** Throws `Interrupted` where it was stopped: a trial that is not whole says nothing. */
export async function carryOutTrial(
  trials: Trials,
  asked: Asked,
  { rest, eventsAhead }: Before,
): Promise<{ readonly trial: Trial; readonly cooled: Cooled }> {
  const { prepared, signal, terminal, stock } = trials;
  const signedSec = stock.signedSec;
  const startMs = performance.now();
  const { number, role, load, lengthSec } = asked;
  const known = {
    ...{ number, role, load, lengthSec },
    startedAt: new Date().toISOString(),
    seed: `${trials.seed}-${number}`,
  };
  const took = () => {
    const madeSec = stock.signedSec - signedSec;
    const tookSec = (performance.now() - startMs) / 1_000;
    return { tookSec, ...(madeSec > 0 ? { madeSec } : {}) };
  };
  let cooled: Cooled = { cooledSec: 0, aged: false, found: UNKNOWN };
  const withoutReport = (own: Pick<Trial, "verdict" | "died" | "voidReason">): Trial => ({
    ...{ ...known, ...NOTHING, ...own },
    ...{ cooledSec: cooled.cooledSec, aged: cooled.aged, ...took() },
  });
  const machine = prepared.request.force === true ? null : await prepared.readMachine();
  const voidReason = machine === null ? null : whyImpossible(() => planAt(trials, asked), machine);
  if (voidReason !== null) return { trial: withoutReport({ verdict: "void", voidReason }), cooled };
  const plan = planAt(trials, asked);
  const request = {
    ...prepared.request,
    plan,
    // What bounds it is a result here, and no refusal.
    force: true,
    terminal: quiet(terminal),
    trial: {
      takePool: (own: Plan, choice: PoolChoice) => stock.take(own, choice, eventsAhead),
      corpusSeed: trials.seed,
      onReady: async () => {
        cooled = await cool(trials, rest);
      },
    },
  };
  if (trials.emptyBy !== null) await emptyRelay(trials.emptyBy, plan, signal);
  await prepared.lookHere({ ...request, force: false });
  const admissions = await admitFor(plan, request.ca);
  try {
    const { report, outcome, runDir } = await prepared.carryOut({ request, admissions });
    if (outcome.stopped === "interrupted" || signal.aborted) {
      throw new Interrupted("interrupted within a trial");
    }
    // What others saw has no process here.
    const { several } = report.generator;
    const pid = several ? undefined : report.resources?.relayProcesses?.at(-1)?.pid;
    const judged = judgeTrial(report, await databaseBytes(pid));
    const died = await whyGone(admissions);
    const { cooledSec, aged } = cooled;
    const trial: Trial = {
      ...known,
      ...judged,
      ...(died === null ? {} : { died, verdict: "fail" as const }),
      ...{ cooledSec, aged, ...took() },
      report: await keepReport(JSON.stringify(report), runDir, plan.reportDir),
    };
    return { trial, cooled };
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const died = await whyGone(admissions);
    if (died === null) throw error;
    return { trial: withoutReport({ verdict: "fail", died }), cooled };
  }
}

/** Of a run that ended with the relay, before it handed anything in, or never began. */
const NOTHING = {
  ...{ failed: [], thresholds: [], findings: [], generator: "invalid", report: null },
  figures: {
    ...{ offered: 0, done: 0, p50: null, p95: null, p99: null, failedShare: null, unsent: 0 },
    ...{ backlogGrowth: 0, relayCpu: null, relayMemory: null, databaseBytes: null },
    ceilingShare: null,
  },
} as const satisfies Partial<Trial>;

async function cool(trials: Trials, rest: Resting): Promise<Cooled> {
  const { prepared, cooldownSec, signal } = trials;
  const nowMs = () => performance.now();
  if (cooldownSec === null) {
    const look = () => lookAtRest(prepared.admissions, prepared.request.relayPid);
    return await coolDown(rest, { look, nowMs, wait, signal });
  }
  const startMs = nowMs();
  while (!signal.aborted && nowMs() - startMs < cooldownSec * 1_000) await wait(100);
  return { cooledSec: (nowMs() - startMs) / 1_000, aged: false, found: UNKNOWN };
}

/** What there is no room for is left out: the trial counts all the same. */
async function keepReport(text: string, runDir: string, reportDir: string): Promise<string | null> {
  try {
    await writeFile(join(runDir, "report.json"), `${text}\n`);
    return relative(resolve(reportDir), join(runDir, "report.json"));
  } catch {
    return null;
  }
}

/** A search has lines of its own. */
function quiet(terminal: Terminal): Terminal {
  return { note: () => {}, status: (text) => terminal.status(text), clear: () => terminal.clear() };
}
