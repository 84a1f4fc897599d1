/** The events of a pool, there or to be made, held against what the relays announced and what the plan asks for. */
import type { Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import type { PoolTimes } from "../../pool/times.ts";
import { judgeRates } from "./announced.ts";
import { type Finding, ok, stop } from "./finding.ts";
import { judgeLimits } from "./limits.ts";
import type { RelayAnswer } from "./relay.ts";
import type { Sample } from "./sample.ts";
import { areOfRun, leadOf } from "./times.ts";

/** github.com/hoytech/strfry golpe.yaml: rejectEphemeralEventsOlderThanSeconds. */
const MOMENT_SEC = 60;
const STALE = stop("ephemeral", {
  what: `the pool's ephemeral events are older than ${MOMENT_SEC} s`,
  why: "relays that hand such events on refuse old ones",
  remedy: "leave --pool out: a pool with the times of the run is made then",
});

interface Found {
  readonly answers: readonly RelayAnswer[];
  readonly sample: Sample;
  readonly times: PoolTimes;
}

/** Holds the events against what the relays announced: of a pool, or of the sample for one to be made. */
export function judgePool(
  plan: Plan,
  { answers, sample, times }: Found,
  manifest: PoolManifest | null,
): Finding[] {
  const isOwn = manifest === null || manifest.createdAt.min === times.epoch;
  const isFresh = isOwn && areOfRun(times);
  const created = { min: times.epoch, max: times.epoch + times.spanSec };
  const { largestFrame, createdAt } = manifest ?? { ...sample, createdAt: created };
  const { mostTags, longestContent } = { ...sample, ...manifest };
  const kinds = [...new Set(sample.events.map(({ event }) => event.kind))];
  const nowSec = Date.now() / 1_000;
  const lead = leadOf(plan, manifest !== null);
  const found = answers.flatMap(({ admission, information, taken, refusedFor, isReached }) => {
    const { label } = admission.url;
    // That it can't be reached is said already.
    if (!isReached && information.limitation === null) return [];
    const limits = judgeLimits({
      label,
      information,
      events: { largestFrame, createdAt, kinds, mostTags, longestContent },
      nowSec,
      laterSec: isOwn && times.follows ? lead.beginSec : lead.endSec,
      isFresh,
      tried: { taken, refusedFor },
    });
    const { limitation } = information;
    return limitation === null ? limits : [...limits, ...judgeRates(label, limitation, plan)];
  });
  const isStale =
    plan.fanout?.events === "ephemeral" && !isOwn && createdAt.min < nowSec - MOMENT_SEC;
  return [...found, ...(isStale ? [STALE] : []), judgeSupply(plan, manifest)];
}

function judgeSupply(
  { rateEps, durationSec, warmupSec }: Plan,
  pool: PoolManifest | null,
): Finding {
  if (pool === null) return ok("pool", "a pool for this plan is made, or taken if it is kept");
  const needed = Math.floor(rateEps * (durationSec + warmupSec));
  const what = `the pool holds ${pool.events} events, the plan asks for ${needed}`;
  if (pool.events >= needed) return ok("pool", what);
  return stop("pool", {
    what,
    why: "the run would end without events",
    remedy: "lower --rate or --duration, or leave --pool out to have one made",
  });
}
