import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { classSchemas } from "../build/schema.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import schema from "../src/report/schema.json" with { type: "json" };
import { REPORT_SCHEMA, type Report } from "../src/report/types.ts";
import { withClass, withTotals } from "./fixtures/reports/figures.ts";
import {
  buildOf,
  completeOf,
  emptyReport,
  histogramOf,
  planOf,
  rowOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
const isReport = ajv.compile(schema);
/** As tools read it: through JSON. */
const validate = (report: unknown) => isReport(JSON.parse(JSON.stringify(report)));

const withErrors = buildOf({
  slices: [
    sliceOf({
      errors: [
        { class: "reject", code: "blocked", count: 2, firstAtSec: 0, example: "blocked: no" },
        { class: "script", code: "timer", count: 1, firstAtSec: 1, example: "x", stack: "at a" },
      ],
    }),
  ],
});

function withSource(source: Report["config"]["pool"]["source"]): Report {
  const report = buildOf();
  return { ...report, config: { ...report.config, pool: { ...report.config.pool, source } } };
}

/** Connections that ended, and handshakes of the CLI's own. */
const withConnections = completeOf(
  buildOf({
    plan: planOf({ PING_SEC: "5", RELAY_HEADERS: "Origin: x", CLIENT_IP_HEADER: "X-Real-IP" }),
    slices: [
      sliceOf({
        answersAtEnd: [[0, 2]],
        endedMs: [900, 1_050],
        histograms: { life: histogramOf(5, 7), quiet: histogramOf(4), unused: histogramOf(4) },
      }),
    ],
  }),
  {
    relays: [
      {
        ...{ label: "127.0.0.1:7777", address: "127.0.0.1", software: "x", version: null },
        limits: { max_subscriptions: 20, max_filters: 10, max_limit: 500 },
      },
    ],
    handshakes: {
      asked: 2,
      answers: [
        { status: 429, text: "no", by: "nginx", isOwn: true, via: "1.1 Caddy", count: 1 },
        { status: null, text: "", count: 1 },
      ],
      parts: { count: 1, tcp: 0.4, tls: null, upgrade: 120 },
    },
  },
);

function withLeftOut(): Report {
  const { config, ...report } = withSource({ replay: "ef".repeat(32) });
  const leftOut = [{ reason: "expired", count: 2, lines: [3, 8] }] as const;
  return { ...report, config: { ...config, pool: { ...config.pool, leftOut } } };
}

function withSlowReaders(): Report {
  const variables = { RELAY_URL: "ws://127.0.0.1:7777", SLOW_READERS: "3", BASELINE: "0.2" };
  const plan = buildPlan("fanout", collectOptions({}, variables, "fanout"), "seed", 2);
  return completeOf(buildOf({ plan }), {
    slowReaders: {
      ...{ readers: 3, bytesPerSec: 0, topics: 4, topicsEach: 4, subscriptions: 1, fromSec: 36.2 },
      ...{ opened: 2, refused: [{ how: "no EOSE", count: 1 }] },
      ...{ bytes: 900, drainedBytes: 5_000_000, frames: 9_000, heldBytes: null },
      ends: [{ how: "code 1008", count: 1, firstSec: null, lastSec: null }],
    },
  });
}

const reports: Readonly<Record<string, Report>> = {
  "of subscribers, and peers that hardly read": withSlowReaders(),
  "as k6 writes it": buildOf(),
  "completed by Node": completeOf(buildOf()),
  "of a corpus that was loaded": completeOf(buildOf(), {
    corpus: {
      source: "seed",
      events: 990,
      fingerprint: "0123456789abcdef",
      loading: {
        loaded: 10,
        alreadyThere: 980,
        refused: [{ reason: "no", count: 1 }],
        loadSec: 1,
        ownCounts: [true],
      },
    },
  }),
  "of a corpus that was learnt": completeOf(buildOf(), {
    corpus: { source: "relay", events: 0, fingerprint: "0123456789abcdef", loading: null },
  }),
  "completed without anything measured": completeOf(buildOf(), {
    resources: null,
    ceilingEps: null,
    floorMs: null,
    audit: null,
    host: { cpus: null, memoryBytes: null, platform: null },
  }),
  "of a run without data": emptyReport(),
  "of a run without data, completed": completeOf(emptyReport()),
  "of a run that was cut off": buildOf({
    slices: [sliceOf({ classes: { publish: [rowOf(0, { scheduled: 1, attempted: 1 })] } })],
    stopReason: "interrupted",
  }),
  "with errors and a stack": withErrors,
  "with connections that ended, and handshakes of the CLI's own": withConnections,
  "of a relay that was started again behind a proxy": completeOf(buildOf(), {
    companion: {
      relayProcess: "relay, owner of port 7777",
      relayProcesses: [
        { pid: 12, fromSec: null, untilSec: 3.1 },
        { pid: 34, fromSec: 4.2, untilSec: null },
      ],
      proxy: { name: "docker-proxy", pids: [56] },
      relayFileLimit: 1_024,
      portLooks: [{ firstRefusedSec: 3.1, lastRefusedSec: 4, firstOpenSec: null }],
      relayMetrics: [],
      kernel: {
        ...{ ofRelay: true, listenOverflows: 0, listenDrops: 1, synCookies: null },
        ...{ synRetransmits: 2, timeWait: { before: 0, most: 5, after: 3 } },
      },
      notMeasured: [],
    },
  }),
  "of connections, and what they cost": completeOf(
    buildOf({ plan: planOf({ LOCAL_IPS: "127.0.0.2-127.0.0.4", COMPRESSION: "1" }, "connect") }),
  ),
  "of connections, whose relay was not seen": completeOf(buildOf({ plan: planOf({}, "connect") }), {
    resources: [],
    companion: { relayProcess: null, relayMetrics: [], kernel: null, notMeasured: [] },
  }),
  "of a run that asked queries": buildOf({
    slices: [
      sliceOf({
        histograms: { "query.response.0": histogramOf(3), "query.service.0": histogramOf(2) },
      }),
    ],
  }),
  "of the user's own builders": withSource({ builders: "ab".repeat(32) }),
  "of a replay": withSource({ replay: "cd".repeat(32) }),
  "of a replay that left lines out": withLeftOut(),
  "of several relays": buildOf({
    plan: planOf({ RELAY_URL: "ws://127.0.0.1:1,wss://[::1]:2/path?a=b", ARRIVAL: "poisson" }),
  }),
};

/** Figures that came later: stored baselines have none of them, and still compare. */
const LATER = [
  "corpus",
  "cutOff",
  "preflight",
  "relays",
  ...["busiestThreadPercent", "waitedForCpuPercent", "anonBytes", "connectionsProven"],
  ...["pingSec", "headers", "clientIpHeader", "pacing", "several", "ends", "handshakes", "by"],
  ...["isOwn", "ownCounts", "via", "authRelayUrl", "parts"],
  ...["relayProcesses", "proxy", "relayFileLimit", "portLooks", "queryTimes", "slowReaders"],
  ...["unheard", "reason", "ofKinds", "byType", "leftOut", "eventsBehind"],
  ...[
    "known",
    "spot",
    "margin",
    "options",
    "withheld",
    "query",
    "fanout",
    "receive",
    "advice",
    "limits",
  ],
  ...["connect", "usable", "kernel", "connectionCosts", "localIps", "compression"],
];

describe("the schema", () => {
  it("admits what is said of connections, as it came from the slices", () => {
    const { ends, handshakes, config } = withConnections;
    assert.deepEqual([ends?.life.count, ends?.quiet.count], [2, 1]);
    assert.deepEqual([ends?.firstAtSec, ends?.lastAtSec], [-0.1, 0.05]);
    assert.equal(handshakes?.answers.length, 2);
    assert.deepEqual([config.pingSec, config.headers], [5, ["Origin"]]);
  });

  it("bears the version that reports bear, and an id", () => {
    assert.equal(schema.properties.schema.const, REPORT_SCHEMA);
    assert.match(schema.$id, /^urn:k6-nostr:report@2$/);
    assert.match(schema.$schema, /2020-12/);
  });

  it("says of classes what their table says", () => {
    const { classes, $defs } = classSchemas();
    assert.deepEqual(schema.properties.classes, classes, "run build/schema.ts");
    for (const [name, definition] of Object.entries($defs)) {
      assert.deepEqual(Reflect.get(schema.$defs, name), definition, `${name}: run build/schema.ts`);
    }
  });

  it("is strict: every object names all it may hold, and requires it", () => {
    const loose: string[] = [];
    const visit = (node: unknown, path: string) => {
      if (typeof node !== "object" || node === null) return;
      const { type, properties, required, additionalProperties } = node as Record<string, unknown>;
      const isObject = type === "object" || (Array.isArray(type) && type.includes("object"));
      if (isObject && additionalProperties === undefined) loose.push(path);
      if (isObject && properties !== undefined) {
        assert.equal(additionalProperties, false, path);
        const known = required as readonly string[];
        // A class that the scenario does not do is not there.
        if (path.endsWith("/classes") && !path.includes("noise")) return;
        const needed = Object.keys(properties as object).filter(
          (name) => known.includes(name) || !LATER.includes(name),
        );
        assert.deepEqual(required, needed, path);
      }
      for (const [key, child] of Object.entries(node)) {
        if (key !== "if") visit(child, `${path}/${key}`);
      }
    };
    visit(schema, "");
    assert.deepEqual(loose, []);
  });

  for (const [name, report] of Object.entries(reports)) {
    it(`admits a report ${name}`, () => {
      assert.ok(validate(report), JSON.stringify(isReport.errors, null, 1));
    });
  }

  const base = completeOf(buildOf());
  const invalid = emptyReport();
  const mutilated: Readonly<Record<string, unknown>> = {
    null: null,
    "of another version": { ...base, schema: "k6-nostr/report@1" },
    "with a member that no one knows": { ...base, extra: 1 },
    "with a nested member that no one knows": { ...base, run: { ...base.run, user: "me" } },
    "without classes": { ...base, classes: undefined },
    "with a text for a count": withTotals(
      "publish",
      { accepted: "1000" as unknown as number },
      base,
    ),
    "with a negative count": withTotals("publish", { lost: -1 }, base),
    "with half an event": withTotals("publish", { lost: 0.5 }, base),
    "with figures that were not numbers": {
      ...withClass("publish", { rate: { target: 100, sent: 100, done: Number.NaN } }, base),
    },
    "with another verdict": { ...base, generator: { ...base.generator, verdict: "maybe" } },
    "with another arrival": { ...base, config: { ...base.config, arrival: "bursts" } },
    "with a relay's whole URL": { ...base, config: { ...base.config, relays: ["ws://a:1/x?k=v"] } },
    "with credentials": { ...base, config: { ...base.config, relays: ["u:p@host:80"] } },
    "with a day for a start": { ...base, run: { ...base.run, startedAt: "2026-01-02" } },
    "with a percentile missing": {
      ...base,
      classes: {
        ...base.classes,
        connection: {
          ...base.classes.connection,
          times: { connect: { ...base.classes.connection.times.connect, p999: undefined } },
        },
      },
    },
    "with a column that the class has not": withTotals("query", { eose: 1 }, base),
    "with a class that no one knows": { ...base, classes: { ...base.classes, delivery: {} } },
    "without an identity's sides": withClass(
      "publish",
      { identities: [{ text: "a = b" }] as never },
      base,
    ),
    "with empty resources": { ...base, resources: { samples: [] } },
    "that is invalid without a finding": { ...invalid, findings: [] },
  };
  for (const [name, report] of Object.entries(mutilated)) {
    it(`refuses a report ${name}`, () => assert.equal(validate(report), false));
  }
});
