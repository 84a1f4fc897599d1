/**
 * One of several parts of a plan: gate → pool → k6 under supervision. Its figures leave as lines for `merge`, and
 * no report is made here. Nothing is tried at the relay beforehand, as each of N instances would try it: the first
 * one asks who it is, and each holds its clock against the relay's.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, platform, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ConfigError, Interrupted } from "../../errors.ts";
import { LineJoiner } from "../../merge/lines.ts";
import {
  type About,
  aboutLines,
  BEGIN_MARK,
  type Begin,
  readMarked,
} from "../../merge/protocol.ts";
import { optionLabel } from "../../plan/options.ts";
import { leadingRate } from "../../plan/plan.ts";
import { meanCpu } from "../../report/complete.ts";
import type { ClockReading } from "../../report/types.ts";
import { Readers } from "../audit/readers.ts";
import { ceilingOf, obtainCalibration, receiveOf } from "../calibrate/obtain.ts";
import { admitSideUrl } from "../companion/relay-metrics.ts";
import { type Admission, admitRelays } from "../guard/gate.ts";
import { ownHeaders, policyOf } from "../guard/policy.ts";
import { refuseByText } from "../guard/refuse.ts";
import { refuseSources } from "../guard/sources.ts";
import { type K6Outcome, lastWords } from "../k6/supervise.ts";
import { judgeHere } from "../preflight/here.ts";
import { refuseStops } from "../preflight/preflight.ts";
import { listTimes } from "../preflight/times.ts";
import { relateSamples } from "../sampler.ts";
import { ensureK6 } from "../setup/ensure.ts";
import { drive } from "./drive.ts";
import type { Driven, OwnPart, RunRequest } from "./driven.ts";
import { fitToReplay } from "./events.ts";
import { explainStop } from "./finish.ts";
import { POOLS_DIR } from "./pool.ts";
import { askDate, readClock } from "./relay-clock.ts";
import { askBefore, relaySeenBy } from "./relay-seen.ts";
import { sharesHost } from "./same-host.ts";
import { calibratedPart, chooseSupply } from "./supply.ts";

export interface ShareRequest extends RunRequest {
  readonly part: OwnPart;
  readonly runId: string;
}

/** Throws `ConfigError` for what is refused, before anything is sent. */
export async function carryOutShare(asked: ShareRequest): Promise<K6Outcome> {
  const { terminal, signal, poolDir: given, epoch, part, force = false } = asked;
  const plan = await fitToReplay(asked, given);
  refuseByText(plan);
  const extra = asked.builders?.extra ?? [];
  // It leaves no report.
  const here = { ...plan, reportDir: tmpdir() };
  const { relayPid } = asked;
  refuseStops(
    await judgeHere({ plan: here, poolDir: given, poolsDir: POOLS_DIR, relayPid, extra, force }),
  );
  const admissions = await admitRelays(plan.relays, {
    policy: policyOf(plan),
    nowMs: Date.now(),
    // The owner agreed to all of it, not to a part.
    rateEps: leadingRate(plan),
    clients: plan.clients,
    headers: ownHeaders(plan),
    ca: asked.ca,
  });
  refuseSources(plan, admissions);
  for (const { url, reason } of admissions) terminal.note(`relay       ${url.label}: ${reason}`);
  const isFirst = part.index === 0;
  // All would read the same.
  const metricsAt =
    asked.relayMetrics === undefined || !isFirst
      ? null
      : await admitSideUrl(asked.relayMetrics, optionLabel("relayMetrics"), admissions);
  const clock = force ? null : await readRelayClock(admissions);
  const k6 = await ensureK6({ env: process.env, onNote: (line) => terminal.note(line) });
  const calibration = await obtainCalibration({
    ...{ k6, env: process.env, mayMeasure: false, terminal, signal },
    part: calibratedPart(plan),
  });
  // The same everywhere, so that the pool is.
  const [times] = listTimes(plan, part.startAtMs ?? Date.now(), epoch);
  const { builders, mostPoolBytes } = asked;
  const own = { instance: part.index, instances: plan.instances, vus: plan.vus };
  const choice = { dir: given, times, builders, mostPoolBytes, part: own, terminal, signal };
  const pool = await chooseSupply(plan, { ...choice, admissions });
  const runDir = await mkdtemp(join(tmpdir(), "k6-nostr-share-"));
  try {
    if (signal.aborted) throw new Interrupted("interrupted before anything was sent");
    const { audit = false } = asked;
    const { startAtMs } = part;
    const question = { plan, admissions, pool: pool.manifest, audit, startAtMs, signal };
    const before = isFirst && !force ? await askBefore(question) : null;
    const sayer = new Sayer(part);
    const driven = await drive({
      ...asked,
      plan,
      part: { ...part, onFigures: (line) => sayer.pass(line) },
      ...{ k6, calibration, admissions, runDir, metricsAt, metricsUrl: null, known: null },
      preflight: { answers: [], left: [], findings: [] },
      poolDir: pool.dir,
      pool: pool.manifest,
      corpus: pool.corpus,
      readers: new Readers(),
      before: { why: "of several instances the first counts" },
    });
    sayer.sayAbout(driven, { clock, relay: relaySeenBy(driven, before) });
    if (driven.outcome.stopped === null && driven.live.slices.length === 0) {
      throw new ConfigError(`k6 ended before anything was measured\n${lastWords(driven.outcome)}`);
    }
    return driven.outcome;
  } finally {
    await rm(runDir, { recursive: true, force: true });
    await pool.release();
  }
}

/** Of several relays the first one's: all instances hold theirs against the same. */
async function readRelayClock([relay]: readonly Admission[]): Promise<ClockReading | null> {
  if (relay === undefined) return null;
  const ask = () => askDate(relay);
  return await readClock({ ask, now: () => Date.now(), pause: (ms) => pause(ms) });
}

/** Passes on what k6 says of its part, and adds what k6 can't know. */
class Sayer {
  readonly #part: OwnPart;
  readonly #joiner = new LineJoiner();
  #begin: Begin | null = null;

  constructor(part: OwnPart) {
    this.#part = part;
  }

  pass(line: string): void {
    this.#begin ??= readMarked<Begin>(this.#joiner.take(line) ?? "", BEGIN_MARK);
    this.#part.onFigures(line);
  }

  sayAbout(
    { plan, k6, companion, live, calibration, admissions, ...driven }: Driven,
    seen: Pick<About, "clock" | "relay">,
  ): void {
    if (this.#begin === null) return;
    const resources = relateSamples(companion.samples, live.windowStartUnixMs);
    const lines = aboutLines({
      of: this.#begin.of,
      k6: `k6 v${k6.version}`,
      host: {
        cpus: availableParallelism(),
        memoryBytes: totalmem(),
        platform: `${platform()} ${release()} ${process.arch}`,
      },
      cpuPercent: {
        generator: meanCpu(resources, "generator", plan.durationSec),
        host: meanCpu(resources, "host", plan.durationSec),
      },
      ceilingEps: ceilingOf(calibration),
      receive: receiveOf(calibration),
      floorMs: calibration?.floorMs ?? null,
      proofs: admissions.flatMap(({ proof }) => {
        if (proof === undefined) return [];
        const { host, until, source, digest } = proof;
        return [{ host, until, source, digest }];
      }),
      relayNote: driven.relayNote ?? null,
      sharesHost: sharesHost(admissions, policyOf(plan).isolation),
      corpus: driven.corpus,
      stopReason: explainStop(driven.outcome),
      ...seen,
    });
    for (const line of lines) this.#part.onFigures(line);
  }
}
