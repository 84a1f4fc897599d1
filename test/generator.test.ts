import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClassName, CountsOf } from "../src/measure/classes.ts";
import { noLinkCounts } from "../src/measure/recorder.ts";
import { deliveryOf, identitiesOf, publishOf, queryOf } from "../src/report/class-report.ts";
import { judgeGenerator } from "../src/report/generator.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import type { LatencySummary } from "../src/report/times.ts";
import type { GeneratorReport, Report } from "../src/report/types.ts";
import { EXIT, exitCode } from "../src/report/verdict.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { asQueries } from "./fixtures/reports/as-queries.ts";
import { withClass, withTotals } from "./fixtures/reports/figures.ts";
import {
  buildOf,
  completeOf,
  emptyReport,
  goodSlices,
  histogramOf,
  planOf,
  rowOf,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

type Change = { readonly report?: Partial<Report>; readonly figures?: Partial<GeneratorReport> };

const good = completeOf(buildOf());
/** As if of so many events that it is sure. */
const lag = (p99: number | null) => ({
  ...good.generator.scheduleLag,
  p99,
  histogram: histogramOf(),
});
/** Eleven events in ten thousand are so late. */
const tailOf = (ms: number) => {
  const values = Array.from({ length: 10_000 }, (_, i) => (i < 11 ? ms : 0.1));
  return { ...good.generator.scheduleLag, count: 10_000, histogram: histogramOf(...values) };
};
const totals = (members: Partial<CountsOf<"publish">>): Partial<Report> => ({
  classes: withTotals("publish", members, good).classes,
});
const timed = (
  kind: "response" | "service",
  members: Partial<LatencySummary>,
  of = good,
): Report => {
  const { times } = publishOf(of);
  const changed = { ...times, [kind]: { ...times[kind], ...members } };
  return withClass("publish", { times: changed }, of);
};
/** A good run of which a class counted this, with its identities as they come out. */
function counted<C extends ClassName>(name: C, counts: CountsOf<C>): Change {
  const { classes } = withTotals(name, counts, good);
  const identities = identitiesOf(name, counts);
  return {
    report: { classes: { ...classes, [name]: { warmup: null, ...classes[name], identities } } },
  };
}
const script = { class: "script", code: "timer", share: 0, firstAtSec: 0, example: "", stack: "" };

function connectError(code: string, count: number) {
  return { class: "connect", code, count, share: 0, firstAtSec: 0, example: code, stack: null };
}

/** Judges a good run again with some of its figures changed. */
function judge({ report, figures }: Change): Report {
  const { verdict: _, reasons: __, signals: ___, ...measured } = good.generator;
  return judgeGenerator({ ...good, ...report }, { ...measured, ...figures });
}

function stateOf(report: Report, id: string) {
  return report.generator.signals.find((signal) => signal.id === id)?.state;
}

const NO_QUERIES = queryOf(good);

describe("loop lag where rows of an answer wait for each other", () => {
  const judged = (loopMs: number) => {
    const { verdict: _, reasons: __, signals: ___, ...measured } = good.generator;
    return judgeGenerator(asQueries(good), { ...measured, loopLag: lag(loopMs) });
  };
  it("is allowed five times as much, alone and with schedule lag", () => {
    assert.deepEqual(
      [49, 51, 201].map((ms) => stateOf(judged(ms), "loopLag")),
      ["valid", "suspect", "invalid"],
    );
    assert.deepEqual(
      [150, 250].map((ms) => stateOf(judged(ms), "ownDelay")),
      ["valid", "invalid"],
    );
  });

  it("bears as much where an event comes at many subscriptions at once", () => {
    const report = withClass("delivery", deliveryOf(good), good);
    const states = [49, 51, 201].map((ms) =>
      stateOf(judge({ report, figures: { loopLag: lag(ms) } }), "loopLag"),
    );
    assert.deepEqual(states, ["valid", "suspect", "invalid"]);
  });
});
describe("what does not balance in the warm-up alone", () => {
  const { classes } = good;
  const judged = (accepted: number) => {
    const warmup = { ...zerosOf("publish"), scheduled: 10, attempted: 10, accepted };
    return judge({ report: { classes: { ...classes, publish: { ...publishOf(good), warmup } } } });
  };
  it("makes the run invalid, and is said to be of the warm-up", () => {
    assert.equal(stateOf(judged(10), "identities"), "valid");
    const wrong = judged(9);
    assert.equal(stateOf(wrong, "identities"), "invalid");
    assert.match(JSON.stringify(wrong.generator.reasons), /publish, warm-up: attempted = /);
  });
});

const READ = { ...NO_QUERIES.totals, sent: 100, eose: 100, rows: 8_000, bytes: 7_200_000 };
const asked = withClass("query", { ...NO_QUERIES, totals: READ }, good);
const ALL_ACCEPTED = { scheduled: 1_000, attempted: 1_000, accepted: 1_000 };

/** One change of a good run for each state of each signal. */
const table: Readonly<Record<string, Readonly<Partial<Record<string, Change>>>>> = {
  noData: {
    valid: {},
    invalid: { report: totals({ attempted: 0 }) },
  },
  incomplete: {
    valid: {},
    suspect: { report: { run: { ...good.run, complete: false, stopReason: "stopped" } } },
  },
  identities: {
    valid: counted("publish", { ...zerosOf("publish"), ...ALL_ACCEPTED }),
    invalid: counted("publish", { ...zerosOf("publish"), ...ALL_ACCEPTED, accepted: 999 }),
  },
  clockViolations: {
    valid: { figures: { clockViolations: 0 } },
    suspect: { figures: { clockViolations: 1 } },
  },
  scheduleLag: {
    valid: { figures: { scheduleLag: lag(4.9) } },
    suspect: { figures: { scheduleLag: lag(5.1) } },
    invalid: { figures: { scheduleLag: lag(20.1) } },
    notMeasured: { figures: { scheduleLag: lag(null) } },
  },
  lagTail: {
    valid: { figures: { scheduleLag: tailOf(140) } },
    suspect: { figures: { scheduleLag: tailOf(160) } },
    notMeasured: { figures: { scheduleLag: { ...tailOf(160), count: 9_999 } } },
  },
  loopLag: {
    valid: { figures: { loopLag: lag(9.9) } },
    suspect: { figures: { loopLag: lag(10.1) } },
    invalid: { figures: { loopLag: lag(40.1) } },
    notMeasured: { figures: { loopLag: lag(null) } },
  },
  ownDelay: {
    valid: { figures: { scheduleLag: lag(4.9), loopLag: lag(9.9) } },
    invalid: { figures: { scheduleLag: lag(15), loopLag: lag(25.1) } },
    notMeasured: { figures: { scheduleLag: lag(null) } },
  },
  generatorCpu: {
    valid: { figures: { cpuPercent: { generator: 319, host: null } } },
    suspect: { figures: { cpuPercent: { generator: 321, host: null } } },
    invalid: { figures: { cpuPercent: { generator: 381, host: null } } },
    notMeasured: { figures: { cpuPercent: { generator: null, host: null } } },
  },
  hostCpu: {
    // The relay's tenth is no part of it.
    valid: { figures: { cpuPercent: { generator: null, host: 90 } } },
    suspect: {
      report: { run: { ...good.run, sameHost: false } },
      figures: { cpuPercent: { generator: null, host: 81 } },
    },
    invalid: {
      report: { run: { ...good.run, sameHost: false } },
      figures: { cpuPercent: { generator: null, host: 96 } },
    },
    notMeasured: { figures: { cpuPercent: { generator: 0, host: null } } },
  },
  // Never against a run.
  sharedHost: { valid: {} },
  poolExhausted: {
    valid: {},
    invalid: {
      report: totals({ poolExhausted: 1 }),
    },
  },
  notScheduled: {
    valid: {},
    suspect: { report: totals({ scheduled: 999 }) },
    invalid: { report: totals({ scheduled: 989 }) },
  },
  littlesLaw: {
    valid: { figures: { inFlight: { mean: 44, littlesLaw: 40 } } },
    suspect: { figures: { inFlight: { mean: 28, littlesLaw: 40 } } },
    invalid: { figures: { inFlight: { mean: 64, littlesLaw: 40 } } },
    notMeasured: { figures: { inFlight: { mean: null, littlesLaw: 40 } } },
  },
  sendBacklog: {
    valid: { figures: { sendBacklog: 0.1 } },
    suspect: { figures: { sendBacklog: 0.11 } },
    notMeasured: { figures: { sendBacklog: null } },
  },
  clockDrift: {
    valid: { figures: { clockDriftMs: -0.1 } },
    suspect: { figures: { clockDriftMs: -0.3 } },
    invalid: { figures: { clockDriftMs: 5.1 } },
    notMeasured: { figures: { clockDriftMs: null } },
  },
  startSkew: {
    valid: { figures: { startSkewMs: 1_000 } },
    suspect: { figures: { startSkewMs: 1_001 } },
    notMeasured: { figures: { startSkewMs: null } },
  },
  ceilingShare: {
    valid: { figures: { ceilingEps: 1_000 } },
    suspect: { figures: { ceilingEps: 150 } },
    invalid: { figures: { ceilingEps: 105 } },
    notMeasured: { figures: { ceilingEps: null } },
  },
  // 8,000 rows of 7.2 MB in 10 s.
  receiveShare: {
    valid: { report: asked, figures: { receive: { rowsPerSec: 1_000, bytesPerSec: 900_000 } } },
    suspect: { report: asked, figures: { receive: { rowsPerSec: 990, bytesPerSec: 9e9 } } },
    invalid: { report: asked, figures: { receive: { rowsPerSec: 9e9, bytesPerSec: 750_000 } } },
    notMeasured: { figures: { receive: { rowsPerSec: 1, bytesPerSec: 1 } } },
  },
  ownConnectionLimit: {
    valid: { report: { errors: [connectError("refused", 5)] } },
    suspect: {
      report: {
        errors: [connectError("files", 1)],
        classes: withTotals("connection", { due: 200 }, good).classes,
      },
    },
    invalid: { report: { errors: [connectError("ports", 1)] } },
  },
  knownEvents: {
    valid: { report: totals({ attempted: 1_000, duplicate: 10 }) },
    suspect: { report: totals({ attempted: 1_000, duplicate: 11 }) },
    invalid: { report: totals({ attempted: 1_000, duplicate: 501 }) },
  },
  scriptErrors: {
    valid: { report: { errors: [{ ...script, class: "reject", count: 5 }] } },
    invalid: { report: { errors: [{ ...script, count: 1 }] } },
  },
};

describe("judgeGenerator", () => {
  it("finds a good run valid, without reasons", () => {
    assert.equal(good.generator.verdict, "valid");
    assert.deepEqual(good.generator.reasons, []);
    assert.ok(good.generator.signals.every((signal) => signal.state !== "suspect"));
  });

  it("says of a run without data why there is none", () => {
    const { findings } = judge({
      report: { ...totals({ attempted: 0 }), errors: [connectError("refused", 20)] },
    });
    assert.equal(findings[0]?.id, "no-data");
    assert.deepEqual(findings[0]?.evidence.at(-1), {
      metric: "errors.connect/refused",
      value: 20,
      reference: "refused",
    });
  });

  it("says of a run whose events were known to the relay what to do, and blames no generator", () => {
    const known = totals({ attempted: 1_000, duplicate: 1_000, accepted: 0 });
    const [finding, ...rest] = judge({ report: known }).findings;
    assert.deepEqual([finding?.id, finding?.severity, rest.length], ["duplicates", "critical", 0]);
    assert.match(finding?.remediation ?? "", /new --seed.*empty relay/);
    const late = judge({ report: known, figures: { scheduleLag: lag(30) } });
    assert.equal(late.findings[0]?.id, "generator-limit");
  });

  it("has a case for each signal", () => {
    const ids = good.generator.signals.map((signal) => signal.id);
    assert.deepEqual([...ids].sort(), Object.keys(table).sort());
    assert.equal(new Set(ids).size, ids.length);
  });

  it("takes a rate that was held above the ceiling as a word against the ceiling", () => {
    const above = (change: Change) =>
      judge({ report: change.report ?? {}, figures: { ...change.figures, ceilingEps: 50 } });
    const held = above({});
    assert.equal(held.generator.verdict, "suspect");
    assert.match(held.generator.reasons.join(), /200 % of the ceiling.*too low.*calibrate/);
    const rate = { ...publishOf(good).rate, sent: 98.9 };
    const short = withClass("publish", { rate }, good);
    for (const doubt of [
      { figures: { scheduleLag: lag(5.1) } },
      { report: { classes: short.classes } },
    ]) {
      assert.equal(stateOf(above(doubt), "ceilingShare"), "invalid");
    }
  });

  for (const [id, states] of Object.entries(table)) {
    for (const [state, change = {}] of Object.entries(states)) {
      it(`finds ${id} ${state}`, () => {
        const { generator } = judge(change);
        const signal = generator.signals.find((s) => s.id === id);
        assert.equal(signal?.state, state);
        const counts = state === "suspect" || state === "invalid";
        assert.equal(generator.reasons.includes(signal?.text ?? ""), counts);
        assert.equal(generator.verdict, counts ? state : "valid");
        if (counts) assert.ok(signal?.text && !/NaN|undefined|Infinity/.test(signal.text));
      });
    }
  }

  it("counts connections that its own guard refused as errors of its own", () => {
    const refused = { ...script, class: "connect", code: "guard", count: 1 };
    assert.equal(stateOf(judge({ report: { errors: [refused] } }), "scriptErrors"), "invalid");
  });

  it("holds lag against the response times themselves", () => {
    const slow = { classes: timed("response", { p99: 1_000 }).classes };
    const state = (p99: number) =>
      stateOf(judge({ report: slow, figures: { scheduleLag: lag(p99) } }), "scheduleLag");
    assert.deepEqual([99, 101, 501].map(state), ["valid", "suspect", "invalid"]);
  });

  /** A relay, a generator and a host of two cores; percent. */
  const beside = (relay: number, generator: number, host: number, report: Partial<Report> = {}) => {
    const cpu = { relay, generator, host };
    const samples = (["relay", "generator", "host"] as const).map((process) =>
      sampleOf({ t: 1, process, cpuPercent: cpu[process] }),
    );
    const resources = { samples, relayProcess: null, relayMetrics: [], notMeasured: [] };
    const run = { ...good.run, host: { ...good.run.host, cpus: 2 } };
    return (figures: Partial<GeneratorReport> = {}) =>
      judge({
        report: { run, resources, ...report },
        figures: { ...figures, cpuPercent: { generator, host } },
      });
  };

  it("takes the relay's share off the host's CPU, and makes no run invalid for the rest", () => {
    assert.equal(stateOf(beside(120, 60, 99)(), "hostCpu"), "valid");
    assert.equal(stateOf(beside(20, 160, 100)(), "hostCpu"), "suspect");
    assert.equal(stateOf(beside(0, 0, 100)(), "hostCpu"), "suspect");
  });

  it("names the others where they took the host, and accuses no generator", () => {
    const late = { scheduleLag: lag(15), loopLag: lag(15) };
    const { reasons } = beside(20, 20, 100)(late).generator;
    assert.ok(reasons.length >= 3);
    for (const reason of reasons) assert.match(reason, /other processes used 1\.6 of 2 cores/);
    assert.match(
      beside(20, 20, 100)({ scheduleLag: lag(21) }).findings[0]?.title ?? "",
      /other processes used 1\.6/,
    );
    assert.doesNotMatch(
      beside(20, 20, 100)({ scheduleLag: lag(21) }).findings[0]?.remediation ?? "",
      /more cores/,
    );
    // With room left, or more of its own, it is the generator.
    for (const own of [beside(20, 20, 80)(late), beside(10, 100, 100)(late)]) {
      assert.match(own.generator.reasons.join(), /by this generator/);
    }
  });

  it("says where its own share of a full host makes the capacity a lower bound", () => {
    const note = (report: Report) =>
      report.generator.signals.find(({ id }) => id === "sharedHost")?.text;
    const shared = beside(130, 50, 95)();
    assert.match(note(shared) ?? "", /used 50 of 190 % of a full host: .* lower bound/);
    assert.equal(shared.generator.verdict, "valid");
    assert.match(renderMarkdown(shared), /The generator used 50 of 190 % of a full host/);
    assert.match(renderTerminal(shared, []), /note: the generator used 50 of 190 %/);
    assert.equal(note(beside(130, 50, 94)()), "");
    assert.equal(note(beside(150, 37, 95)()), "");
    assert.equal(note(beside(130, 50, 95, { run: { ...good.run, sameHost: false } })()), "");
  });

  it("holds as much of a lag's p99 against the run as its samples are sure of", () => {
    // The sixth of 600 from the top is late, the twelfth is not.
    const few = Array.from({ length: 600 }, (_, i) => (i < 7 ? 5.5 : 1));
    const many = Array.from({ length: 60_000 }, (_, i) => (i < 700 ? 5.5 : 1));
    const state = (values: readonly number[]) => {
      const scheduleLag = { ...lag(5.5), histogram: histogramOf(...values) };
      return stateOf(judge({ figures: { scheduleLag } }), "scheduleLag");
    };
    assert.deepEqual([state(few), state(many)], ["valid", "suspect"]);
  });

  it("does not judge the host's CPU where a relay shares it, whatever its address", () => {
    const plan = planOf({ RELAY_URL: "ws://10.0.0.1:7777", ALLOW_PRIVATE: "1" });
    const busy = [sampleOf({ t: 1, process: "host", cpuPercent: 99 })];
    const stateWith = (sharesHost: boolean) =>
      stateOf(completeOf(buildOf({ plan }), { resources: busy, sharesHost }), "hostCpu");
    assert.deepEqual([stateWith(false), stateWith(true)], ["invalid", "valid"]);
  });

  it("holds lag against the time that was waited for answers where none came", () => {
    const silent = { classes: timed("response", { count: 0, p99: null }).classes };
    const state = (p99: number) =>
      stateOf(judge({ report: silent, figures: { scheduleLag: lag(p99) } }), "scheduleLag");
    const waitedMs = good.config.ackTimeoutMs;
    assert.deepEqual([waitedMs / 10 - 1, waitedMs / 10 + 1, waitedMs / 2 + 1].map(state), [
      "valid",
      "suspect",
      "invalid",
    ]);
  });

  it("expects no exact number of Poisson arrivals, nor of a run that was cut off", () => {
    const short = totals({ scheduled: 900 });
    const poisson = { config: { ...good.config, arrival: "poisson" }, ...short };
    assert.equal(stateOf(judge({ report: poisson }), "notScheduled"), "valid");
    const cut = { run: { ...good.run, complete: false }, ...short };
    assert.equal(stateOf(judge({ report: cut }), "notScheduled"), "valid");
  });

  it("gives the reasons of invalidity first, in the order of the signals", () => {
    const { generator } = judge({
      report: {
        run: { ...good.run, complete: false, stopReason: "because" },
        errors: [{ ...script, count: 3 }],
      },
      figures: { startSkewMs: 5_000, scheduleLag: lag(30) },
    });
    assert.equal(generator.verdict, "invalid");
    assert.equal(generator.reasons.length, 4);
    const order = [
      /schedule lag 30 ms/,
      /3 errors of the generator/,
      /: because$/,
      /5000 ms apart/,
    ];
    order.forEach((pattern, i) => {
      assert.match(generator.reasons[i] ?? "", pattern);
    });
  });

  const finding = {
    rank: 1,
    id: "slow-disk",
    severity: "major",
    confidence: "high",
    counterEvidence: [],
    cost: 1,
    page: "docs/findings.md#slow-disk",
    title: "The relay's disk is slow",
    evidence: [],
    remediation: "",
    labels: [],
  } as const;

  it("does not hold Little's law against a relay that leaves publishes unanswered", () => {
    const report = buildOf();
    const { verdict: _, reasons: __, signals: ___, ...known } = report.generator;
    const figures = { ...known, inFlight: { mean: 50, littlesLaw: 20 } };
    const littlesLaw = (of: Report) =>
      judgeGenerator(of, figures).generator.signals.find((s) => s.id === "littlesLaw")?.state;
    assert.equal(littlesLaw(report), "invalid");
    // Each was in flight for up to 10 s of the 10 s: as much as one of the 20 computed.
    for (const outcome of ["timedOut", "lost"] as const) {
      const open = (n: number) => withTotals("publish", { [outcome]: n }, report);
      assert.equal(littlesLaw(open(2)), "invalid");
      assert.equal(littlesLaw(open(3)), "notMeasured");
    }
    const slow = timed("service", { p99: report.run.durationSec * 101 }, report);
    assert.equal(littlesLaw(slow), "notMeasured");
  });

  it("calls a run invalid whose counts do not balance, whichever class they are of, and says which", () => {
    const wrong: readonly (readonly [Change, RegExp])[] = [
      [
        counted("publish", { ...zerosOf("publish"), ...ALL_ACCEPTED, attempted: 1_001 }),
        /publish: scheduled = attempted \+ .*; publish: attempted = accepted/,
      ],
      [
        counted("connection", {
          ...zerosOf("connection"),
          ...{ due: 10, tried: 10, opened: 10, closedByUs: 11 },
        }),
        /connection: opened = closedByUs/,
      ],
      [
        counted("query", { ...zerosOf("query"), scheduled: 1, sent: 1, eose: 1 }),
        /query: eose = right/,
      ],
      [counted("set", { ...zerosOf("set"), started: 1 }), /set: started = complete/],
    ];
    for (const [change, text] of wrong) {
      const { generator } = judge(change);
      assert.equal(generator.verdict, "invalid");
      assert.match(generator.reasons.join(), text);
    }
  });

  it("counts times below zero against the run", () => {
    const link = { ...noLinkCounts(), clockViolations: 3 };
    const { generator } = buildOf({ slices: [...goodSlices(), sliceOf({ seq: 200, link })] });
    assert.deepEqual([generator.verdict, generator.clockViolations], ["suspect", 3]);
    assert.match(generator.reasons.join(), /3 times were below zero/);
  });

  it("leaves an invalid run exactly one finding, the generator", () => {
    const findings = [finding, { ...finding, rank: 2, id: "other" }];
    const own: Readonly<Record<string, string>> = { noData: "no-data", knownEvents: "duplicates" };
    for (const [id, states] of Object.entries(table)) {
      if (!states.invalid) continue;
      const judged = judge({ ...states.invalid, report: { ...states.invalid.report, findings } });
      assert.equal(judged.findings.length, 1, id);
      const [only] = judged.findings;
      assert.equal(only?.id, own[id] ?? "generator-limit");
      assert.ok(only?.evidence.some(({ metric }) => metric === `generator.${id}`));
      assert.equal(exitCode(judged), EXIT.invalid);
    }
  });

  it("keeps the findings of a run that is valid or suspect", () => {
    for (const figures of [{}, { startSkewMs: 5_000 }]) {
      assert.deepEqual(judge({ report: { findings: [finding] }, figures }).findings, [finding]);
    }
  });

  it("finds a run without data invalid", () => {
    for (const report of [emptyReport(), completeOf(emptyReport())]) {
      assert.equal(report.generator.verdict, "invalid");
      assert.deepEqual(
        report.findings.map(({ id }) => id),
        ["no-data"],
      );
    }
  });

  it("finds a run that was cut off suspect, and says why", () => {
    const cut = buildOf({ slices: goodSlices().slice(0, 80), stopReason: "interrupted" });
    assert.equal(cut.generator.verdict, "suspect");
    assert.match(cut.generator.reasons.join(), /did not end as planned: interrupted/);
  });
});

describe("exitCode", () => {
  const failed = sliceOf({
    seq: 200,
    index: 99,
    classes: { publish: [rowOf(1, { scheduled: 50, attempted: 50, rejected: 50 })] },
  });
  const table: readonly (readonly [name: string, Report, number])[] = [
    ["a valid run that met its thresholds", good, EXIT.ok],
    [
      "a threshold that was crossed",
      buildOf({ slices: [...goodSlices(), failed] }),
      EXIT.threshold,
    ],
    [
      "a threshold without data",
      buildOf({ plan: planOf({ THRESHOLDS: "nostr_publish_service_time{event:x}: p(5)<1" }) }),
      EXIT.threshold,
    ],
    [
      "acknowledged events that were missing",
      completeOf(buildOf(), {
        audit: {
          checked: 2,
          found: 1,
          missing: ["ab"],
          missingCount: 1,
          excused: 0,
          acknowledged: 2,
        },
      }),
      EXIT.threshold,
    ],
    ["an invalid run", emptyReport(), EXIT.invalid],
  ];
  for (const [name, report, code] of table) {
    it(`is ${code} for ${name}`, () => assert.equal(exitCode(report), code));
  }
});
