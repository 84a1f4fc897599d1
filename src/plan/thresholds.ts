/**
 * Threshold expressions in k6's own language: `nostr_publish_failed: rate<0.01`. They go to k6 as
 * they are; the report judges them again from its own exact figures.
 */
import { ConfigError } from "../errors.ts";
import { CLASS_NAMES, classOf } from "../measure/classes.ts";
import { RESOURCE_METRICS } from "../measure/resource-metrics.ts";
import type { ConnectPlan } from "./connect.ts";
import { SCENARIOS, type ScenarioName } from "./scenarios.ts";

export interface Threshold {
  /** Metric with its tags: `nostr_publish_response_time{event:view}`. */
  readonly metric: string;
  readonly expressions: readonly string[];
}

export interface ThresholdExpression {
  readonly aggregation: "rate" | "count" | "value" | "avg" | "min" | "max" | "med" | "p";
  /** For `p`: 0 to 1. */
  readonly quantile?: number;
  readonly operator: "<" | "<=" | ">" | ">=" | "==" | "===" | "!=";
  readonly bound: number;
}

const PUBLISH =
  "nostr_publish_failed: rate<0.01; nostr_publish_response_time: p(95)<500, p(99)<1000";
const DELIVERY =
  "nostr_delivery_failed: rate<=0.0001; nostr_delivery_time: p(99)<1000; nostr_delivery_duplicates: count==0";
const QUERY = "nostr_query_failed: rate<0.01; nostr_query_time: p(95)<500, p(99)<1000";

/** What a run of a scenario is held against when nothing else was given. */
const DEFAULTS: Readonly<Record<ScenarioName, string>> = {
  publish: PUBLISH,
  playback: `${PUBLISH}; ${QUERY}`,
  fanout: `${PUBLISH}; ${DELIVERY}`,
  query: `${QUERY}; nostr_query_short: count==0; nostr_query_wrong: count==0`,
  connect:
    "nostr_connect_failed: rate<0.01; nostr_connections_refused: count==0; nostr_connections_mute: count==0; nostr_usable_time: p(95)<1000; nostr_probes_unanswered: count==0",
};

const RECOVERED = "nostr_clients_unrecovered: count==0";
/** What fails while a relay is down was asked for: who could use it is to be back, and served as before. */
const RESTARTED = `${RECOVERED}; nostr_usable_time: p(95)<1000`;

/** `connect`: what a run of that scenario does, where it is known. */
export function defaultThresholds(
  scenario: ScenarioName,
  connect: Pick<ConnectPlan, "mode" | "dropShare"> | null = null,
): string {
  if (connect?.mode !== "recover") return DEFAULTS[scenario];
  return connect.dropShare === 0 ? RESTARTED : `${DEFAULTS[scenario]}; ${RECOVERED}`;
}

/**
 * Holds in every run: nothing is met where nothing of the leading class was done, whatever the other thresholds
 * say.
 */
function leastThreshold(scenario: ScenarioName): Threshold {
  const { done, metrics } = classOf(SCENARIOS[scenario].leads);
  const metric = metrics.counters[done] ?? "";
  return { metric, expressions: ["count>0"] };
}

const EXPRESSION =
  /^(rate|count|value|avg|min|max|med|p\((\d+(?:\.\d+)?)\))\s*(<=|>=|<|>|===|==|!=)\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

const OF_TIMES = ["avg", "min", "max", "med", "p"];
const CLASS_METRICS = CLASS_NAMES.map((name) => classOf(name).metrics);

/** Metrics that a threshold may name, with the aggregations that k6 knows for their type. */
const METRICS: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ...CLASS_METRICS.flatMap(({ trends, failed, counters }) => [
    ...Object.values(trends).map((trend) => [trend, OF_TIMES] as const),
    ...(failed === null ? [] : [[failed, ["rate"]] as const]),
    ...Object.values(counters).map((counter) => [counter, ["count", "rate"]] as const),
  ]),
  ...Object.keys(RESOURCE_METRICS).map((name) => [name, OF_TIMES] as const),
]);

