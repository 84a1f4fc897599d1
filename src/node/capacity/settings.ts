/** The flags of `capacity`: a table, and what they say. Throws `ConfigError` for what no search can be made of. */
import { whyTooFine } from "../../capacity/precision.ts";
import type { Scale, SearchSettings } from "../../capacity/result.ts";
import { SCALES, scalesOf } from "../../capacity/scales.ts";
import { ConfigError } from "../../errors.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { clip, type OptionTexts } from "../../plan/options.ts";
import type { ScenarioName } from "../../plan/scenarios.ts";
import type { FlagRow } from "../command-line.ts";

export const SEARCH_FLAGS: readonly FlagRow[] = [
  {
    flag: "scale",
    value: "KIND",
    help: "what grows: rate, query-rate, clients, subscribers, fanout or connect-rate [default: what the scenario is about]",
  },
  {
    flag: "from",
    value: "N",
    help: "the first load; lower ones are tried where it fails [default: 50 a second, 100 connections, a fan-out of 5]",
  },
  { flag: "to", value: "N", help: "the highest load to try" },
  {
    flag: "precision",
    value: "P%",
    default: "5%",
    help: "how far last passing and first failing may be apart",
  },
  {
    flag: "trial",
    value: "SEC",
    default: "30",
    help: "a trial while it narrows; of each the first third is not judged",
  },
  { flag: "probe", value: "SEC", default: "10", help: "a trial while the load doubles" },
  {
    flag: "repeats",
    value: "N",
    default: "3",
    help: "trials at a load at most while it narrows; the majority decides",
  },
  { flag: "budget", value: "TIME", default: "30m", help: "time for all, as 90s, 30m or 1h" },
  {
    flag: "cooldown",
    value: "auto|SEC",
    default: "auto",
    help: "before a trial: until the relay is as at first, 30 s at most; or so long",
  },
  {
    flag: "fresh",
    value: "off|trial",
    default: "off",
    help: "trial: the relay is emptied before each, by --empty-by",
  },
  {
    flag: "empty-by",
    value: "COMMAND",
    help: "empties the relay, which is in RELAY_URL, and ends when it is there again",
  },
  { flag: "against", value: "URL", help: "a second relay, searched in turn with --relay" },
  { flag: "quick", help: "an estimate within four minutes: short trials, one a load, 10 %" },
  { flag: "resume", help: "go on with the newest search in the folder of reports" },
];

type Flags = Readonly<Record<string, string | undefined>>;

const FULL = { precision: "5%", trial: "30", probe: "10", repeats: "3", budget: "30m" };
/** It has to end within four minutes. */
const QUICK = {
  precision: "10%",
  trial: "7",
  probe: "5",
  repeats: "1",
  budget: "230s",
};
/** Of a trial that narrows; an estimate has no longer ones. */
const PROVE_LONGER = 2;
const BETWEEN_SEC = 4;
const LEAST = 1;

/** `mode`: of `connect`, where it decides what a load can be. */
export function readSettings(
  flags: Flags,
  scenario: ScenarioName,
  mode?: string | undefined,
): SearchSettings {
  const quick = flags.quick !== undefined;
  const scale = readScale(flags.scale, scenario, mode);
  const { isWhole, lengths, ...begins } = SCALES[scale];
  const texts = { ...(quick ? QUICK : { ...FULL, ...lengths }), ...flags };
  const from =
    flags.from === undefined
      ? begins[quick ? "quickFrom" : "from"]
      : readPositive("from", flags.from);
  const to = flags.to === undefined ? null : readPositive("to", flags.to);
  if (to !== null && to < from) {
    throw new ConfigError(
      `--to must be at least --from (${from}), got \`${clip(flags.to ?? "")}\``,
    );
  }
  if (isWhole && ![from, to ?? 1].every(Number.isInteger)) {
    throw new ConfigError(`--from and --to must be whole numbers where --scale is \`${scale}\``);
  }
  const trialSec = readPositive("trial", texts.trial, 3_600);
  const settings: SearchSettings = {
    scale,
    from,
    to,
    ceiling: null,
    least: Math.min(from, LEAST),
    precision: readPercent(texts.precision),
    trialSec,
    probeSec: readPositive("probe", texts.probe, 3_600),
    proveSec: quick || lengths !== undefined ? trialSec : trialSec * PROVE_LONGER,
    repeats: readRepeats(texts.repeats),
    budgetSec: readTime(texts.budget),
    betweenSec: BETWEEN_SEC,
    quick,
  };
  const why = whyTooFine(settings);
  if (why !== null) throw new ConfigError(why);
  return settings;
}

