/** What comes before one run or several: gate, preflight, k6, calibration. Nothing is sent before the gate passed. */
import { optionLabel } from "../../plan/options.ts";
import { leadingRate, type Plan } from "../../plan/plan.ts";
import type { Calibration } from "../calibrate/figures.ts";
import { obtainCalibration, refuseByKept } from "../calibrate/obtain.ts";
import { admitSideUrl, type SideUrl } from "../companion/relay-metrics.ts";
import { type Admission, admitRelays } from "../guard/gate.ts";
import { admitSink, ownHeaders, policyOf } from "../guard/policy.ts";
import { refuseByText } from "../guard/refuse.ts";
import { refuseSources } from "../guard/sources.ts";
import type { Finding } from "../preflight/finding.ts";
import { judgeHere } from "../preflight/here.ts";
import { describeLeft } from "../preflight/left.ts";
import { type Preflight, preflight, refuseStops } from "../preflight/preflight.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { ensureK6 } from "../setup/ensure.ts";
import type { RunRequest } from "./driven.ts";
import { fitToReplay } from "./events.ts";
import { POOLS_DIR } from "./pool.ts";
import { calibratedPart } from "./supply.ts";

/** What is found out once, before one run or several: who may be loaded, what it takes, what loads it. */
export interface Prepared {
  /** With the plan as it is carried out. */
  readonly request: RunRequest;
  readonly admissions: readonly Admission[];
  readonly metricsAt: SideUrl | null;
  readonly metricsUrl: string | null;
  readonly checked: Preflight;
  readonly k6: K6Binary;
  readonly calibration: Calibration | null;
}

/** Gate → preflight → calibration. Throws `ConfigError` for what is refused. */
export async function prepareRun(asked: RunRequest): Promise<Prepared> {
  const { terminal, signal, poolDir: given, replay, force = false } = asked;
  const planned = await fitToReplay(asked, given);
  refuseByText(planned);
  const known = await lookHere({ ...asked, plan: planned });
  if (!force) await refuseByKept(planned.rateEps, process.env);
  const admissions = await admitFor(planned, asked.ca);
  refuseSources(planned, admissions);
  for (const { url, reason } of admissions) terminal.note(`relay       ${url.label}: ${reason}`);
  const metricsAt =
    asked.relayMetrics === undefined
      ? null
      : await admitSideUrl(asked.relayMetrics, optionLabel("relayMetrics"), admissions);
  const metricsUrl = await admitSink(asked.metricsSink ?? null, planned);
  const checked = await preflight({
    plan: planned,
    admissions,
    poolDir: given,
    replay:
      replay &&
      (async (times) => {
        const poolDir = await replay(times);
        return { poolDir, plan: await fitToReplay(asked, poolDir) };
      }),
    epoch: asked.epoch,
    force,
    extra: asked.builders?.extra ?? [],
    relayPid: asked.relayPid,
  });
  const { plan } = checked;
  if (checked.left.length > 0) terminal.note(`probe       ${describeLeft(checked.left)}`);
  refuseStops(checked.findings);
  for (const { level, what, remedy } of [...known, ...checked.findings]) {
    if (level === "advice") terminal.note(`advice      ${what}; ${remedy}`);
  }
  if (checked.timesNote !== null) terminal.note(`pool        ${checked.timesNote}`);
  const k6 = await ensureK6({ env: process.env, onNote: (line) => terminal.note(line) });
  const calibration = await obtainCalibration({
    k6,
    env: process.env,
    mayMeasure: asked.mayCalibrate === true,
    part: calibratedPart(plan),
    terminal,
    signal,
  });
  const request = { ...asked, plan };
  return { request, admissions, metricsAt, metricsUrl, checked, k6, calibration };
}

/** What this machine says of a plan; throws `ConfigError` where it can't be carried out here. */
export async function lookHere(asked: RunRequest): Promise<readonly Finding[]> {
  const { plan, poolDir, relayPid, builders, force = false } = asked;
  const extra = builders?.extra ?? [];
  const found = await judgeHere({ plan, poolDir, poolsDir: POOLS_DIR, relayPid, extra, force });
  refuseStops(found);
  return found;
}

/** Passes the gate. Throws `ConfigError` for a relay that may not be loaded with so much. */
export async function admitFor(plan: Plan, ca?: string): Promise<readonly Admission[]> {
  return await admitRelays(plan.relays, {
    policy: policyOf(plan),
    nowMs: Date.now(),
    rateEps: leadingRate(plan),
    clients: plan.clients + (plan.fanout?.slowReaders ?? 0),
    headers: ownHeaders(plan),
    ca,
  });
}
