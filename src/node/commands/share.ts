/** `k6-nostr share <scenario>`: one of the parts of a plan; what a pod runs, or each of several machines. */
import { availableParallelism } from "node:os";
import { ConfigError } from "../../errors.ts";
import { readInstance } from "../../plan/instances.ts";
import { keepOptions } from "../../plan/kept-options.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { optionLabel, readEpoch, readSwitch } from "../../plan/options.ts";
import { buildPlan } from "../../plan/plan.ts";
import { readStartAt } from "../../plan/start.ts";
import { EXIT } from "../../report/verdict.ts";
import { type Asked, readAsked } from "../asked.ts";
import { parseCommandLine } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { makeRunId } from "../run/run-id.ts";
import { asksAgain, drawSeed } from "../seed.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, describeOptions, HELP_FLAG } from "./help.ts";
import { readBuilders, readNote, readPid, readPoolsLimit, refuseTwoPools } from "./run.ts";

export async function share(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [
    ...Object.values(OPTIONS),
    CONFIG_FLAG,
    HELP_FLAG,
  ]);
  if (flags.help) {
    process.stdout.write(
      `k6-nostr share <scenario> --relay URL --instances N --instance I [flags]\n\nLoads one of N parts of a plan and prints what it measured, for \`k6-nostr merge\`: no report.\nAll instances take the same options; docs/scale.md.\n\n${describeOptions()}\nThis command\n${describeFlags([CONFIG_FLAG, HELP_FLAG])}`,
    );
    return EXIT.ok;
  }
  const asked = await readAsked(words, flags, process.env);
  const { scenario, texts, given } = asked;
  const plan = buildPlan(scenario, texts, drawSeed(scenario), availableParallelism());
  refuseTwoPools(texts);
  const { index, startAtMs } = readPart(asked, plan.instances);
  const { carryOutShare } = await import("../run/share.ts");
  const { keepNamed, replayOption } = await import("../run/pool.ts");
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  try {
    await keepNamed(texts.pool);
    const { signal } = interrupts;
    const replayed = await replayOption(texts, terminal, { signal });
    const outcome = await carryOutShare({
      plan,
      kept: keepOptions(scenario, texts, given, plan.seed),
      poolDir: replayed ?? texts.pool,
      durationGiven: given.includes("duration"),
      epoch: readEpoch(texts),
      mostPoolBytes: readPoolsLimit(texts),
      builders: texts.builders === undefined ? undefined : await readBuilders(texts.builders),
      relayPid: readPid(texts),
      relayMetrics: texts.relayMetrics,
      audit: readSwitch(texts, "audit"),
      force: readSwitch(texts, "force"),
      ca: await readAuthorities(texts.ca),
      relayNote: readNote(texts),
      part: { index, startAtMs, onFigures: (line) => process.stdout.write(`${line}\n`) },
      runId: process.env.RUN_ID || makeRunId(),
      terminal,
      signal,
    });
    if (outcome.stopped === "interrupted") return EXIT.interrupted;
    return outcome.code === 0 ? EXIT.ok : EXIT.other;
  } finally {
    interrupts.release();
  }
}

/** Which part, and when: what would differ from machine to machine has to be given. */
function readPart({ scenario, texts, given }: Asked, instances: number) {
  if (instances === 1) {
    throw new ConfigError(
      `\`share\` loads a part of a plan: give ${optionLabel("instances")}, or use \`k6-nostr run\``,
    );
  }
  const index = readInstance(texts.instance, process.env.JOB_COMPLETION_INDEX, instances);
  if (index === null) {
    throw new ConfigError(`${optionLabel("instance")} is required: from 0 to ${instances - 1}`);
  }
  const startAtMs = readStartAt(texts.startAt);
  const hasEvents = texts.pool !== undefined || texts.events !== undefined;
  if (!given.includes("seed") && !hasEvents && !asksAgain(scenario)) {
    throw new ConfigError(
      `${optionLabel("seed")} is required: each instance would draw its own, and send events of another pool`,
    );
  }
  if (texts.corpus === "relay") {
    throw new ConfigError(
      `${optionLabel("corpus")} can't be \`relay\` for several instances: each would learn another one`,
    );
  }
  if (texts.epoch === "now" && startAtMs === null) {
    throw new ConfigError(
      `${optionLabel("epoch")} \`now\` needs ${optionLabel("startAt")}: each instance would have another now`,
    );
  }
  return { index, startAtMs };
}
