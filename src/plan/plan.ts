/**
 * The plan: all options of a run checked in one place, before anything happens. What is in it
 * decides the load completely; the CLI and the k6 script derive the same plan from the same options.
 */
import { ConfigError } from "../errors.ts";
import { expandPreset } from "../events/presets.ts";
import { parseRelayUrls, type RelayUrl } from "../guard/relay-url.ts";
import { type ArrivalKind, mostArrivals } from "../load/arrivals.ts";
import { type ConnectPlan, connectSeconds, readConnectPlan } from "./connect.ts";
import { connectionsOf, type FanoutPlan, readFanoutPlan, topicMix, topicsOfVu } from "./fanout.ts";
import { type Header, parseHeaderName, parseHeaders } from "./headers.ts";
import { readInstances } from "./instances.ts";
import { type LocalIps, parseLocalIps, vusOf } from "./local-ips.ts";
import type { OptionName } from "./option-table.ts";
import {
  clip,
  type OptionTexts,
  optionLabel,
  readChoice,
  readNumber,
  readSwitch,
} from "./options.ts";
import { choosePacing, PACING_CHOICES, type Pacing } from "./pacing.ts";
import { type QueryPlan, readQueryPlan } from "./query.ts";
import { SCENARIOS, type ScenarioName } from "./scenarios.ts";
import { defaultThresholds, parseThresholds, type Threshold, withLeast } from "./thresholds.ts";
import { countVus } from "./vus.ts";

export interface Plan {
  readonly scenario: ScenarioName;
  readonly relays: readonly RelayUrl[];
  readonly clients: number;
  readonly durationSec: number;
  /** Events published a second; 0 where publishing does not lead. */
  readonly rateEps: number;
  /** Types and weights of what is published, as they were written, a preset spelled out; empty: nothing is. */
  readonly mix: string;
  /** What is asked; `null` where queries do not lead. */
  readonly query: QueryPlan | null;
  /** Who subscribes to it; `null` where nobody does. */
  readonly fanout: FanoutPlan | null;
  /** What connections do; `null` where others lead. */
  readonly connect: ConnectPlan | null;
  readonly seed: string;
  readonly arrival: ArrivalKind;
  /** Publishes without an answer on a connection, or open REQs where queries lead. */
  readonly maxInFlight: number;
  readonly connectConcurrency: number;
  readonly ackTimeoutMs: number;
  readonly warmupSec: number;
  /** Each connection is pinged so often; 0: never. */
  readonly pingSec: number;
  /** Sent with each handshake; their values may be secrets. */
  readonly headers: readonly Header[];
  /** The header that gives each connection an address of its own. */
  readonly clientIpHeader: string | null;
  /** Where connections come from; `null`: from where the system has them come. */
  readonly localIps: LocalIps | null;
  /** permessage-deflate is offered. */
  readonly compression: boolean;
  readonly thresholds: readonly Threshold[];
  readonly reportDir: string;
  readonly allowPrivate: boolean;
  readonly dedicatedHost: string | null;
  /** k6 processes that share the load; what is said of clients, rates and VUs is of all together. */
  readonly instances: number;
  /** k6 VUs; each holds an equal share of the connections. Each instance has as many. */
  readonly vus: number;
  readonly pacing: Pacing;
  /** The cores of an instance; `null` where they are not known, as in a script started by hand. */
  readonly cores: number | null;
}

/** Above these for each instance a typo is likelier than a wish; `--force` lifts them. */
const BOUNDS = { clients: 20_000, durationSec: 86_400, rateEps: 100_000, units: 20_000_000 };

const ARRIVALS = ["constant", "poisson"] as const satisfies readonly ArrivalKind[];
/** The events that are asked about. */
const CORPUS_MIX = "corpus";

/**
 * Checks all options. `seed` is taken when SEED is not set, `machineCores` when CORES is not; `null` where
 * they are not known. Throws `ConfigError`.
 */
