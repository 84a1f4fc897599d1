/**
 * Every option of a run: one row says its variable, its flag, its default, what it means, and where it has a
 * say. Command line, k6 scripts, `--config`, help and the compose environment read this table.
 */
import { SCENARIO_NAMES, type ScenarioName } from "./scenarios.ts";

export interface OptionRow {
  /** Under which heading `--help` has it. */
  readonly group: string;
  readonly variable?: string;
  readonly flag: string;
  /** What `--help` shows in place of a value; a row without it is a switch. */
  readonly value?: string;
  readonly default?: string;
  /** Defaults that are others in some scenarios. */
  readonly defaultIn: Partial<Readonly<Record<ScenarioName, string>>>;
  /** Where it has a say; left out: everywhere. */
  readonly scenarios?: readonly ScenarioName[];
  readonly help: string;
}

type Columns = readonly [
  variable: string | null,
  flag: string,
  value: string | null,
  defaultText: string | null,
  help: string,
  more?: Partial<Pick<OptionRow, "scenarios" | "defaultIn">>,
];

const PUBLISHING = { scenarios: ["publish", "playback"] } as const;
const SENDING = { scenarios: ["publish", "playback", "fanout"] } as const;
const FANNING = { scenarios: ["fanout"] } as const;
const ASKING = { scenarios: ["query"] } as const;
const CONNECTING = { scenarios: ["connect"] } as const;
/** Of work that goes on over connections for a time that is set. */
const WORKING = { scenarios: SCENARIO_NAMES.filter((name) => name !== "connect") };

