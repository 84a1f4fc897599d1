/** The plan of a trial: its load and its length in place of the options that they are given by. */
import { judgedSec } from "../../capacity/precision.ts";
import type { SearchSettings } from "../../capacity/result.ts";
import { SCALES } from "../../capacity/scales.ts";
import { topicsOfVu } from "../../plan/fanout.ts";
import type { OptionTexts } from "../../plan/options.ts";
import { buildPlan, type Plan } from "../../plan/plan.ts";
import type { ScenarioName } from "../../plan/scenarios.ts";

/** What decides the plans of trials. */
export interface Planning {
  readonly scenario: ScenarioName;
  readonly texts: OptionTexts;
  readonly seed: string;
  readonly cores: number | null;
  readonly settings: Pick<SearchSettings, "scale" | "comesPerSec">;
}

export interface PlannedTrial {
  readonly number: number;
  readonly load: number;
  /** With the first third, which is not judged; of `connect` with the time in which its connections come. */
  readonly lengthSec: number;
}

const LEAST_HELD_SEC = 1;

/** Throws `ConfigError` for a load that no plan can be made of. */
export function planAt(planning: Planning, { number, load, lengthSec }: PlannedTrial): Plan {
  const { scenario, texts, seed, cores, settings } = planning;
  const own = `${seed}-${number}`;
  const loaded = {
    ...texts,
    ...(scenario === "connect" ? heldFor(planning, load, lengthSec) : windowOf(lengthSec)),
    [SCALES[settings.scale].option]: String(load),
    seed: own,
  };
  const plan = buildPlan(scenario, loaded, own, cores);
  return settings.scale === "fanout" ? withWholeTopics(plan, loaded, { load, cores }) : plan;
}

function windowOf(lengthSec: number): OptionTexts {
  const judged = judgedSec(lengthSec);
  return { duration: String(judged), warmup: String(lengthSec - judged) };
}

/** Of handshakes a second as many come as there is time for; connections that are counted take their time ahead of it. */
function heldFor({ settings }: Planning, load: number, lengthSec: number): OptionTexts {
  if (settings.scale === "connect-rate") {
    const comeSec = judgedSec(lengthSec);
    const clients = String(Math.max(1, Math.round(load * comeSec)));
    return { clients, hold: String(Math.max(LEAST_HELD_SEC, lengthSec - comeSec)) };
  }
  const comeSec = Math.ceil(load / (settings.comesPerSec ?? load));
  return { hold: String(Math.max(LEAST_HELD_SEC, lengthSec - comeSec)) };
}

/**
 * Topics are whole, and each VU has as many: with as many subscribers as were set a fan-out of 330 would be one of 333.
 * So there are as many subscribers as give each topic what it should have.
 */
function withWholeTopics(
  plan: Plan,
  texts: OptionTexts,
  { load, cores }: { readonly load: number; readonly cores: number | null },
): Plan {
  const { fanout, vus } = plan;
  if (fanout === null) return plan;
  const topics = topicsOfVu(fanout, vus) * vus;
  const subscribers = String(Math.round((topics * load) / fanout.subsPerConnection));
  return buildPlan(plan.scenario, { ...texts, subscribers }, plan.seed, cores);
}
