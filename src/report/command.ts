/** Shell lines that a reader may copy: every value quoted, whatever it holds. */
import { isScenario } from "../plan/scenarios.ts";
import { defaultThresholds, leastThreshold, parseThresholds } from "../plan/thresholds.ts";
import type { Report } from "./types.ts";

/** One word of a POSIX shell. Control characters, which terminals obey, become spaces. */
export function shellQuote(text: string): string {
  const plain = Array.from(text, (c) => (c < " " || c === "\u007f" ? " " : c)).join("");
  if (/^[\w@%+=:,./-]+$/.test(plain) && !plain.startsWith("-")) return plain;
  return `'${plain.replaceAll("'", "'\\''")}'`;
}

/**
 * The command that makes the load of a report again. Without a relay its URL is asked for: a report keeps
 * only its host and port. Of a user's own builders or events it keeps a digest, so their file is asked for too.
 */
export function rerunCommand(report: Report, relay = '"$RELAY_URL"'): string {
  const { config: c, run } = report;
  const mix = Object.entries(c.mix)
    .map(([type, weight]) => `${type}:${weight}`)
    .join(",");
  const flags: readonly (readonly [string, string | number])[] = [
    ["clients", c.clients],
    ["rate", c.rateEps],
    ["duration", c.durationSec],
    ["warmup", c.warmupSec],
    ...(isReplay(report) ? [] : ([["mix", mix]] as const)),
    ["seed", c.seed],
    ["arrival", c.arrival],
    ["max-in-flight", c.maxInFlight],
    ["connect-concurrency", c.connectConcurrency],
    ["ack-timeout", c.ackTimeoutMs],
  ];
  const words = flags.map(([flag, value]) => `--${flag} ${shellQuote(String(value))}`);
  const third = words.findIndex((word) => word.startsWith("--max-in-flight"));
  return [
    `npx k6-nostr run ${shellQuote(run.scenario)} --relay ${relay}`,
    words.slice(0, 4).join(" "),
    words.slice(4, third).join(" "),
    words.slice(third).join(" "),
    ...extraFlags(report),
  ].join(" \\\n  ");
}

/** Where events came from that are not the kit's own; `null` when all are. */
export function describeSource({ config }: Report): string | null {
  const { source } = config.pool;
  // Reports from before this member have none.
  if (!source) return null;
  return "replay" in source
    ? `EVENTS is the file of signed events with the SHA-256 ${source.replay}`
    : `BUILDERS is the module of builders whose text and version have the digest ${source.builders.slice(0, 16)}`;
}

function isReplay({ config }: Report): boolean {
  const { source } = config.pool;
  return source ? "replay" in source : false;
}

/** What is not the default, each on a line. */
function extraFlags(report: Report): readonly string[] {
  const { config } = report;
  const { source } = config.pool;
  const thresholds = judgedExpressions(report);
  const isDefault = thresholds.join(";") === defaultExpressions(report.run.scenario).join(";");
  return [
    ...(source ? [isReplay(report) ? '--events "$EVENTS"' : '--builders "$BUILDERS"'] : []),
    ...(isDefault ? [] : thresholds.map((threshold) => `--threshold ${shellQuote(threshold)}`)),
    ...(config.pingSec ? [`--ping ${config.pingSec}`] : []),
    // Their values may be secrets.
    ...(config.headers ?? []).map((name) => `--header ${shellQuote(`${name}: …`)}`),
    ...(config.clientIpHeader ? [`--client-ip-header ${shellQuote(config.clientIpHeader)}`] : []),
    ...(report.audit === null || report.audit.spot ? [] : ["--audit"]),
    ...(report.run.relayNote ? [`--relay-note ${shellQuote(report.run.relayNote)}`] : []),
  ];
}

function defaultExpressions(scenario: string): readonly string[] {
  if (!isScenario(scenario)) return [];
  return parseThresholds(defaultThresholds(scenario)).flatMap(({ metric, expressions }) =>
    expressions.map((expression) => `${metric}: ${expression}`),
  );
}

/** Without the one that every run has. */
function judgedExpressions({ thresholds, run: { scenario } }: Report): readonly string[] {
  const least = isScenario(scenario) ? leastThreshold(scenario) : null;
  const own = thresholds.filter(
    ({ metric, expression }) => metric !== least?.metric || !least.expressions.includes(expression),
  );
  return own.map(({ metric, expression }) => `${metric}: ${expression}`);
}

/** The facts that another person needs to get the same run. */
export function reproduceSection(report: Report): string {
  const { run, config } = report;
  const source = describeSource(report);
  const consent =
    run.proofs.length === 0
      ? "a relay of your own on this machine"
      : `the relay whose owner consented (${run.proofs.map((p) => p.host).join(", ")}; add --allow-dedicated-relay)`;
  return [
    "## How to reproduce",
    "",
    `Set \`RELAY_URL\` to ${consent}; it was \`${config.relays.join(", ")}\`.`,
    "",
    "```sh",
    rerunCommand(report),
    "```",
    "",
    ...(source === null ? [] : [`- ${source}`]),
    `- run \`${run.id}\`, plan \`${run.planHash}\``,
    `- seed \`${config.seed}\`, pool \`${config.pool.id}\` (${config.pool.events} events, ${config.pool.bytes} bytes)`,
    `- ${run.tool}, ${run.k6 ?? "k6 not measured"}, ${run.host.platform ?? "platform not measured"}, ${run.host.cpus ?? "?"} CPUs`,
  ].join("\n");
}