const table = {
  Load: {
    clients: [
      "CLIENTS",
      "clients",
      "N",
      "1000",
      "open connections",
      { scenarios: ["publish", "playback", "query", "connect"] },
    ],
    duration: ["DURATION_SEC", "duration", "SEC", "600", "length of the measured window", WORKING],
    warmup: [
      "WARMUP_SEC",
      "warmup",
      "SEC",
      "0",
      "sent and counted apart before the window",
      WORKING,
    ],
    rate: ["RATE_EPS", "rate", "EPS", "50", "events per second over all clients", SENDING],
    arrival: ["ARRIVAL", "arrival", "KIND", "constant", "constant or poisson"],
    pacing: [
      "PACING",
      "pacing",
      "MODE",
      "auto",
      "precise (on time, for a core), shared (leaves cores to the relay), or auto",
      SENDING,
    ],
    maxInFlight: [
      "MAX_IN_FLIGHT",
      "max-in-flight",
      "N",
      "16",
      "publishes without an answer, or open REQs, on a connection",
      { ...WORKING, defaultIn: { query: "8" } },
    ],
    ackTimeout: [
      "ACK_TIMEOUT_MS",
      "ack-timeout",
      "MS",
      "10000",
      "unanswered for so long: timedOut",
    ],
    seed: [
      "SEED",
      "seed",
      "SEED",
      null,
      "same seed, same load and schedule (default: random; of query always the same)",
    ],
  },
  Queries: {
    queryRate: ["QUERY_RATE", "query-rate", "N", "50", "REQs and COUNTs a second", ASKING],
    queryMix: ["QUERY_MIX", "query-mix", "MIX", "app", "shapes and weights, or a preset", ASKING],
    corpus: [
      "CORPUS",
      "corpus",
      "EVENTS|relay",
      "20000",
      "events that are made and loaded beforehand, or what the relay holds",
      ASKING,
    ],
    keys: [
      "KEYS",
      "keys",
      "ORDER",
      "zipf",
      "what is asked for most: zipf (the popular), latest, or uniform (all alike)",
      ASKING,
    ],
    verify: [
      "VERIFY",
      "verify",
      "FORM",
      "rows",
      "what is checked of an answer: rows, counts (how many), off",
      ASKING,
    ],
    pages: ["PAGES", "pages", "N", "1", "pages of what can be paged, by `until`", ASKING],
    keepLive: ["KEEP_LIVE", "keep-live", null, null, "leave REQs open behind their EOSE", ASKING],
  },
  Subscriptions: {
    subscribers: ["SUBSCRIBERS", "subscribers", "N", "1000", "connections that subscribe", FANNING],
    publishers: ["PUBLISHERS", "publishers", "N", "50", "connections that publish", FANNING],
    fanout: [
      "FANOUT",
      "fanout",
      "N|all|zipf",
      "10",
      "subscriptions of each topic; all: of the only one; zipf: few have many",
      FANNING,
    ],
    subsPerConnection: [
      "SUBS_PER_CONNECTION",
      "subs-per-connection",
      "N",
      "1",
      "subscriptions on each connection, each of another topic",
      FANNING,
    ],
    decoys: ["DECOYS", "decoys", "N", "0", "subscriptions beside them that match nothing", FANNING],
    filter: [
      "FANOUT_FILTER",
      "filter",
      "BY",
      "author",
      "what tells topics apart: author, tag (`#t`) or kind",
      FANNING,
    ],
    topicEvents: [
      "TOPIC_EVENTS",
      "topic-events",
      "WHAT",
      "note",
      "what is published: note, social (notes, reactions, reposts) or ephemeral",
      FANNING,
    ],
    deliveryTimeout: [
      "DELIVERY_TIMEOUT_MS",
      "delivery-timeout",
      "MS",
      "10000",
      "delivered later than so long behind its event was due: late",
      FANNING,
    ],
    baseline: [
      "BASELINE",
      "baseline",
      "SHARE",
      "0",
      "of the window, before the subscriptions are opened: OK without them",
      FANNING,
    ],
    echo: [
      "FANOUT_ECHO",
      "echo",
      null,
      null,
      "publishers subscribe too, where they publish",
      FANNING,
    ],
    slowReaders: [
      "SLOW_READERS",
      "slow-readers",
      "N",
      "0",
      "peers beside them that subscribe to every topic and hardly read, for the last part of the window",
      FANNING,
    ],
    slowReaderRate: [
      "SLOW_READER_RATE",
      "slow-reader-rate",
      "BYTES",
      "0",
      "read by each of them a second; 0: nothing, as a peer that is gone without a word",
      FANNING,
    ],
  },
  Connections: {
    connectConcurrency: [
      "CONNECT_CONCURRENCY",
      "connect-concurrency",
      "N",
      "50",
      "handshakes under way at once",
      { defaultIn: { connect: "5000" } },
    ],
    mode: [
      "CONNECT_MODE",
      "mode",
      "MODE",
      "hold",
      "storm (all come fast), hold, churn (session after session) or recover (cut, and back)",
      CONNECTING,
    ],
    connectRate: [
      "CONNECT_RATE",
      "connect-rate",
      "N",
      null,
      "first connections a second (default: 1000 in storm, else 100)",
      CONNECTING,
    ],
    hold: [
      "HOLD_SEC",
      "hold",
      "SEC",
      null,
      "held so long behind the ramp, in recover before the cut and again behind it (default by mode: 10, 60, 120, 30)",
      CONNECTING,
    ],
    sessionLength: [
      "SESSION_LENGTH",
      "session-length",
      "exp|fixed:SEC",
      null,
      "of churn: each session lasts so long, or is drawn with that mean (default: exp:60s)",
      CONNECTING,
    ],
    dropShare: [
      "DROP_SHARE",
      "drop-share",
      "SHARE",
      null,
      "of recover: share of the connections that are cut; 0: you restart the relay (default: 1)",
      CONNECTING,
    ],
    restartRelay: [
      null,
      "restart-relay",
      "COMMAND",
      null,
      "of recover: run by the shell in place of the cut; it restarts the relay",
      CONNECTING,
    ],
    reconnect: [
      "RECONNECT",
      "reconnect",
      "POLICY",
      "jitter",
      "who was turned away or cut comes back as immediate, nostr-tools, snort or jitter: docs/connect.md",
      CONNECTING,
    ],
    onOpen: [
      "ON_OPEN",
      "on-open",
      "WHAT",
      "req",
      "req: a client asks as it opens, and is usable at EOSE; auth: it answers the relay's challenge (NIP-42) too; none: it is usable at once",
      CONNECTING,
    ],
    authRelayUrl: [
      "AUTH_RELAY_URL",
      "auth-relay-url",
      "URL",
      null,
      "what the relay calls itself in AUTH, if not the URL that is dialled (its service URL); with --on-open auth",
      CONNECTING,
    ],
    ping: [
      "PING_SEC",
      "ping",
      "SEC",
      "0",
      "each connection is pinged so often; 0: never",
      { defaultIn: { connect: "25" } },
    ],
    localIps: [
      "LOCAL_IPS",
      "local-ips",
      "RANGE",
      null,
      "addresses of this machine that connections come from, one a VU: 127.0.0.2-127.0.0.9",
    ],
    compression: [
      "COMPRESSION",
      "compression",
      null,
      null,
      "offer permessage-deflate with each handshake, as browsers do",
    ],
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
  },
  "Several generators": {
    instances: [
      "INSTANCES",
      "instances",
      "N",
      "1",
      "k6 processes that share the load: docs/scale.md",
    ],
    instance: [
      "INSTANCE",
      "instance",
      "I",
      null,
      "which of them this is, from 0 (default: JOB_COMPLETION_INDEX)",
    ],
    startAt: [
      "START_AT",
      "start-at",
      "MS",
      null,
      "Unix ms at which all begin; who is not ready by then sends nothing",
    ],
    cores: ["CORES", "cores", "N", null, "cores of each (default: this machine's)"],
  },
  "Events and pools": {
    mix: [
      "MIX",
      "mix",
      "MIX",
      "view:0.9,video:0.1",
      "event types and weights (a weight counts sets), or a preset: docs/events.md",
      { ...PUBLISHING, defaultIn: { playback: "playback" } },
    ],
    pool: [
      "POOL",
      "pool",
      "DIR",
      null,
      "folder of a pool (default: made, cached under pools/)",
      SENDING,
    ],
    builders: [
      "BUILDERS",
      "builders",
      "FILE",
      null,
      "event builders of your own: docs/builders.md",
      PUBLISHING,
    ],
    events: [
      "EVENTS",
      "events",
      "FILE",
      null,
      "signed events to replay, one a line, as they are",
      { scenarios: ["publish"] },
    ],
    strict: [
      "STRICT",
      "strict",
      null,
      null,
      "refuse the file of --events at its first event that can't be replayed",
      { scenarios: ["publish"] },
    ],
    epoch: [
      "EPOCH",
      "epoch",
      "now|SEC",
      null,
      "created_at of a pool that is made: as it is sent, or a day from these Unix seconds on",
      SENDING,
    ],
    poolsLimit: [
      "POOLS_LIMIT_MB",
      "pools-limit",
      "MB",
      "2000",
      "most that pools made by runs take under pools/; those used longest ago go (0: no bound)",
    ],
  },
  "Relay and safety": {
    relay: ["RELAY_URL", "relay", "URL[,URL]", null, "relay to load, ws:// or wss:// (required)"],
    allowPrivate: ["ALLOW_PRIVATE", "allow-private", null, null, "allow private addresses too"],
    allowDedicatedRelay: [
      "ALLOW_DEDICATED_RELAY",
      "allow-dedicated-relay",
      "HOST",
      null,
      "a dedicated relay's host; it must serve a proof",
    ],
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
    relayNote: [
      "RELAY_NOTE",
      "relay-note",
      "TEXT",
      null,
      "said about the relay in the report: its version, limits, durability",
    ],
    dryRun: [
      "DRY_RUN",
      "dry-run",
      null,
      null,
      "print the plan; no socket, no name, nothing written",
    ],
    noCalibrate: ["NO_CALIBRATE", "no-calibrate", null, null, "skip the calibration"],
    force: [
      "FORCE",
      "force",
      null,
      null,
      "lift bounds that keep figures safe, ask no relay beforehand (never the guard)",
    ],
  },
  Report: {
    threshold: [
      "THRESHOLDS",
      "threshold",
      "EXPR",
      null,
      "`metric: expression, …`; may be repeated",
    ],
    audit: [
      "AUDIT",
      "audit",
      null,
      null,
      "read back what the relay acknowledged, after the run",
      SENDING,
    ],
    reportDir: [
      "REPORT_DIR",
      "report-dir",
      "DIR",
      "reports/load-test",
      "where reports are written",
    ],
    k6Out: [
      "K6_OUT",
      "k6-out",
      "KIND[=URL]",
      null,
      "metrics while it runs: prometheus=http://127.0.0.1:9090/api/v1/write",
    ],
    profile: [null, "profile", null, null, "CPU profile of the relay that `demo` starts"],
    pprof: [
      "PPROF_URL",
      "pprof",
      "URL",
      null,
      "CPU profile of a Go relay: http:// on this machine",
    ],
    profileFile: [
      "PROFILE_FILE",
      "profile-file",
      "FILE",
      null,
      "a .cpuprofile or `perf script` output, read after the run",
    ],
  },
} as const satisfies Record<string, Record<string, Columns>>;

type Groups = typeof table;
/** A union over the groups' own names. */
export type OptionName = { [G in keyof Groups]: keyof Groups[G] & string }[keyof Groups];

export const OPTIONS = Object.fromEntries(
  Object.entries(table).flatMap(([group, rows]) =>
    Object.entries(rows as Readonly<Record<string, Columns>>).map(([name, columns]) => [
      name,
      rowOf(group, columns),
    ]),
  ),
) as Readonly<Record<OptionName, OptionRow>>;

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

function rowOf(
  group: string,
  [variable, flag, value, defaultText, help, more = {}]: Columns,
): OptionRow {
  return {
    group,
    ...(variable === null ? {} : { variable }),
    flag,
    ...(value === null ? {} : { value }),
    ...(defaultText === null ? {} : { default: defaultText }),
    defaultIn: {},
    help,
    ...more,
  };
}
