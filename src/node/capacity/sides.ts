/** Each relay of a search made ready: checked, its journal open or taken up again. */
import {
  looksAtRelay,
  secondsJudged,
  thresholdsOfRates,
  whyUnjudged,
} from "../../capacity/objective.ts";
import { leastJudged } from "../../capacity/precision.ts";
import type { SearchSettings } from "../../capacity/result.ts";
import { meaningOf } from "../../capacity/scales.ts";
import { ConfigError } from "../../errors.ts";
import { keepOptions } from "../../plan/kept-options.ts";
import type { OptionName } from "../../plan/option-table.ts";
import { type OptionTexts, readSwitch } from "../../plan/options.ts";
import { leadingRate, type Plan } from "../../plan/plan.ts";
import { SCENARIOS, type ScenarioName } from "../../plan/scenarios.ts";
import { CEILING_SHARE } from "../../report/share-signals.ts";
import { ceilingOf } from "../calibrate/obtain.ts";
import { readNote, readPid, readPoolsLimit } from "../commands/run.ts";
import { findRelay } from "../companion/relay-process.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { makeRunId } from "../run/run-id.ts";
import type { Terminal } from "../terminal.ts";
import { ceilingOfMachine, type MachineCeiling } from "./ceiling.ts";
import type { Generator, Ready } from "./generator.ts";
import { Journal, type JournalHead } from "./journal.ts";
import { planAt } from "./plan-at.ts";
import { searchToGoOn } from "./resume.ts";
import type { Side } from "./search-run.ts";
import { textsKept } from "./settings.ts";

/** What is the same for all relays. */
export interface Asked {
  readonly scenario: ScenarioName;
  readonly seed: string;
  readonly generator: Generator;
  readonly cores: number;
  readonly settings: SearchSettings;
  readonly given: readonly OptionName[];
  readonly cooldownSec: number | null;
  readonly emptyBy: string | null;
  readonly isResumed: boolean;
  /** A search that goes on has its own; another one is refused. */
  readonly isScaleGiven: boolean;
  /** More time may be given to a search that goes on. */
  readonly isBudgetGiven: boolean;
}