export function buildPlan(
  scenario: ScenarioName,
  texts: OptionTexts,
  seed: string,
  machineCores: number | null = null,
): Plan {
  const force = readSwitch(texts, "force");
  const instances = readInstances(texts);
  const bound = (n: number) => (force ? Number.MAX_SAFE_INTEGER : n);
  const relays = readRelays(texts);
  const fanout = scenario === "fanout" ? readFanoutPlan(texts, instances, force) : null;
  const clients =
    fanout === null
      ? readNumber(texts, "clients", {
          min: 1,
          max: bound(instances * BOUNDS.clients),
          integer: true,
        })
      : connectionsOf(fanout);
  const { leads } = SCENARIOS[scenario];
  const query = leads === "query" ? readQueryPlan(texts, force) : null;
  const connect = leads === "connection" ? readConnectPlan(texts, force) : null;
  const publishes = leads === "publish";
  const durationSec =
    connect === null
      ? readNumber(texts, "duration", {
          min: 1,
          max: bound(BOUNDS.durationSec),
          integer: false,
        })
      : connectSeconds(connect, clients);
  const rateEps = publishes
    ? readNumber(texts, "rate", {
        min: 0.01,
        max: bound(instances * BOUNDS.rateEps),
        integer: false,
      })
    : 0;
  const cores = readCores(texts) ?? machineCores;
  const localIps = texts.localIps ? parseLocalIps(texts.localIps, optionLabel("localIps")) : null;
  const sourced = localIps === null ? 1 : vusOf(localIps);
  const load = { clients, rateEps, query, fanout, connect, leastVus: sourced };
  const vusEach = countVus(load, instances, cores);
  const plan: Plan = {
    scenario,
    relays,
    clients,
    durationSec,
    rateEps,
    mix:
      fanout === null
        ? expandPreset(query === null ? (texts.mix ?? "") : CORPUS_MIX)
        : topicMix(fanout, instances * vusEach),
    query,
    fanout,
    connect,
    seed: readSeed(texts.seed ?? seed),
    arrival: readChoice(texts, "arrival", ARRIVALS),
    // Of a client that only connects one REQ waits for its answer.
    maxInFlight:
      connect === null
        ? readNumber(texts, "maxInFlight", { min: 1, max: 10_000, integer: true })
        : 1,
    connectConcurrency: readNumber(texts, "connectConcurrency", {
      min: 1,
      max: 10_000,
      integer: true,
    }),
    ackTimeoutMs: readNumber(texts, "ackTimeout", { min: 10, max: 600_000, integer: true }),
    warmupSec:
      connect === null
        ? readNumber(texts, "warmup", {
            min: 0,
            max: bound(BOUNDS.durationSec),
            integer: false,
          })
        : 0,
    pingSec: readNumber(texts, "ping", { min: 0, max: 86_400, integer: false }),
    headers: parseHeaders(texts.header ?? "", optionLabel("header")),
    clientIpHeader: readAddressHeader(texts),
    localIps,
    compression: readSwitch(texts, "compression"),
    thresholds: withLeast(
      parseThresholds(texts.threshold ?? defaultThresholds(scenario, connect)),
      scenario,
    ),
    reportDir: texts.reportDir ?? "",
    allowPrivate: readSwitch(texts, "allowPrivate"),
    dedicatedHost: texts.allowDedicatedRelay ?? null,
    instances,
    vus: instances * vusEach,
    pacing: publishes
      ? choosePacing({
          choice: readChoice(texts, "pacing", PACING_CHOICES),
          cores,
          vus: vusEach,
          relays,
        })
      : "shared",
    cores,
  };
  return check(plan, bound(instances * BOUNDS.units));
}

/**
 * Events, or questions, that a pool must hold for this plan. Each VU has an equal part of it for itself, so each part
 * must hold the most that one VU may ask for, and a margin for sets cut by its ends.
 */
export function eventsNeeded(plan: Plan): number {
  const scheduleMs = (plan.warmupSec + plan.durationSec) * 1_000;
  // One of each topic tells that its subscriptions are open.
  const probes = plan.fanout === null ? 0 : topicsOfVu(plan.fanout, plan.vus);
  const most = mostArrivals(plan.arrival, leadingRate(plan) / plan.vus, scheduleMs);
  return plan.vus * (most + probes + 16);
}