/** `null`: until the relay is as it was at first. */
export function readCooldown(text: string | undefined): number | null {
  if (text === undefined || text === "auto") return null;
  return text === "0" ? 0 : readPositive("cooldown", text, 3_600);
}

/** The command that empties the relay before each trial; `null`: it keeps what it was sent. */
export function readFresh({ fresh = "off", "empty-by": command }: Flags): string | null {
  if (fresh !== "off" && fresh !== "trial") {
    throw new ConfigError(`--fresh must be \`off\` or \`trial\`, got \`${clip(fresh)}\``);
  }
  const isGiven = command !== undefined && command.trim() !== "";
  if (isGiven === (fresh === "trial")) return command ?? null;
  throw new ConfigError(
    fresh === "trial"
      ? "--fresh trial needs --empty-by COMMAND, which empties the relay, for instance by starting it on a new folder"
      : "--empty-by is for --fresh trial",
  );
}

/** The flags of what a search sets for each trial. */
export function flagsSet(scale: Scale): readonly string[] {
  const { option, sets } = SCALES[scale];
  return [option, ...sets].map((name) => OPTIONS[name].flag);
}

/** Connections come so fast by default: at the calm rate of a run the ramp would be most of a search. */
const COMES_PER_SEC = "500";

/** What is the same in all trials of a search, where it is another than in a run. */
export function textsOfSearch(scale: Scale, texts: OptionTexts): OptionTexts {
  const isHeld = scale === "clients" && texts.mode !== undefined;
  return isHeld ? { connectRate: COMES_PER_SEC, ...texts } : texts;
}

/** What decides the trials of a search; what it sets itself is no part of it, though an environment has it. */
export function textsKept(scale: Scale, texts: OptionTexts): OptionTexts {
  const { option, sets } = SCALES[scale];
  const own: readonly string[] = ["duration", "warmup", option, ...sets];
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !own.includes(name)));
}

/** A text that is no number is refused with the plan. */
export function rampOf(
  scale: Scale,
  { connectRate }: OptionTexts,
): Pick<SearchSettings, "comesPerSec"> {
  return scale === "clients" && connectRate !== undefined
    ? { comesPerSec: Number(connectRate) }
    : {};
}

function readScale(text: string | undefined, scenario: ScenarioName, mode?: string): Scale {
  const scales = scalesOf(scenario, mode);
  const [own] = scales;
  if (own === undefined) {
    throw new ConfigError(
      `\`capacity\` does not search with \`--mode ${mode}\`: what is taken of clients that come back together is their rate, which \`--mode storm\` searches for`,
    );
  }
  if (text === undefined) return own;
  const scale = scales.find((one) => one === text);
  if (scale !== undefined) return scale;
  const expected = scales.map((one) => `\`${one}\``).join(" or ");
  const of = mode === undefined ? `\`${scenario}\`` : `\`${scenario} --mode ${mode}\``;
  throw new ConfigError(`--scale of ${of} must be ${expected}, got \`${clip(text)}\``);
}

function readPositive(flag: string, text: string, most = 1e9): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= most) return value;
  throw new ConfigError(`--${flag} must be a number above 0, got \`${clip(text)}\``);
}

function readPercent(text: string): number {
  const value = /^\d*\.?\d+ ?%$/.test(text) ? Number.parseFloat(text) : 0;
  if (value > 0 && value <= 100) return value / 100;
  throw new ConfigError(`--precision must be a percentage as \`5%\`, got \`${clip(text)}\``);
}

/** With an even number there would be no majority. */
function readRepeats(text: string): number {
  if (/^[13579]$/.test(text)) return Number(text);
  throw new ConfigError(`--repeats must be 1, 3, 5, 7 or 9, got \`${clip(text)}\``);
}

function readTime(text: string): number {
  const [, number = "", unit = "s"] = /^(\d+)(s|m|h)?$/.exec(text) ?? [];
  const seconds = Number(number) * { s: 1, m: 60, h: 3_600 }[unit as "s" | "m" | "h"];
  if (number !== "" && seconds > 0) return seconds;
  throw new ConfigError(
    `--budget must be a time as \`90s\`, \`30m\` or \`1h\`, got \`${clip(text)}\``,
  );
}
