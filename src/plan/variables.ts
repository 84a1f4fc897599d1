/** A plan as the variables that it can be made of again. */
import { formatMix } from "../events/mix.ts";
import { expandPreset } from "../events/presets.ts";
import { toDialUrl } from "../guard/relay-url.ts";
import { parseQueryMix } from "../query/catalogue.ts";
import { defaultTexts, formatSession } from "./connect.ts";
import { type KeptOptions, keepOptions } from "./kept-options.ts";
import { collectOptions, defaultOf } from "./options.ts";
import type { Plan } from "./plan.ts";
import { formatThresholds, ownThresholds } from "./thresholds.ts";

/** An address without a path, which the parser gives one. */
const BARE = /^(\w+:\/\/[^/?]+)\/$/;

/** What decides a plan, by the names of the environment; its bounds were lifted if they were. */
export function planVariables(plan: Plan): Record<string, string> {
  const { query, fanout, connect } = plan;
  return {
    RELAY_URL: plan.relays.map((relay) => toDialUrl(relay).replace(BARE, "$1")).join(","),
    CLIENTS: String(plan.clients),
    DURATION_SEC: String(plan.durationSec),
    WARMUP_SEC: String(plan.warmupSec),
    RATE_EPS: String(plan.rateEps),
    MIX: plan.mix,
    SEED: plan.seed,
    ARRIVAL: plan.arrival,
    PACING: plan.pacing,
    MAX_IN_FLIGHT: String(plan.maxInFlight),
    ACK_TIMEOUT_MS: String(plan.ackTimeoutMs),
    CONNECT_CONCURRENCY: String(plan.connectConcurrency),
    PING_SEC: String(plan.pingSec),
    INSTANCES: String(plan.instances),
    RELAY_HEADERS: plan.headers.map(({ name, value }) => `${name}: ${value}`).join("\n"),
    CLIENT_IP_HEADER: plan.clientIpHeader ?? "",
    LOCAL_IPS: plan.localIps?.text ?? "",
    COMPRESSION: plan.compression ? "1" : "",
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
    ...(fanout === null
      ? {}
      : {
          SUBSCRIBERS: String(fanout.subscribers),
          PUBLISHERS: String(fanout.publishers),
          FANOUT: String(fanout.fanout),
          SUBS_PER_CONNECTION: String(fanout.subsPerConnection),
          DECOYS: String(fanout.decoys),
          FANOUT_FILTER: fanout.filter,
          TOPIC_EVENTS: fanout.events,
          DELIVERY_TIMEOUT_MS: String(fanout.deliveryTimeoutMs),
          BASELINE: String(fanout.baseline),
          FANOUT_ECHO: fanout.echo ? "1" : "",
          SLOW_READERS: String(fanout.slowReaders),
          SLOW_READER_RATE: String(fanout.slowReaderRate),
        }),
    ...(connect === null
      ? {}
      : {
          CONNECT_MODE: connect.mode,
          CONNECT_RATE: String(connect.rate),
          HOLD_SEC: String(connect.holdSec),
          SESSION_LENGTH: connect.session === null ? "" : formatSession(connect.session),
          DROP_SHARE: connect.mode === "recover" ? String(connect.dropShare) : "",
          RECONNECT: connect.reconnect,
          ON_OPEN: connect.onOpen,
          AUTH_RELAY_URL: connect.authRelayUrl ?? "",
        }),
  };
}

/** The options of a plan, where nobody knows which of them were given: those that are no default. */
export function keptOf(plan: Plan): KeptOptions {
  const { scenario, query, connect } = plan;
  const mix = expandPreset(defaultOf("mix", scenario) ?? "");
  const queryMix = formatMix(parseQueryMix(defaultOf("queryMix", scenario) ?? ""));
  const variables = planVariables(plan);
  const asItIs = connect === null ? [] : Object.entries(defaultTexts(connect.mode));
  const own = {
    ...variables,
    ...Object.fromEntries(
      asItIs.filter(([name, text]) => variables[name] === text).map(([name]) => [name, ""]),
    ),
    THRESHOLDS: ownThresholds(plan.thresholds, plan) ?? "",
    // It was chosen for this machine.
    PACING: "",
    // A plan has presets spelled out.
    ...(plan.mix === mix ? { MIX: "" } : {}),
    ...(query?.mix === queryMix ? { QUERY_MIX: "" } : {}),
  };
  return keepOptions(scenario, collectOptions({}, own, scenario), [], plan.seed);
}