export interface SideAsked extends Asked {
  readonly texts: OptionTexts;
  readonly plan: Plan;
  /** There is another one: what is said says of which it is. */
  readonly isNamed: boolean;
  /** Where its journal lies. */
  readonly dir: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export interface OpenSide extends Side {
  readonly head: JournalHead;
}

/** The plan of the first trial, by which all is checked. Throws `ConfigError`. */
export function firstPlan(asked: Asked, texts: OptionTexts): Plan {
  const { from, probeSec, comesPerSec } = asked.settings;
  const comesSec = comesPerSec === undefined ? 0 : Math.ceil(from / comesPerSec);
  const lengthSec = comesSec + probeSec;
  const plan = planAt({ ...asked, texts }, { number: 1, load: from, lengthSec });
  const why = whyUnjudged(plan, asked.settings);
  if (why !== null) throw new ConfigError(`--threshold ${why}`);
  return plan;
}

/** Throws `ConfigError` for a relay that is refused, and for a search that can't go on. */
export async function openSide(asked: SideAsked): Promise<OpenSide> {
  const { scenario, texts, plan, seed, terminal, signal, dir } = asked;
  const kept = keepOptions(scenario, textsKept(asked.settings.scale, texts), asked.given, seed);
  const labels = plan.relays.map(({ label }) => label);
  const config = { relays: labels, ...kept };
  const last = asked.isResumed ? await searchToGoOn(asked, config) : null;
  const prepared = await asked.generator.prepare({
    ...{ plan, kept, terminal, signal },
    poolDir: undefined,
    durationGiven: true,
    mostPoolBytes: readPoolsLimit(texts),
    relayPid: readPid(texts),
    relayMetrics: texts.relayMetrics,
    force: readSwitch(texts, "force"),
    mayCalibrate: !readSwitch(texts, "noCalibrate"),
    ca: await readAuthorities(texts.ca),
    relayNote: readNote(texts),
  });
  await refuseUnseen(asked, prepared);
  const bounded = last?.journal.head.settings ?? (await bound(asked, prepared));
  const head: JournalHead = last?.journal.head ?? {
    ...{ id: makeRunId(), startedAt: new Date().toISOString() },
    ...{ scenario, seed, config, settings: bounded, isOfTwo: asked.isNamed },
  };
  const { budgetSec } = asked.settings;
  const { cores, cooldownSec, emptyBy } = asked;
  return {
    head,
    journal: last?.journal ?? (await Journal.begin(dir, head)),
    before: last?.trials ?? [],
    run: {
      ...{ scenario, texts, cores, cooldownSec, emptyBy, prepared, terminal, signal },
      seed: head.seed,
      settings: asked.isBudgetGiven ? { ...bounded, budgetSec } : bounded,
      stock: asked.generator.openStock({ isReused: emptyBy !== null }),
      of: asked.isNamed ? ` of ${labels.join(", ")}` : "",
    },
  };
}

/** Beyond nine tenths of what the generator reaches it would be measured itself; beyond what it has, nothing. */
async function bound(asked: SideAsked, prepared: Ready): Promise<SearchSettings> {
  const { settings, scenario, plan, emptyBy } = asked;
  const { calibration } = prepared;
  const ceilingEps =
    settings.scale === "rate" && SCENARIOS[scenario].leads === "publish"
      ? ceilingOf(calibration)
      : null;
  const calibrated = ceilingEps === null ? null : Math.floor(ceilingEps * CEILING_SHARE.invalid);
  const machine = await boundOfMachine(asked, prepared);
  return {
    ...settings,
    ceiling: calibrated ?? machine?.load ?? null,
    ...(machine === null ? {} : { ceilingWhy: machine.why }),
    ...judgesOf(asked),
    meaning: meaningOf(settings.scale, plan),
    ...(emptyBy === null ? {} : { fresh: true }),
  };
}

async function boundOfMachine(
  asked: SideAsked,
  { readMachine }: Ready,
): Promise<MachineCeiling | null> {
  const machine = readSwitch(asked.texts, "force") ? null : await readMachine();
  if (machine === null) return null;
  const { proveSec } = asked.settings;
  const planOf = (load: number) => planAt(asked, { number: 1, load, lengthSec: proveSec });
  return ceilingOfMachine(asked.settings, planOf, machine);
}

function judgesOf({ settings, plan }: SideAsked): Pick<SearchSettings, "judges"> {
  const { scale } = settings;
  // Connections that are held are as many however long they are.
  const isHeld = plan.connect !== null && scale === "clients";
  const isRate = ["rate", "query-rate", "connect-rate"].includes(scale);
  const perSec = isRate ? null : leadingRate(plan);
  const judges = leastJudged(isHeld ? [] : thresholdsOfRates(plan), perSec);
  const sec = secondsJudged(plan.thresholds);
  return { judges: sec === 0 ? judges : { ...judges, sec } };
}

/** Throws `ConfigError` where an objective asks for the relay's process, and it can't be seen. */
async function refuseUnseen({ plan, texts }: SideAsked, { admissions }: Ready): Promise<void> {
  const one = plan.thresholds.find(looksAtRelay);
  // What the relay, or a meter beside it, says of itself stands for it.
  if (one === undefined || texts.relayMetrics !== undefined) return;
  const { pids, notMeasured } = await findRelay(readPid(texts), admissions);
  if (pids.length > 0) return;
  const why = notMeasured.map((of) => `${of.what}: ${of.why}`).join("; ");
  throw new ConfigError(
    `--threshold \`${one.metric}\` can't be judged: the relay's process can't be seen from here (${why})`,
  );
}
