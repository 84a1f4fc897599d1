/**
 * Every option of a run: one row says its variable, its flag, its default and what it means. A flag
 * wins over the variable of the environment. The CLI and the k6 scripts read the same table.
 */
import { ConfigError } from "../errors.ts";
import type { Epoch } from "../pool/times.ts";
import { mayHoldKey, refuseKey } from "./secrets.ts";

export interface OptionRow {
  readonly variable?: string;
  readonly flag: string;
  /** What `--help` shows in place of a value; a row without it is a switch. */
  readonly value?: string;
  readonly default?: string;
  readonly help: string;
}

type Columns = readonly [
  variable: string | null,
  flag: string,
  value: string | null,
  defaultText: string | null,
  help: string,
];

const table = {
  relay: ["RELAY_URL", "relay", "URL[,URL]", null, "relay to load, ws:// or wss:// (required)"],
  clients: ["CLIENTS", "clients", "N", "1000", "open connections"],
  duration: ["DURATION_SEC", "duration", "SEC", "600", "length of the measured window"],
  rate: ["RATE_EPS", "rate", "EPS", "50", "events per second over all clients"],
  mix: [
    "MIX",
    "mix",
    "MIX",
    "view:0.9,video:0.1",
    "event types and weights (a weight counts sets), or a preset: docs/events.md",
  ],
  seed: ["SEED", "seed", "SEED", null, "same seed, same events and schedule (default: random)"],
  dryRun: ["DRY_RUN", "dry-run", null, null, "print the plan; no socket, no name, nothing written"],
  maxInFlight: ["MAX_IN_FLIGHT", "max-in-flight", "N", "16", "unanswered publishes per connection"],
  connectConcurrency: [
    "CONNECT_CONCURRENCY",
    "connect-concurrency",
    "N",
    "50",
    "handshakes under way at once",
  ],
  arrival: ["ARRIVAL", "arrival", "KIND", "constant", "constant or poisson"],
  ackTimeout: ["ACK_TIMEOUT_MS", "ack-timeout", "MS", "10000", "unanswered for so long: timedOut"],
  ping: ["PING_SEC", "ping", "SEC", "0", "each connection is pinged so often; 0: never"],
  header: [
    "RELAY_HEADERS",
    "header",
    "NAME: VALUE",
    null,
    "sent with each handshake, as `Origin: https://app.example`; may be repeated",
  ],
  clientIpHeader: [
    "CLIENT_IP_HEADER",
    "client-ip-header",
    "NAME",
    null,
    "header with an address for each connection (198.18.0.0/15), as X-Real-IP",
  ],
  ca: [
    "CA_FILE",
    "ca",
    "FILE",
    null,
    "certificates (PEM) trusted beside the system's: of a private authority, or self-signed",
  ],
  warmup: ["WARMUP_SEC", "warmup", "SEC", "0", "sent and counted apart before the window"],
  pool: ["POOL", "pool", "DIR", null, "folder of a pool (default: made, cached under pools/)"],
  builders: ["BUILDERS", "builders", "FILE", null, "event builders of your own: docs/builders.md"],
  events: ["EVENTS", "events", "FILE", null, "signed events to replay, one a line, as they are"],
  epoch: [
    "EPOCH",
    "epoch",
    "now|SEC",
    null,
    "created_at of a pool that is made: as it is sent, or a day from these Unix seconds on",
  ],
  poolsLimit: [
    "POOLS_LIMIT_MB",
    "pools-limit",
    "MB",
    "2000",
    "most that pools made by runs take under pools/; those used longest ago go (0: no bound)",
  ],
  strict: [
    "STRICT",
    "strict",
    null,
    null,
    "refuse the file of --events at its first event that can't be replayed",
  ],
  reportDir: ["REPORT_DIR", "report-dir", "DIR", "reports/load-test", "where reports are written"],
  threshold: ["THRESHOLDS", "threshold", "EXPR", null, "`metric: expression, …`; may be repeated"],
  relayPid: [
    "RELAY_PID",
    "relay-pid",
    "PID",
    null,
    "process to sample (default: embedded relay's)",
  ],
  relayMetrics: [
    "RELAY_METRICS",
    "relay-metrics",
    "URL",
    null,
    "the relay's Prometheus text, http:// on this machine or the relay's host",
  ],
  profile: [null, "profile", null, null, "CPU profile of the relay that `demo` starts"],
  pprof: ["PPROF_URL", "pprof", "URL", null, "CPU profile of a Go relay: http:// on this machine"],
  profileFile: [
    "PROFILE_FILE",
    "profile-file",
    "FILE",
    null,
    "a .cpuprofile or `perf script` output, read after the run",
  ],
  relayNote: [
    "RELAY_NOTE",
    "relay-note",
    "TEXT",
    null,
    "said about the relay in the report: its version, limits, durability",
  ],
  k6Out: [
    "K6_OUT",
    "k6-out",
    "KIND[=URL]",
    null,
    "metrics while it runs: prometheus=http://127.0.0.1:9090/api/v1/write",
  ],
  allowPrivate: ["ALLOW_PRIVATE", "allow-private", null, null, "allow private addresses too"],
  allowDedicatedRelay: [
    "ALLOW_DEDICATED_RELAY",
    "allow-dedicated-relay",
    "HOST",
    null,
    "a dedicated relay's host; it must serve a proof",
  ],
  audit: ["AUDIT", "audit", null, null, "read back what the relay acknowledged, after the run"],
  noCalibrate: ["NO_CALIBRATE", "no-calibrate", null, null, "skip the calibration"],
  force: [
    "FORCE",
    "force",
    null,
    null,
    "lift bounds that keep figures safe, ask no relay beforehand (never the guard)",
  ],
} as const satisfies Record<string, Columns>;

