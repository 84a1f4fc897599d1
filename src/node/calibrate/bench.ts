/**
 * The bench: stock k6 with the scripts of runs against the sink, both started here. No address comes in
 * from outside, so that the look-alikes can reach nothing but our own sink.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { bundleScripts } from "../../../build/bundle.ts";
import { ConfigError, Interrupted } from "../../errors.ts";
import { blacklistFor } from "../../guard/dialer.ts";
import { toDialUrl } from "../../guard/relay-url.ts";
import { collectOptions } from "../../plan/options.ts";
import { buildPlan, eventsNeeded, type Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { buildReport } from "../../report/build.ts";
import { completeReport } from "../../report/complete.ts";
import type { Report } from "../../report/types.ts";
import { admitRelays } from "../guard/gate.ts";
import { k6Arguments, k6Environment } from "../k6/environment.ts";
import { lastWords, superviseK6 } from "../k6/supervise.ts";
import { LiveRun } from "../live.ts";
import { servePoolTo } from "../pool/serve.ts";
import { startRelayProcess } from "../relay/process.ts";
import { relateSamples, startSampler } from "../sampler.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { makeQuestions } from "./look-alike-questions.ts";
import { makeLookAlikes } from "./look-alikes.ts";
import { othersPercent } from "./others.ts";

interface Load {
  /** `query`: questions that are answered with `ROWS_AN_ANSWER` rows each. */
  readonly scenario: "publish" | "query";
  readonly clients: number;
  /** Events or queries a second. */
  readonly rate: number;
  readonly durationSec: number;
  /** Wall-clock bound; what takes longer did not hold. */
  readonly mostSec: number;
}

export interface Measurement {
  readonly report: Report;
  /** Most resident memory of k6; `null` where it can't be read. */
  readonly rssBytes: number | null;
  readonly othersPercent: number | null;
}

export type Measure = (load: Load) => Promise<Measurement>;

const ACK_TIMEOUT_MS = 2_000;
/** An answer of the mix `app` has some 80. */
export const ROWS_AN_ANSWER = 100;

/** Starts the sink, gives `use` a way to measure against it, and leaves nothing behind. */
export async function withBench<T>(
  k6: K6Binary,
  signal: AbortSignal,
  scenarios: readonly Load["scenario"][],
  use: (measure: Measure) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-calibrate-"));
  try {
    await bundleScripts(
      scenarios.map((name) => `k6/${name}.ts`),
      dir,
    );
    const sink = await startRelayProcess(["--sink", "--rows", String(ROWS_AN_ANSWER)]);
    const pools = new LookAlikePools(dir);
    try {
      return await use(async (load) => {
        const plan = planOf(load, sink.url);
        const measured = await measure({
          dir,
          k6,
          signal,
          plan,
          load,
          pool: await pools.get(plan),
        });
        if (signal.aborted) throw new Interrupted("interrupted during the calibration");
        return measured;
      });
    } finally {
      await sink.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** One pool for all measurements of a scenario, made anew when a larger one is needed: the sink remembers nothing. */
class LookAlikePools {
  readonly #dir: string;
  readonly #pools = new Map<string, BenchPool>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  async get(plan: Plan): Promise<BenchPool> {
    const { scenario } = plan;
    const lines = eventsNeeded(plan);
    const kept = this.#pools.get(scenario);
    if (kept !== undefined && kept.manifest.events >= lines) return kept;
    if (kept !== undefined) await rm(kept.dir, { recursive: true, force: true });
    const dir = join(this.#dir, `${scenario}-${lines}`);
    const manifest =
      scenario === "query"
        ? await makeQuestions(dir, lines, ROWS_AN_ANSWER)
        : await makeLookAlikes(dir, lines);
    const pool = { dir, manifest };
    this.#pools.set(scenario, pool);
    return pool;
  }
}

interface BenchPool {
  readonly dir: string;
  readonly manifest: PoolManifest;
}

interface Setting {
  readonly dir: string;
  readonly k6: K6Binary;
  readonly signal: AbortSignal;
  readonly plan: Plan;
  readonly load: Load;
  readonly pool: BenchPool;
}

async function measure({ dir, k6, signal, plan, load, pool }: Setting): Promise<Measurement> {
  const admissions = await admitRelays(plan.relays, {
    policy: { allowPrivate: false },
    nowMs: Date.now(),
    rateEps: plan.rateEps,
    clients: plan.clients,
  });
  const allowed = admissions.flatMap((admission) => admission.addresses);
  const runDir = join(dir, "run");
  await mkdir(runDir, { recursive: true });
  const served = await servePoolTo(allowed, pool.dir);
  const request = {
    plan,
    dialUrls: plan.relays.map(toDialUrl),
    poolDir: pool.dir,
    poolUrl: served?.url ?? null,
    runId: "calibration",
    runDir,
    script: join(dir, `${plan.scenario}.js`),
    allowed,
    hosts: {},
    blacklist: blacklistFor(allowed),
    memory: null,
  };
  const live = new LiveRun(plan, pool.manifest);
  const sampler = startSampler();
  sampler.watch("relay", process.pid);
  const startedAtMs = Date.now();
  const outcome = await superviseK6({
    binary: k6.path,
    args: k6Arguments(request),
    environment: k6Environment(request, process.env),
    cwd: dir,
    vus: plan.vus,
    mostMs: load.mostSec * 1_000,
    onStart: (pid) => sampler.watch("generator", pid),
    onSlice: (slice) => live.add(slice, Date.now()),
    signal,
  }).finally(async () => {
    await served?.close();
    sampler.stop();
  });
  if (live.slices.length === 0 && !signal.aborted) {
    throw new ConfigError(`k6 ended before anything was calibrated: ${lastWords(outcome)}`);
  }
  const samples = sampler.stop();
  const report = buildReport({
    slices: live.slices,
    plan,
    pool: pool.manifest,
    runId: request.runId,
    planHash: "",
    startedAtMs,
    endedAtMs: Date.now(),
    stopReason: outcome.stopped,
    k6: null,
  });
  const completed = completeReport(report, {
    k6: `k6 v${k6.version}`,
    host: { cpus: availableParallelism(), memoryBytes: null, platform: null },
    resources: relateSamples(samples, live.windowStartUnixMs),
    ceilingEps: null,
    floorMs: null,
    audit: null,
    relayNote: null,
    proofs: [],
    stopReason: null,
  });
  const rss = samples.flatMap((s) => (s.process === "generator" ? (s.rssBytes ?? []) : []));
  return {
    report: completed,
    rssBytes: rss.length === 0 ? null : Math.max(...rss),
    othersPercent: othersPercent(samples, cpus().length),
  };
}

/** The plan as the options of a run make it, so that what is measured is what runs do. */
function planOf({ scenario, clients, rate, durationSec }: Load, url: string): Plan {
  const flags = {
    relay: url,
    clients: String(clients),
    ...(scenario === "query" ? { "query-rate": String(rate) } : { rate: String(rate) }),
    duration: String(durationSec),
    "ack-timeout": String(ACK_TIMEOUT_MS),
    seed: "calibration",
    force: "1",
  };
  const texts = collectOptions(flags, {}, scenario);
  return buildPlan(scenario, texts, "calibration", availableParallelism());
}
