/** `k6-nostr run <scenario>`: options → plan → run → report. */
import { availableParallelism } from "node:os";
import { ConfigError } from "../../errors.ts";
import { parseMix } from "../../events/mix.ts";
import { parseMetricsSink } from "../../guard/metrics-sink.ts";
import { keepOptions } from "../../plan/kept-options.ts";
import { OPTIONS, type OptionName } from "../../plan/option-table.ts";
import {
  type OptionTexts,
  optionLabel,
  readEpoch,
  readNumber,
  readSwitch,
} from "../../plan/options.ts";
import { buildPlan } from "../../plan/plan.ts";
import type { ScenarioName } from "../../plan/scenarios.ts";
import type { Report } from "../../report/types.ts";
import { EXIT, exitCode } from "../../report/verdict.ts";
import { readAsked } from "../asked.ts";
import { parseCommandLine } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { GATE_FLAGS } from "../gate.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { refuseByText } from "../guard/refuse.ts";
import type { Builders } from "../pool/builders.ts";
import type { ReplayTimes } from "../pool/replay-event.ts";
import type { Profiler } from "../profile/profiler.ts";

import { tellUnwritten } from "../report-files.ts";
import { drawSeed } from "../seed.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { DRAFT_FLAG, draftIfRefused } from "./draft.ts";
import { HELP_FLAG, runUsage } from "./help.ts";
import { gateRun, REPEAT_FLAGS, runRepeatedly } from "./repeat.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [
    ...Object.values(OPTIONS),
    ...REPEAT_FLAGS,
    ...GATE_FLAGS,
    CONFIG_FLAG,
    DRAFT_FLAG,
    HELP_FLAG,
  ]);
  if (flags.help) {
    process.stdout.write(
      runUsage([CONFIG_FLAG, ...REPEAT_FLAGS, ...GATE_FLAGS, DRAFT_FLAG], words[0]),
    );
    return EXIT.ok;
  }
  const work = async () => {
    const { scenario, texts, given } = await readAsked(words, flags, process.env);
    if (flags.repeat !== undefined || flags.against !== undefined) {
      return await runRepeatedly(scenario, texts, flags, (own, onReport) =>
        runScenario(scenario, own, { onReport, given }),
      );
    }
    const onReport = (report: Report) => gateRun(report, flags);
    return await runScenario(scenario, texts, { onReport, given });
  };
  return flags.draft === undefined ? await work() : await draftIfRefused(flags.draft, args, work);
}

interface RunHooks {
  /** Of a relay that the caller started. */
  readonly profiled?: Profiler | undefined;
  /** What a person gave; where the window is no part of it, a replay's events say how long it is. */
  readonly given?: readonly OptionName[];
  /** Called when the verdict is printed. */
  readonly onReport?: (report: Report) => Promise<void>;
}

