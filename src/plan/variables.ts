/** A plan as the variables that it can be made of again. */
import { toDialUrl } from "../guard/relay-url.ts";
import { type KeptOptions, keepOptions } from "./kept-options.ts";
import { collectOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { formatThresholds, ownThresholds } from "./thresholds.ts";

/** An address without a path, which the parser gives one. */
const BARE = /^(\w+:\/\/[^/?]+)\/$/;

/** What decides a plan, by the names of the environment; its bounds were lifted if they were. */
export function planVariables(plan: Plan): Record<string, string> {
  const { query } = plan;
  return {
    RELAY_URL: plan.relays.map((relay) => toDialUrl(relay).replace(BARE, "$1")).join(","),
    CLIENTS: String(plan.clients),
    DURATION_SEC: String(plan.durationSec),
    WARMUP_SEC: String(plan.warmupSec),
    RATE_EPS: String(plan.rateEps),
    MIX: plan.mix,
    SEED: plan.seed,
    ARRIVAL: plan.arrival,
    MAX_IN_FLIGHT: String(plan.maxInFlight),
    ACK_TIMEOUT_MS: String(plan.ackTimeoutMs),
    CONNECT_CONCURRENCY: String(plan.connectConcurrency),
    PING_SEC: String(plan.pingSec),
    RELAY_HEADERS: plan.headers.map(({ name, value }) => `${name}: ${value}`).join("\n"),
    CLIENT_IP_HEADER: plan.clientIpHeader ?? "",
    THRESHOLDS: formatThresholds(plan.thresholds),
    REPORT_DIR: plan.reportDir,
    ALLOW_PRIVATE: plan.allowPrivate ? "1" : "",
    ALLOW_DEDICATED_RELAY: plan.dedicatedHost ?? "",
    ...(query === null
      ? {}
      : {
          QUERY_RATE: String(query.rate),
          QUERY_MIX: query.mix,
          CORPUS: String(query.corpus),
          KEYS: query.keys,
          VERIFY: query.verify,
          PAGES: String(query.pages),
          KEEP_LIVE: query.keepLive ? "1" : "",
        }),
  };
}

/** The options of a plan, where nobody knows which of them were given. */
export function keptOf(plan: Plan): KeptOptions {
  const { scenario } = plan;
  const { THRESHOLDS: _, ...variables } = planVariables(plan);
  const own = ownThresholds(plan.thresholds, scenario);
  const texts = collectOptions(
    {},
    { ...variables, ...(own === null ? {} : { THRESHOLDS: own }) },
    scenario,
  );
  return keepOptions(scenario, texts, [], plan.seed);
}
