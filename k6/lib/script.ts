/**
 * What every scenario's script does in the init context: read the options, check them, open the pool,
 * and give k6 its options. The same code serves a run by the CLI and `k6 run` by hand.
 */

import { ConfigError } from "../../src/errors.ts";
import { classifyAddress, parseAddress } from "../../src/guard/address.ts";
import { blacklistFor, hostsFor, LOOPBACK_NETWORKS } from "../../src/guard/dialer.ts";
import type { GuardPolicy } from "../../src/guard/guard.ts";
import { type Isolation, parseIsolatedNetworks } from "../../src/guard/isolation.ts";
import { findGuardFaults, needsProof } from "../../src/guard/k6-gate.ts";
import { parseDedicatedHost } from "../../src/guard/relay-url.ts";
import { mostSeconds } from "../../src/plan/duration.ts";
import { findSegmentFaults, readInstance, segmentOptions } from "../../src/plan/instances.ts";
import { collectOptions } from "../../src/plan/options.ts";
import { buildPlan, leadingRate, type Plan } from "../../src/plan/plan.ts";
import { SCENARIOS, type ScenarioName } from "../../src/plan/scenarios.ts";
import { readStartAt } from "../../src/plan/start.ts";
import {
  MANIFEST_FILE,
  type PoolManifest,
  parseManifest,
  refuseOtherPart,
  refuseQuestions,
  withoutPool,
} from "../../src/pool/format.ts";
import { ROWS_FILE } from "../../src/query/rows-file.ts";
import { COMPANION_SCENARIO, companionScenario } from "./companion.ts";
import { findProofFault } from "./proof.ts";
import { type CorpusRows, readCorpusRows } from "./query/corpus-rows.ts";

/** Variables by which the CLI tells a script what it found out; by hand, POOL_URL alone. */
interface RunEnvironment {
  readonly runId: string | null;
  readonly runDir: string | null;
  readonly live: boolean;
  /** Where the CLI, or `pool serve`, serves the pool's frames; `null`: they are read from the file. */
  readonly poolUrl: string | null;
  /** Where the CLI serves samples of resources; `null`: nobody asks for them. */
  readonly companionUrl: string | null;
  /** Addresses this run may dial, as the CLI resolved and judged them. */
  readonly allowed: readonly string[];
  readonly hosts: Readonly<Record<string, string>>;
  /** What `INTERNAL_NETWORK=1` may open here; `undefined` where it is not set. */
  readonly isolation: Isolation | undefined;
  /** Of so many accepted publishes one is noted for the read-back; 0: of none. */
  readonly auditEvery: number;
  /** By relay, after how many rows of a filter it ends an answer; 0 or none: nobody knows. */
  readonly rowCaps: readonly number[];
  /** By relay, whether its COUNTs can count nothing but the corpus; none: nobody looked. */
  readonly ownCounts: readonly boolean[];
  /** Which of the plan's instances this is; `null`: k6's segment says so. */
  readonly instance: number | null;
  /** When all instances begin, Unix ms; `null`: when each is ready. */
  readonly startAtMs: number | null;
}

export interface Script {
  readonly plan: Plan;
  readonly pool: PoolManifest;
  readonly poolDir: string;
  readonly run: RunEnvironment;
}

declare const __ENV: Readonly<Record<string, string | undefined>>;
/** k6's `open`, in the init context only. */
declare function open(path: string): string;

/** Reads all from the environment; throws `ConfigError`, which ends k6 before any VU starts. */
export function readScript(scenario: ScenarioName): Script {
  const poolDir = __ENV.POOL;
  if (SCENARIOS[scenario].pool === "none") {
    const plan = buildPlan(scenario, collectOptions({}, __ENV, scenario), scenario);
    return { plan, pool: withoutPool(plan.seed), poolDir: "", run: readRun(plan) };
  }
  if (!poolDir) {
    throw new ConfigError(
      "POOL is required: the folder of a pool; make one with `npx k6-nostr pool`",
    );
  }
  const pool = parseManifest(open(`${absolute(poolDir)}/${MANIFEST_FILE}`), poolDir);
  const plan = buildPlan(scenario, collectOptions({}, __ENV, scenario), pool.seed);
  if (SCENARIOS[scenario].pool === "events") refuseQuestions(pool, poolDir);
  const run = readRun(plan);
  refuseOtherPart(pool, { ...run, instances: plan.instances, vus: plan.vus }, poolDir);
  return { plan, pool, poolDir: absolute(poolDir), run };
}