/** Times that may be judged for one event type, or one query, alone: `nostr_query_time{query:home}`. */
const TAGGED = new RegExp(
  `^(${CLASS_METRICS.flatMap(({ tag, trends }) =>
    tag === null
      ? []
      : Object.values(trends).map((trend) => `${trend}\\{${tag}:[a-z][a-z0-9:-]*\\}`),
  ).join("|")})$`,
);

/** Parses one expression; `null` when it is none. */
export function parseExpression(text: string): ThresholdExpression | null {
  const match = EXPRESSION.exec(text.trim());
  if (!match) return null;
  const [, aggregation = "", percent, operator, bound] = match;
  if (percent !== undefined && Number(percent) > 100) return null;
  return {
    aggregation: (percent === undefined ? aggregation : "p") as ThresholdExpression["aggregation"],
    ...(percent === undefined ? {} : { quantile: Number(percent) / 100 }),
    operator: operator as ThresholdExpression["operator"],
    bound: Number(bound),
  };
}

/** The thresholds with the one that always holds, unless they judge its metric themselves. */
export function withLeast(
  thresholds: readonly Threshold[],
  scenario: ScenarioName,
): readonly Threshold[] {
  const least = leastThreshold(scenario);
  return thresholds.some(({ metric }) => metric === least.metric)
    ? thresholds
    : [...thresholds, least];
}

/** What `parseThresholds` reads back. */
export function formatThresholds(thresholds: readonly Threshold[]): string {
  return thresholds.map((t) => `${t.metric}: ${t.expressions.join(", ")}`).join("; ");
}

/** Thresholds without the one that always holds, as a text; `null` where they are the scenario's own. */
export function ownThresholds(
  thresholds: readonly Threshold[],
  { scenario, connect }: { readonly scenario: ScenarioName; readonly connect: ConnectPlan | null },
): string | null {
  const least = formatThresholds([leastThreshold(scenario)]);
  const own = formatThresholds(thresholds.filter((one) => formatThresholds([one]) !== least));
  return own === formatThresholds(parseThresholds(defaultThresholds(scenario, connect)))
    ? null
    : own;
}

/** Parses `metric: expression, expression; metric: …`. Throws `ConfigError` on what k6 would refuse. */
export function parseThresholds(text: string): readonly Threshold[] {
  const byMetric = new Map<string, string[]>();
  for (const part of text.split(/[;\n]/)) {
    if (part.trim() === "") continue;
    const match = /^\s*([A-Za-z0-9_]+(?:\{[^{}]*\})?)\s*:\s*(.+)$/.exec(part);
    if (!match?.[1] || !match[2]) throw refuse(part, "`metric: expression`");
    const name = match[1].replace(/\{.*/, "");
    const known = Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
    if (!known) throw refuse(part, `one of the metrics ${Object.keys(METRICS).join(", ")}`);
    if (match[1] !== name && !TAGGED.test(match[1])) {
      throw refuse(part, "the tag `{event:<type>}`, or `{query:<name>}` of `nostr_query_time`");
    }
    const expressions = match[2].split(",").map((expression) => expression.trim());
    for (const expression of expressions) {
      const parsed = parseExpression(expression);
      if (!parsed) throw refuse(expression, "an expression like `p(95)<500` or `rate<0.01`");
      if (!known.includes(parsed.aggregation)) {
        throw refuse(expression, `one of ${known.join(", ")} for ${match[1]}`);
      }
    }
    byMetric.set(match[1], [...(byMetric.get(match[1]) ?? []), ...expressions]);
  }
  return [...byMetric].map(([metric, expressions]) => ({ metric, expressions }));
}

function refuse(got: string, expected: string): ConfigError {
  return new ConfigError(
    `THRESHOLDS (--threshold) must be ${expected}, got \`${got.trim().slice(0, 60)}\``,
  );
}