/** Units of the leading class a second: events published, queries, or connections. */
export function leadingRate({
  query,
  connect,
  rateEps,
}: Pick<Plan, "query" | "connect" | "rateEps">): number {
  return query?.rate ?? connect?.rate ?? rateEps;
}

/** The members of a plan that decide the load, as one text: equal texts, equal loads. */
export function planText(plan: Plan, poolId: string): string {
  const { relays, headers, reportDir: _, thresholds: __, ...load } = plan;
  const names = {
    relays: relays.map(({ label }) => label),
    headers: headers.map(({ name }) => name),
  };
  return JSON.stringify({ ...load, ...names, poolId });
}

function readRelays(texts: OptionTexts): readonly RelayUrl[] {
  if (!texts.relay) {
    throw new ConfigError(
      `${optionLabel("relay")} is required: the relay to load, for instance ws://127.0.0.1:7777\n` +
        "Start one to try things out with `npx k6-nostr relay`.",
    );
  }
  return parseRelayUrls(texts.relay);
}

function readCores(texts: OptionTexts): number | null {
  if (!texts.cores) return null;
  return readNumber(texts, "cores", { min: 1, max: 9_999, integer: true });
}

function readAddressHeader(texts: OptionTexts): string | null {
  const { clientIpHeader } = texts;
  return clientIpHeader ? parseHeaderName(clientIpHeader, optionLabel("clientIpHeader")) : null;
}

function readSeed(text: string): string {
  if (/^[A-Za-z0-9._-]{1,32}$/.test(text)) return text;
  throw wrong("seed", "1 to 32 letters, digits, `.`, `_` or `-`", text);
}

function check(plan: Plan, mostUnits: number): Plan {
  const own = plan.clientIpHeader?.toLowerCase();
  if (plan.headers.some(({ name }) => name.toLowerCase() === own)) {
    throw new ConfigError(
      `${optionLabel("clientIpHeader")} gives \`${plan.clientIpHeader}\` for each connection; leave it out of ${optionLabel("header")}`,
    );
  }
  if (plan.pingSec > 0 && plan.pingSec < 0.1) {
    throw new ConfigError(
      `${optionLabel("ping")} must be 0 or at least 0.1, got \`${plan.pingSec}\``,
    );
  }
  if (plan.clients < plan.relays.length) {
    throw new ConfigError(
      `${optionLabel("clients")} must be at least the number of relays (${plan.relays.length}), got \`${plan.clients}\``,
    );
  }
  if (plan.fanout !== null && plan.relays.length > 1) {
    throw new ConfigError(
      `${optionLabel("relay")} must name one relay in \`fanout\`, got \`${plan.relays.length}\`: none hands on what another one was sent`,
    );
  }
  if (plan.vus < plan.instances) {
    throw new ConfigError(
      plan.fanout === null
        ? `${optionLabel("clients")} must be at least ${optionLabel("instances")} (${plan.instances}), got \`${plan.clients}\`: an instance without a connection sends nothing`
        : `${optionLabel("instances")} must be at most the number of topics, subscribers and publishers, got \`${plan.instances}\`: a topic lives within an instance`,
    );
  }
  // As many as there are clients are due, and no pool holds them.
  if (plan.connect !== null) return plan;
  const [units, unit, flag] =
    plan.query === null ? ["events", "event", "--rate"] : ["queries", "query", "--query-rate"];
  const needed = eventsNeeded(plan);
  if (needed > mostUnits) {
    throw new ConfigError(
      `rate × duration asks for ${needed} ${units}, more than ${mostUnits}\nLower ${flag} or --duration, or give --force.`,
    );
  }
  const rate = leadingRate(plan);
  if (rate * plan.durationSec < 1) {
    throw new ConfigError(
      `rate × duration must give at least one ${unit}, got \`${rate} × ${plan.durationSec}\``,
    );
  }
  return plan;
}

function wrong(name: OptionName, expected: string, got: string): ConfigError {
  return new ConfigError(`${optionLabel(name)} must be ${expected}, got \`${clip(got)}\``);
}