/** What answers are held against, row by row; `null` where they are not, or nobody knows what the relay holds. */
export function readCorpus({ plan: { query }, poolDir }: Script): CorpusRows | null {
  if (query === null || query.verify !== "rows" || query.corpus === "relay") return null;
  return readCorpusRows(open(`${poolDir}/${ROWS_FILE}`));
}

/** k6's options for a plan: one iteration a VU, the guard at the dial, thresholds. */
export function scriptOptions({ plan, run }: Script): object {
  return {
    ...segmentOptions(plan.instances, run.instance),
    scenarios: {
      [plan.scenario]: {
        executor: "per-vu-iterations",
        exec: "default",
        vus: plan.vus,
        iterations: 1,
        maxDuration: `${mostSeconds(plan) + waitSeconds(run)}s`,
        gracefulStop: "0s",
      },
      ...companionScenario(plan, run.companionUrl, mostSeconds(plan) + waitSeconds(run)),
    },
    blacklistIPs: blacklistFor(run.allowed),
    hosts: run.hosts,
    // A part of the load is not judged by itself.
    thresholds: Object.fromEntries(
      plan.instances > 1 ? [] : plan.thresholds.map((t) => [t.metric, [...t.expressions]]),
    ),
    // Slices travel as names of checks; no tag may hold the URL.
    systemTags: ["check", "group"],
    summaryTrendStats: ["min", "avg", "med", "p(90)", "p(95)", "p(99)", "p(99.9)", "max", "count"],
    noConnectionReuse: true,
  };
}

/** From now until the start that was agreed on. */
function waitSeconds({ startAtMs }: RunEnvironment): number {
  return startAtMs === null ? 0 : Math.max(0, Math.ceil((startAtMs - Date.now()) / 1_000));
}

/**
 * The gate: called in VU code before the first socket, with the options as k6 consolidated them from
 * script, environment and flags. Gives what forbids the run, empty if nothing does.
 */
export function findFaults({ plan, run }: Script, consolidated: unknown): readonly string[] {
  const options = consolidated as {
    blacklistIPs?: readonly string[] | null;
    hosts?: Readonly<Record<string, string>> | null;
    insecureSkipTLSVerify?: boolean | null;
    localIPs?: string | null;
    scenarios?: Readonly<Record<string, { vus?: number; iterations?: number; executor?: string }>>;
  };
  const policy = policyOf(plan, run.isolation);
  const faults = findGuardFaults({
    relays: plan.relays,
    policy,
    allowed: run.allowed,
    hosts: run.hosts,
    blacklistIps: options.blacklistIPs ?? [],
    env: __ENV,
  });
  const planned = new Map<string, number>([[plan.scenario, plan.vus]]);
  if (run.companionUrl !== null) planned.set(COMPANION_SCENARIO, plan.instances);
  const scenarios = Object.entries(options.scenarios ?? {});
  const isOurs = scenarios.every(
    ([name, { executor, vus, iterations }]) =>
      executor === "per-vu-iterations" && iterations === 1 && vus === planned.get(name),
  );
  if (!isOurs || scenarios.length !== planned.size) {
    faults.push(
      "k6's scenarios were replaced; remove `--vus`, `--duration`, `--iterations`, `--stage` and their K6_ variables",
    );
  }
  if (JSON.stringify(options.hosts ?? {}) !== JSON.stringify(run.hosts)) {
    faults.push("k6's `hosts` were replaced; start the run with `npx k6-nostr run`");
  }
  faults.push(...findSegmentFaults(consolidated, plan.instances, run.instance));
  const sources = plan.localIps?.text ?? "";
  if ((options.localIPs ?? "") !== sources) {
    faults.push(
      sources === ""
        ? "k6's `--local-ips` must be said in LOCAL_IPS too: ports are counted, and reports made, by it"
        : `k6 must be given \`--local-ips ${sources}\` too: LOCAL_IPS alone binds no connection`,
    );
  }
  if (options.insecureSkipTLSVerify) {
    faults.push("certificates must be checked; remove `--insecure-skip-tls-verify`");
  }
  if (faults.length > 0) return faults;
  const question = { nowMs: Date.now(), rateEps: leadingRate(plan), clients: plan.clients };
  return needsProof(plan.relays, policy).flatMap((relay) => findProofFault(relay, question) ?? []);
}

