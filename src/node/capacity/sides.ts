/** Each relay of a search made ready: checked, its journal open or taken up again. */
import { leastJudged } from "../../capacity/precision.ts";
import type { SearchSettings } from "../../capacity/result.ts";
import { ConfigError } from "../../errors.ts";
import { keepOptions } from "../../plan/kept-options.ts";
import type { OptionName } from "../../plan/option-table.ts";
import { type OptionTexts, readSwitch } from "../../plan/options.ts";
import { leadingRate, type Plan } from "../../plan/plan.ts";
import { SCENARIOS, type ScenarioName } from "../../plan/scenarios.ts";
import { CEILING_SHARE } from "../../report/share-signals.ts";
import { ceilingOf } from "../calibrate/obtain.ts";
import { readNote, readPid, readPoolsLimit } from "../commands/run.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { makeRunId } from "../run/run-id.ts";
import type { Terminal } from "../terminal.ts";
import type { Generator, Ready } from "./generator.ts";
import { Journal, type JournalHead } from "./journal.ts";
import type { Side } from "./search-run.ts";
import { planAt } from "./trial.ts";

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
  return planAt({ ...asked, texts }, { number: 1, load: asked.settings.from, lengthSec: 10 });
}

/** Throws `ConfigError` for a relay that is refused, and for a search that can't go on. */
export async function openSide(asked: SideAsked): Promise<OpenSide> {
  const { scenario, texts, plan, seed, terminal, signal, dir } = asked;
  const kept = keepOptions(scenario, texts, asked.given, seed);
  const labels = plan.relays.map(({ label }) => label);
  const config = { relays: labels, ...kept };
  const last = asked.isResumed ? await lastOf(dir, scenario, config) : null;
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
  const bounded = last?.journal.head.settings ?? bound(asked, prepared);
  const head: JournalHead = last?.journal.head ?? {
    ...{ id: makeRunId(), startedAt: new Date().toISOString() },
    ...{ scenario, seed, config, settings: bounded },
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

/** Beyond nine tenths of what the generator reaches it would be measured itself. */
function bound(
  { settings, scenario, plan, emptyBy }: SideAsked,
  { calibration }: Ready,
): SearchSettings {
  const ceilingEps =
    settings.scale === "rate" && SCENARIOS[scenario].leads === "publish"
      ? ceilingOf(calibration)
      : null;
  const ceiling = ceilingEps === null ? null : Math.floor(ceilingEps * CEILING_SHARE.invalid);
  const perSec = settings.scale === "clients" ? leadingRate(plan) : null;
  const judges = leastJudged(plan.thresholds, perSec);
  return { ...settings, ceiling, judges, ...(emptyBy === null ? {} : { fresh: true }) };
}

async function lastOf(
  reportDir: string,
  scenario: ScenarioName,
  config: JournalHead["config"],
): Promise<NonNullable<Awaited<ReturnType<typeof Journal.last>>>> {
  const last = await Journal.last(reportDir);
  if (last === null) throw new ConfigError(`--resume: there is no search in \`${reportDir}\``);
  const { head } = last.journal;
  const isSame = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);
  const { seed: _, ...was } = head.config.options;
  const { seed: __, ...is } = config.options;
  if (head.scenario === scenario && isSame(was, is) && isSame(head.config.relays, config.relays)) {
    return last;
  }
  throw new ConfigError(
    `--resume: the newest search in \`${reportDir}\` is another one (\`${head.scenario}\`, ${head.config.relays.join(", ")}); give the same relay and options`,
  );
}
