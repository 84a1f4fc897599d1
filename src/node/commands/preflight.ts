/** `k6-nostr preflight`: everything that would stop a run or spoil its figures, found without load. */
import { availableParallelism } from "node:os";
import { ConfigError } from "../../errors.ts";
import { parseMix } from "../../events/mix.ts";
import type { Refusal } from "../../guard/guard.ts";
import { collectOptions, OPTIONS, readSwitch } from "../../plan/options.ts";
import { buildPlan, type Plan } from "../../plan/plan.ts";
import { EXIT } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { type Admission, judgeRelay } from "../guard/gate.ts";
import { ownHeaders, policyOf } from "../guard/policy.ts";
import { loadBuilders } from "../pool/builders.ts";
import { type Finding, renderFindings, stop } from "../preflight/finding.ts";
import { preflight as check } from "../preflight/preflight.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const USAGE = `k6-nostr preflight --relay URL [flags of run]

Checks what a run with the same flags would need: the guard's verdict, the relay and what it announces
(NIP-11), the pool's events against that, files, ports, memory and cores, the report folder, clocks.
Sends no load: one request, one connection, and where the relay announces neither sizes nor ages two
events of its own, signed with keys made for them. Exit code 0: a run may start; 2: it would be stopped.

`;

export async function preflight(args: readonly string[]): Promise<number> {
  const rows = [...Object.values(OPTIONS), HELP_FLAG];
  const { flags, words } = parseCommandLine(args, rows);
  if (flags.help) {
    process.stdout.write(`${USAGE}${describeFlags(rows)}`);
    return EXIT.ok;
  }
  const [word] = words;
  if (word !== undefined) throw new ConfigError(`unexpected \`${word}\` behind preflight`);
  const texts = collectOptions(flags, process.env);
  const plan = buildPlan("publish", texts, "preflight", availableParallelism());
  const builders = texts.builders === undefined ? undefined : await loadBuilders(texts.builders);
  const extra = builders?.extra ?? [];
  parseMix(plan.mix, extra);
  const { admissions, refusals } = await judgeAll(plan);
  const force = readSwitch(texts, "force");
  const { findings, epochNote } = await check({
    plan,
    admissions,
    poolDir: texts.pool,
    force,
    extra,
  });
  const all: readonly Finding[] = [...refusals, ...findings];
  if (epochNote !== null) process.stdout.write(`pool: ${epochNote}\n\n`);
  process.stdout.write(renderFindings(all));
  return all.some(({ level }) => level === "stop") ? EXIT.config : EXIT.ok;
}

/** The guard's verdict on each relay; only those it admits are asked anything. */
async function judgeAll(
  plan: Plan,
): Promise<{ readonly admissions: readonly Admission[]; readonly refusals: readonly Finding[] }> {
  const admissions: Admission[] = [];
  const refusals: Finding[] = [];
  const { rateEps, clients } = plan;
  const policy = policyOf(plan);
  const request = { policy, nowMs: Date.now(), rateEps, clients, headers: ownHeaders(plan) };
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