export type OptionName = keyof typeof table;

export const OPTIONS = Object.fromEntries(
  Object.entries(table).map(([name, [variable, flag, value, defaultText, help]]) => [
    name,
    {
      ...(variable === null ? {} : { variable }),
      flag,
      ...(value === null ? {} : { value }),
      ...(defaultText === null ? {} : { default: defaultText }),
      help,
    },
  ]),
) as Readonly<Record<OptionName, OptionRow>>;

/** Raw texts by option, before they are checked. A switch that is on has the text `1`. */
export type OptionTexts = { readonly [K in OptionName]?: string };

/** Values in which 64 hex digits are no sign of a key: digests in paths, tokens in headers. */
const MAY_HOLD_DIGITS = ["DIR", "FILE", "NAME: VALUE"];

/**
 * Takes each option from the flags, else from the environment, else its default. Environment
 * variables that are set to nothing count as not set. Throws `ConfigError` for what looks like a key.
 */
export function collectOptions(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): OptionTexts {
  const texts: { [K in OptionName]?: string } = {};
  for (const [name, row] of Object.entries(OPTIONS) as [OptionName, OptionRow][]) {
    const text =
      flags[row.flag] ??
      (row.variable ? environment[row.variable] || undefined : undefined) ??
      row.default;
    if (text === undefined) continue;
    refuseKey(text, optionLabel(name), MAY_HOLD_DIGITS.includes(row.value ?? ""));
    texts[name] = text;
  }
  return texts;
}

/** Whether a person gave an option, so that its text is not its default. */
export function isGiven(
  name: OptionName,
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const { flag, variable } = OPTIONS[name];
  return flags[flag] !== undefined || Boolean(variable && environment[variable]);
}

/** The name to use for an option in a message. */
export function optionLabel(name: OptionName): string {
  const row = OPTIONS[name];
  return row.variable ? `${row.variable} (--${row.flag})` : `--${row.flag}`;
}

export interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
}

/** Reads a number option and holds it against its bounds. */
export function readNumber(texts: OptionTexts, name: OptionName, rule: NumberRule): number {
  const text = texts[name] ?? "";
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
  const value = isNumber ? Number(text) : Number.NaN;
  const inRange = value >= rule.min && value <= rule.max;
  if (!inRange || (rule.integer && !Number.isInteger(value))) {
    const what = rule.integer ? "a whole number" : "a number";
    const range = `${what} from ${rule.min} to ${rule.max}`;
    throw new ConfigError(`${optionLabel(name)} must be ${range}, got \`${clip(text)}\``);
  }
  return value;
}

/** Reads EPOCH; `undefined` when it is left to what the relays take. */
export function readEpoch({ epoch }: OptionTexts): Epoch | undefined {
  if (epoch === undefined || epoch === "now") return epoch;
  // Ten digits, as a pool needs them.
  if (/^[1-9]\d{9}$/.test(epoch)) return Number(epoch);
  throw new ConfigError(
    `${optionLabel("epoch")} must be \`now\` or Unix seconds of ten digits, got \`${clip(epoch)}\``,
  );
}

/** Reads a switch: `1`, `true`, `yes`, `on` are on; `0`, `false`, `no`, `off` and nothing are off. */
export function readSwitch(texts: OptionTexts, name: OptionName): boolean {
  const text = (texts[name] ?? "").toLowerCase();
  if (["1", "true", "yes", "on"].includes(text)) return true;
  if (["", "0", "false", "no", "off"].includes(text)) return false;
  throw new ConfigError(`${optionLabel(name)} must be 1 or 0, got \`${clip(text)}\``);
}

/** Cuts a user's text so that a message stays short; what may be a secret key is not shown. */
export function clip(text: string): string {
  if (mayHoldKey(text)) return "(looks like a key; not shown)";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
