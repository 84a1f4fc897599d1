/** What k6 is started with, of all that is known of a run by then. */
import { resolve } from "node:path";
import { blacklistFor } from "../../guard/dialer.ts";
import type { Isolation } from "../../guard/isolation.ts";
import { toDialUrl } from "../../guard/relay-url.ts";
import { noteEvery } from "../../measure/acknowledged.ts";
import type { K6Request } from "../k6/environment.ts";
import { mayBeServed } from "../pool/serve.ts";
import { type MachineLimits, memoryRoomOf } from "../preflight/machine.ts";
import { rowCapsOf } from "../preflight/query-judge.ts";
import { type Drive, whyNoSpots } from "./driven.ts";

type Known = Pick<
  Drive,
  | "plan"
  | "poolDir"
  | "pool"
  | "corpus"
  | "runId"
  | "runDir"
  | "metricsUrl"
  | "audit"
  | "preflight"
  | "part"
>;

/** What was set up around k6 for this run. */
interface Around
  extends Pick<K6Request, "script" | "allowed" | "hosts" | "poolUrl" | "authorities"> {
  readonly isolation: Isolation | undefined;
  readonly companionUrl: string;
  readonly machine: Pick<MachineLimits, "freeBytes">;
}

export function k6RequestOf(drive: Known, around: Around): K6Request {
  const { plan, poolDir, pool, runId, runDir, metricsUrl, part, preflight } = drive;
  const { script, allowed, hosts, poolUrl, authorities, isolation, companionUrl, machine } = around;
  return {
    plan,
    dialUrls: plan.relays.map(toDialUrl),
    poolDir: poolDir === null ? null : resolve(poolDir),
    poolUrl,
    companionUrl: mayBeServed(allowed) ? companionUrl : null,
    runId,
    runDir,
    script,
    allowed,
    hosts,
    blacklist: blacklistFor(allowed),
    metricsUrl,
    authorities,
    ...(isolation?.status === "isolated" ? { isolatedNetworks: isolation.networks } : {}),
    auditEvery: auditEveryOf(drive),
    memory: memoryRoomOf(plan, machine, poolDir !== null && poolUrl === null ? pool.bytes : 0),
    ...(part === undefined ? {} : { part }),
    ownCounts: drive.corpus?.loading?.ownCounts ?? [],
    rowCaps: rowCapsOf(preflight.answers.map(({ information }) => information)),
  };
}

/** Without an audit a few are noted all the same, where a relay may be asked. */
function auditEveryOf(drive: Known): number {
  const { plan, audit = false } = drive;
  // Whether the relay is read back where the parts are put together, no part knows.
  if (!audit && drive.part === undefined && whyNoSpots(drive) !== null) return 0;
  return noteEvery(plan.rateEps * (plan.warmupSec + plan.durationSec), audit);
}