/** Runs a scenario with checked options and prints the verdict; gives the exit code. */
export async function runScenario(
  scenario: ScenarioName,
  texts: OptionTexts,
  { profiled, onReport, given = [] }: RunHooks = {},
): Promise<number> {
  const plan = buildPlan(scenario, texts, drawSeed(scenario), availableParallelism());
  const durationGiven = given.includes("duration");
  refuseTwoPools(texts);
  if (plan.instances > 1 && !readSwitch(texts, "dryRun")) {
    throw new ConfigError(
      `${optionLabel("instances")} is ${plan.instances}: \`run\` is one generator with a report of its own; leave it out, or start each with \`k6-nostr share\` (docs/scale.md)`,
    );
  }
  const builders = texts.builders === undefined ? undefined : await readBuilders(texts.builders);
  const mix = plan.mix === "" ? {} : parseMix(plan.mix, builders?.extra);
  if (mix.view === undefined && scenario === "playback") {
    throw new ConfigError(
      "MIX (--mix) of `playback` needs `view`: its queries precede view events",
    );
  }
  refuseByText(plan);
  const epoch = readEpoch(texts);
  const relayPid = readPid(texts);
  const relayNote = readNote(texts);
  const metricsSink = texts.k6Out === undefined ? null : parseMetricsSink(texts.k6Out);
  if (readSwitch(texts, "dryRun")) {
    const playsOnce = !durationGiven;
    const { describePlan } = await import("../run/dry-run.ts");
    process.stdout.write(await describePlan(plan, { ...texts, epoch, builders, playsOnce }));
    return EXIT.ok;
  }
  const ca = await readAuthorities(texts.ca);
  // Most of the program, which a plan that is refused has no need of.
  const { carryOut } = await import("../run/run.ts");
  const { keepNamed, replayOption } = await import("../run/pool.ts");
  const { chooseProfiler } = await import("../profile/choose.ts");
  const { renderTerminal } = await import("../../report/terminal.ts");
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  try {
    await keepNamed(texts.pool);
    const { signal } = interrupts;
    const replay = (times?: ReplayTimes) =>
      replayOption(texts, terminal, { signal, ...(times === undefined ? {} : { times }) });
    const replayed = await replay();
    const { report, written, outcome } = await carryOut({
      plan,
      kept: keepOptions(scenario, texts, given, plan.seed),
      poolDir: replayed ?? texts.pool,
      durationGiven,
      replay: replayed === undefined ? undefined : replay,
      epoch,
      mostPoolBytes: readPoolsLimit(texts),
      builders,
      relayPid,
      relayMetrics: texts.relayMetrics,
      restartRelay: texts.restartRelay,
      profiler: await chooseProfiler(texts, profiled),
      force: readSwitch(texts, "force"),
      mayCalibrate: !readSwitch(texts, "noCalibrate"),
      audit: readSwitch(texts, "audit"),
      ca,
      relayNote,
      metricsSink,
      terminal,
      signal,
    });
    process.stdout.write(renderTerminal(report, written.files));
    await onReport?.(report);
    const isCutOff = outcome.stopped === "interrupted";
    return tellUnwritten(written, isCutOff ? EXIT.interrupted : exitCode(report));
  } finally {
    interrupts.release();
  }
}

export async function readBuilders(file: string): Promise<Builders> {
  const { loadBuilders } = await import("../pool/builders.ts");
  return await loadBuilders(file);
}

export function refuseTwoPools(texts: OptionTexts): void {
  if (texts.epoch && (texts.events || texts.pool)) {
    throw new ConfigError(
      `${optionLabel("epoch")} is for a pool that is made; leave it out with ${optionLabel(texts.pool ? "pool" : "events")}`,
    );
  }
  if (texts.events && texts.mix !== OPTIONS.mix.default) {
    throw new ConfigError(
      `${optionLabel("events")} names a file, whose events are taken as they are; leave out ${optionLabel("mix")}`,
    );
  }
  const given = (["pool", "events", "builders"] as const).filter((name) => texts[name]);
  if (given.length < 2) return;
  throw new ConfigError(
    `give one of ${given.map(optionLabel).join(" and ")}: each is a pool's source`,
  );
}

/** A person's words, kept as they are: one line that a report can hold. */
export function readNote({ relayNote }: OptionTexts): string | null {
  const text = relayNote?.trim() ?? "";
  if (text === "") return null;
  if (text.length <= 300 && !/\p{Cc}/u.test(text)) return text;
  throw new ConfigError(
    `${optionLabel("relayNote")} must be one line of at most 300 characters, got ${text.length}`,
  );
}

/** 0 is no bound. */
export function readPoolsLimit(texts: OptionTexts): number {
  const megabytes = readNumber(texts, "poolsLimit", { min: 0, max: 1e9, integer: false });
  return megabytes === 0 ? Number.POSITIVE_INFINITY : megabytes * 1e6;
}

export function readPid(texts: OptionTexts): number | undefined {
  if (texts.relayPid === undefined) return undefined;
  return readNumber(texts, "relayPid", { min: 1, max: 2 ** 22, integer: true });
}