function policyOf(plan: Plan, isolation: Isolation | undefined): GuardPolicy {
  return {
    allowPrivate: plan.allowPrivate,
    ...(plan.dedicatedHost === null
      ? {}
      : { dedicatedHost: parseDedicatedHost(plan.dedicatedHost) }),
    ...(isolation === undefined ? {} : { isolation }),
  };
}

/** What the CLI read of the kernel, which k6 can't: the variable alone opens nothing. */
function readIsolation(): Isolation | undefined {
  return __ENV.INTERNAL_NETWORK === "1"
    ? parseIsolatedNetworks(__ENV.ISOLATED_NETWORKS ?? "")
    : undefined;
}

function readRun(plan: Plan): RunEnvironment {
  const allowed = __ENV.ALLOWED_ADDRESSES;
  return {
    runId: __ENV.RUN_ID ?? null,
    runDir: __ENV.RUN_DIR ?? null,
    // What several instances say is put together from their logs.
    live: __ENV.LIVE === "1" || plan.instances > 1,
    poolUrl: readServedUrl("POOL_URL"),
    companionUrl: readServedUrl("COMPANION_URL"),
    allowed: allowed ? allowed.split(",") : allowedByText(plan),
    hosts: readHosts(plan, allowed?.split(",") ?? []),
    isolation: readIsolation(),
    auditEvery: Number(__ENV.AUDIT_EVERY ?? 0),
    rowCaps: readRowCaps(),
    ownCounts: (__ENV.OWN_COUNTS ?? "").split(",").map((text) => text === "1"),
    startAtMs: readStartAt(__ENV.START_AT),
    instance: readInstance(__ENV.INSTANCE, __ENV.JOB_COMPLETION_INDEX, plan.instances),
  };
}

/** `ROW_CAP`: a number for each relay, as it announces or its software has it. */
function readRowCaps(): readonly number[] {
  return (__ENV.ROW_CAP ?? "").split(",").map((text) => (/^\d+$/.test(text) ? Number(text) : 0));
}

/** What the CLI serves comes from this machine or not at all. */
function readServedUrl(variable: string): string | null {
  const text = __ENV[variable];
  if (!text) return null;
  if (/^http:\/\/127\.0\.0\.1:\d{1,5}\/[0-9a-f]{32}$/.test(text)) return text;
  throw new ConfigError(
    `${variable} must be what \`k6-nostr\` gave, http://127.0.0.1:<port>/<token>; unset it`,
  );
}

/** By hand no name is resolved beforehand: loopback, and private addresses that are given literally. */
function allowedByText(plan: Plan): readonly string[] {
  const literals = plan.relays.flatMap(({ host }) => {
    const address = parseAddress(host);
    return address && classifyAddress(address).kind === "private" ? [host] : [];
  });
  return [...LOOPBACK_NETWORKS, ...(plan.allowPrivate ? literals : [])];
}

/** `HOSTS`: `name=address,name=address`, each address one of those allowed. */
function readHosts(plan: Plan, allowed: readonly string[]): Record<string, string> {
  const hosts: Record<string, string> = {};
  for (const pair of (__ENV.HOSTS ?? "").split(",")) {
    const [name = "", address = ""] = pair.split("=");
    const isKnown = plan.relays.some((relay) => relay.host === name) && allowed.includes(address);
    if (isKnown) Object.assign(hosts, hostsFor(name, [address]));
  }
  return hosts;
}

/** Relative paths are relative to the script in k6; people mean the folder they are in. */
function absolute(path: string): string {
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path)) return path;
  const pwd = __ENV.PWD;
  return pwd ? `${pwd}/${path}` : path;
}
