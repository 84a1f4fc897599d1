import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ColumnOf } from "../src/measure/classes.ts";
import { Histogram } from "../src/measure/histogram.ts";
import { compare } from "../src/node/commands/compare.ts";
import { loadSet, SET_SCHEMA } from "../src/node/load-sets.ts";
import { orderOf, repeatRuns, seedOf } from "../src/node/run/repeat.ts";
import { drawSeed } from "../src/node/seed.ts";
import type { CorpusFacts } from "../src/pool/format.ts";
import { type Random, seededRandom } from "../src/random.ts";
import { publishOf, queryOf } from "../src/report/class-report.ts";
import { compareSets, comparisonExitCode } from "../src/report/compare/compare.ts";
import { renderComparison } from "../src/report/compare/markdown.ts";
import { describeComparison } from "../src/report/compare/terminal.ts";
import { summarize } from "../src/report/summary.ts";
import type { Report } from "../src/report/types.ts";
import { withClass, withTotals } from "./fixtures/reports/figures.ts";
import { buildOf, completeOf, sampleOf } from "./fixtures/reports/run.ts";

const good = completeOf(buildOf());
const JUDGING = { paired: false, tolerance: 0.1 };

/** Log-normal service times: median in ms, sigma 0.3, with a run's own offset of `wobble`. */
function noisyRun(random: Random, medianMs: number, wobble: number): Report {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const offset = Math.exp(wobble * normal());
  const histogram = new Histogram();
  const tenths = Array.from({ length: 10 }, () => {
    const values = Array.from(
      { length: 200 },
      () => medianMs * offset * Math.exp(0.3 * normal()),
    ).sort((a, b) => a - b);
    for (const value of values) histogram.record(value);
    return [values[99] ?? 0, values[197] ?? 0] as const;
  });
  const summary = summarize(histogram.toData());
  const band = (place: 0 | 1) => {
    const values = tenths.map((tenth) => tenth[place]);
    return [Math.min(...values), Math.max(...values)] as const;
  };
  const bands = { responseP50: band(0), responseP99: band(1) };
  const publish = { ...(good.noise.classes.publish ?? assert.fail("no band")), ...bands };
  return {
    ...withPublish({ times: { response: summary, service: summary }, rows: {} }),
    noise: { ...good.noise, classes: { ...good.noise.classes, publish } },
  };
}

/** The good run with other figures of publishing. */
function withPublish(members: Partial<ReturnType<typeof publishOf>>, of = good): Report {
  return withClass("publish", members, of);
}

/** Runs with ids of their own: a run is not compared with itself. */
let made = 0;
const setOf = (...reports: readonly Report[]) => ({
  label: "relay",
  reports: reports.map((r): Report => ({ ...r, run: { ...r.run, id: `run-${++made}` } })),
});
const verdictOf = (base: readonly Report[], next: readonly Report[], paired = false) =>
  compareSets(setOf(...base), setOf(...next), { ...JUDGING, paired }).verdict;

describe("compareSets", () => {
  for (const [runs, wobble] of [
    [1, 0],
    [3, 0.015],
    [5, 0.03],
  ] as const) {
    it(`calls 20 % slower worse and the same relay the same, ten of ten (${runs} runs a side)`, () => {
      for (let i = 0; i < 10; i++) {
        const random = seededRandom(`compare-${runs}-${i}`, "noise");
        const make = (ms: number) =>
          Array.from({ length: runs }, () => noisyRun(random, ms, wobble));
        const base = make(5);
        assert.equal(verdictOf(base, make(6)), "worse", `slower, seed ${i}`);
        assert.equal(verdictOf(base, make(5)), "same", `same, seed ${i}`);
        assert.equal(verdictOf(base, make(4)), "better", `faster, seed ${i}`);
      }
    });
  }

  it("takes the drift of a machine out of runs made in turn", () => {
    const random = seededRandom("drift", "noise");
    const drift = [1, 1.3, 1.7, 2.1];
    const base = drift.map((d) => noisyRun(random, 5 * d, 0));
    const slower = drift.map((d) => noisyRun(random, 6 * d, 0));
    assert.equal(verdictOf(base, slower, true), "worse");
    assert.equal(verdictOf(base, slower, false), "notComparable");
  });

  it("does not call a change worse when runs differ as much among themselves", () => {
    const random = seededRandom("wild", "noise");
    const runs = (...medians: readonly number[]) => medians.map((ms) => noisyRun(random, ms, 0));
    const c = compareSets(setOf(...runs(5, 5.3, 5.5)), setOf(...runs(5, 5.4, 5.6)), JUDGING);
    assert.equal(c.verdict, "same");
    assert.match(c.notes.join(), /noise would hide .*service p50/);
    const calm = compareSets(setOf(...runs(5, 5, 5)), setOf(...runs(5, 5, 5)), JUDGING);
    assert.doesNotMatch(calm.notes.join(), /service p50/);
  });

  it("gives no verdict where noise would hide several times the least effect", () => {
    const random = seededRandom("wild", "noise");
    const runs = (...medians: readonly number[]) => medians.map((ms) => noisyRun(random, ms, 0));
    const c = compareSets(setOf(...runs(2, 5, 11)), setOf(...runs(3, 7, 12)), JUDGING);
    assert.equal(comparisonExitCode(c), 3);
    assert.match(c.obstacles.join(), /service p50: too noisy/);
    assert.match(renderComparison(c), /\*\*Not comparable\.\*\*[\s\S]*too noisy/);
  });

  it("does not say the same while one of the run's two medians can't be told", () => {
    const random = seededRandom("half", "noise");
    const run = (service: number) => {
      const [calm, own] = [noisyRun(random, 20, 0), noisyRun(random, service, 0)];
      const times = { ...publishOf(calm).times, service: publishOf(own).times.service };
      return withPublish({ times }, calm);
    };
    const c = compareSets(setOf(...[2, 5, 11].map(run)), setOf(...[3, 7, 12].map(run)), JUDGING);
    assert.equal(c.figures.find(({ name }) => name === "response p50")?.verdict, "same");
    assert.equal(c.verdict, "notComparable");
  });

  it("sees through one disturbed run of five, and of three does not", () => {
    const random = seededRandom("disturbed", "noise");
    const runs = (...medians: readonly number[]) => medians.map((ms) => noisyRun(random, ms, 0));
    const slower = runs(6, 6, 9, 6, 6);
    assert.equal(verdictOf(runs(5, 5, 5, 5, 5), slower, true), "worse");
    assert.equal(verdictOf(runs(5, 5, 5), slower.slice(0, 3), true), "notComparable");
  });

  it("takes many figures for as many chances to be wrong", () => {
    let wrong = 0;
    for (let i = 0; i < 40; i++) {
      const random = seededRandom(`many-${i}`, "noise");
      const run = () => {
        const types = Array.from({ length: 8 }, (_, t) => {
          const { totals, times } = publishOf(noisyRun(random, 5, 0.3));
          return [`type-${t}`, { totals, times }] as const;
        });
        return withPublish({ rows: Object.fromEntries(types) }, noisyRun(random, 5, 0.3));
      };
      const [base, next] = [
        [run(), run(), run()],
        [run(), run(), run()],
      ];
      const { figures } = compareSets(setOf(...base), setOf(...next), { ...JUDGING, paired: true });
      if (figures.some(({ verdict: v }) => v === "worse" || v === "better")) wrong++;
    }
    assert.ok(wrong <= 1, `${wrong} of 40 comparisons of a relay with itself saw a change`);
  });

  it("doubts runs that agree better than their few samples allow", () => {
    const few = (ms: number) => {
      const histogram = new Histogram();
      for (let i = 0; i < 30; i++) histogram.record(ms * 1.2 ** (i - 15));
      const summary = summarize(histogram.toData());
      return withPublish({ times: { response: summary, service: summary }, rows: {} });
    };
    // Three times the same by chance: no spread between the runs at all.
    const c = compareSets(
      setOf(few(5), few(5), few(5)),
      setOf(few(6.5), few(6.5), few(6.5)),
      JUDGING,
    );
    assert.notEqual(c.verdict, "worse");
  });

  it("leaves out an invalid or incomplete run and its partner while three a side remain", () => {
    const invalid: Report = { ...good, generator: { ...good.generator, verdict: "invalid" } };
    const cut: Report = { ...good, run: { ...good.run, complete: false } };
    const paired = { ...JUDGING, paired: true };
    const base = setOf(good, invalid, good, good);
    const c = compareSets(base, setOf(good, good, good, good), paired);
    assert.deepEqual([c.verdict, c.base.runs.length, c.next.runs.length], ["same", 3, 3]);
    assert.match(c.notes.join("\n"), /left out: run run-\d+ is invalid[\s\S]*1 made in turn/);
    const single = compareSets(base, setOf(good, good, good, good), JUDGING);
    assert.deepEqual([single.base.runs.length, single.next.runs.length], [3, 4]);
    // Interrupted in the fourth repetition, whose second run was never made.
    const short = compareSets(setOf(good, good, good), setOf(good, good, good, cut), paired);
    assert.deepEqual([short.verdict, short.noise], ["same", "paired runs"]);
    const few = compareSets(setOf(good, invalid, good), setOf(good, good, good), paired);
    assert.equal(comparisonExitCode(few), 3);
    assert.match(few.obstacles.join(), /is invalid/);
  });

  it("refuses to compare a run with itself, and to count one twice", () => {
    const [a, b] = [setOf(good), setOf(good)];
    assert.match(compareSets(a, a, JUDGING).obstacles.join(), /is on both sides/);
    const doubled = { ...a, reports: [...a.reports, ...a.reports] };
    assert.match(compareSets(doubled, b, JUDGING).obstacles.join(), /is given twice/);
  });

  it("calls errors and a lower rate worse, whatever the latency", () => {
    const failing = withTotals("publish", { accepted: 950, rejected: 50 }, good);
    const c = compareSets(setOf(good), setOf(failing), JUDGING);
    assert.equal(c.figures.find(({ name }) => name === "share rejected")?.verdict, "worse");
    assert.equal(comparisonExitCode(c), 99);
    const slow = withPublish({ rate: { ...publishOf(good).rate, done: 80 } });
    const rate = compareSets(setOf(good), setOf(slow), JUDGING).figures;
    assert.equal(rate.find(({ name }) => name === "accepted rate")?.verdict, "worse");
    assert.equal(comparisonExitCode(compareSets(setOf(good), setOf(good), JUDGING)), 0);
  });

  const { run, config, generator } = good;
  const obstacles: readonly (readonly [string, Report, RegExp])[] = [
    ["another rate", { ...good, config: { ...config, rateEps: 1 } }, /other rate/],
    ["another mix", { ...good, config: { ...config, mix: { view: 1 } } }, /other mix/],
    ["another scenario", { ...good, run: { ...run, scenario: "query" } }, /other scenario/],
    ["another host", { ...good, run: { ...run, host: { ...run.host, cpus: 64 } } }, /other host/],
    [
      "other events",
      { ...good, config: { ...config, pool: { ...config.pool, bytes: 1 } } },
      /other events/,
    ],
    [
      "events of another source",
      {
        ...good,
        config: { ...config, pool: { ...config.pool, source: { builders: "0".repeat(64) } } },
      },
      /other source of events/,
    ],
    ["an incomplete run", { ...good, run: { ...run, complete: false } }, /incomplete/],
    ["an invalid run", { ...good, generator: { ...generator, verdict: "invalid" } }, /is invalid/],
  ];
  for (const [name, other, why] of obstacles) {
    it(`refuses ${name}, and says why`, () => {
      const c = compareSets(setOf(good), setOf(other), JUDGING);
      assert.equal(comparisonExitCode(c), 3);
      assert.match(c.obstacles.join("\n"), why);
      assert.match(renderComparison(c), /\*\*Not comparable\.\*\*/);
      assert.equal(c.figures.length, 0);
    });
  }

  it("lets relay, seed, pool and the kernel's release differ", () => {
    const other: Report = {
      ...good,
      run: { ...run, planHash: "0", host: { ...run.host, platform: "linux 7.0.0 x64" } },
      config: { ...config, relays: ["127.0.0.1:1"], seed: "2", pool: { ...config.pool, id: "x" } },
    };
    const base = { ...good, run: { ...run, host: { ...run.host, platform: "linux 6.0.0 x64" } } };
    const c = compareSets(setOf(base), setOf(other), JUDGING);
    assert.deepEqual(c.obstacles, []);
    assert.match(c.notes.join(), /kernels/);
  });

  it("lets the mean size of small pools of one mix differ as the draw does", () => {
    const { pool } = good.config;
    const of = (events: number, bytes: number) =>
      setOf({ ...good, config: { ...good.config, pool: { ...pool, events, bytes } } });
    const obstaclesOf = (events: number) =>
      compareSets(of(events, 1_000 * events), of(events, 1_080 * events), JUDGING).obstacles;
    assert.deepEqual(obstaclesOf(1_000), []);
    assert.match(obstaclesOf(1_000_000).join(), /other events/);
  });

  it("leaves out percentiles with fewer than ten samples beyond them", () => {
    const few = new Histogram();
    for (let i = 0; i < 500; i++) few.record(5);
    const summary = summarize(few.toData());
    const report = withPublish({ times: { ...publishOf(good).times, service: summary } });
    const { figures } = compareSets(setOf(report), setOf(report), JUDGING);
    const verdict = (name: string) => figures.find((f) => f.name === name)?.verdict;
    assert.deepEqual([verdict("service p50"), verdict("service p99")], ["same", "notComparable"]);
  });
});

describe("renderComparison", () => {
  it("has every figure in a table of whole lines, without figures that are none", () => {
    const markdown = renderComparison(compareSets(setOf(good), setOf(good), JUDGING));
    assert.match(markdown, /\*\*The same\*\*/);
    const rows = markdown.split("\n").filter((line) => line.startsWith("|"));
    assert.ok(rows.length > 20);
    for (const row of rows) assert.equal(row.split("|").length, 9, row);
    assert.doesNotMatch(markdown, /NaN|undefined|Infinity|null/);
  });
});

describe("the terminal", () => {
  it("has the run's medians and where all figures are, and no row for each that can't be told", () => {
    const random = seededRandom("wild", "noise");
    const runs = (...medians: readonly number[]) => medians.map((ms) => noisyRun(random, ms, 0));
    const c = compareSets(setOf(...runs(2, 5, 11)), setOf(...runs(3, 7, 12)), JUDGING);
    const text = describeComparison(c, "sets/1/compare.md");
    assert.match(text, /^comparison {2}NOT COMPARABLE$/m);
    assert.match(text, /^response p50 +4\.\d+ ms -> 6\.\d+ ms {2}\+\d+\.\d % {2}can't be told/m);
    assert.match(text, /^all figures sets\/1\/compare\.md$/m);
    assert.equal(text.match(/can't be told/g)?.length, 4);
    assert.doesNotMatch(text, /p90|p95|NaN|undefined/);
    const markdown = renderComparison(c);
    assert.equal(markdown.match(/^\| .* not comparable /gm)?.length, 4);
    assert.match(markdown, /^Not compared, too noisy[^:]*: .*response p90/m);
  });
});

describe("what relays write to disk", () => {
  const writing = (relay: string, bytesPerSec: number | null, host: number | null = null) => ({
    ...good,
    config: { ...good.config, relays: [relay] },
    resources: {
      samples: (["relay", "host"] as const).map((process) =>
        sampleOf({ t: 1, process, diskWriteBytesPerSec: process === "relay" ? bytesPerSec : host }),
      ),
      relayProcess: null,
      relayMetrics: [],
      notMeasured: [],
    },
  });
  const notes = (a: Report, b: Report) =>
    compareSets(setOf(a), setOf(b), JUDGING).notes.filter((note) => /disk/.test(note));

  it("is a note where one writes much more for an event than the other", () => {
    const { done: acceptedEps } = publishOf(good).rate;
    const [durable, fast] = [writing("a", 9_000 * acceptedEps), writing("b", 1_000 * acceptedEps)];
    assert.match(
      notes(durable, fast).join(),
      /write 9.0 kB and 1.0 kB to disk .* when they say OK/,
    );
    assert.match(notes(durable, writing("b", 0)).join(), /9.0 kB and 0 B/);
    assert.deepEqual(notes(durable, writing("b", 5_000 * acceptedEps)), []);
    // Dirtied pages of a mapped file are no writes.
    assert.deepEqual(notes(writing("a", 9_000 * acceptedEps, 1_000 * acceptedEps), fast), []);
  });

  it("is asked for where two relays differ and it was not measured", () => {
    assert.match(notes(writing("a", null), writing("b", 1)).join(), /not measured.*--relay-note/);
    assert.deepEqual(notes(writing("a", null), writing("a", null)), []);
  });
});

describe("answers of two sides", () => {
  /** Ten answers to one shape. */
  const answering = (
    answers: Partial<Record<ColumnOf<"query">, number>>,
    { source = "seed", fingerprint = "0123456789abcdef" }: Partial<CorpusFacts> = {},
  ): Report => {
    const query = queryOf(good);
    const totals = { ...query.totals, eose: 10, right: 10, matching: 500, ...answers };
    const rows = { home: { totals, times: query.times } };
    const corpus = { source, events: 100, fingerprint, loading: null };
    return { ...good, corpus, classes: { ...good.classes, query: { ...query, totals, rows } } };
  };
  const notes = (a: Report, b: Report) =>
    compareSets(setOf(a), setOf(b), JUDGING).notes.filter((note) => /answered|held/.test(note));
  const whole = answering({});

  it("are the same to the same questions, or it is said", () => {
    assert.deepEqual(notes(whole, whole), []);
    assert.deepEqual(notes(whole, answering({ matching: 495 })), []);
    assert.match(notes(whole, answering({ matching: 50 })).join(), /50\.0 and 5\.0 rows an answer/);
    const short = answering({ right: 9, short: 1 });
    assert.match(notes(whole, short).join(), /100 % and 90 % right: do not compare its times/);
    assert.deepEqual(notes(whole, answering({ right: 0, unchecked: 10 })), []);
  });

  it("make a run of queries alone comparable, and none that asked nothing", () => {
    const { publish: _, set: __, ...classes } = whole.classes;
    const totals = { ...queryOf(whole).totals, scheduled: 10 };
    const asking = { ...whole, classes: { ...classes, query: { ...queryOf(whole), totals } } };
    const silent = { ...whole, classes };
    const another = (report: Report) => ({ ...report, run: { ...report.run, id: "another" } });
    const of = (report: Report) => compareSets(setOf(report), setOf(another(report)), JUDGING);
    assert.doesNotMatch(of(asking).obstacles.join(), /scheduled nothing/);
    assert.match(of(silent).obstacles.join(), /scheduled nothing/);
  });

  it("are not held against each other where other questions were asked", () => {
    const otherwise = { matching: 50 };
    assert.deepEqual(notes(whole, answering(otherwise, { fingerprint: "f".repeat(16) })), []);
    const learnt = answering({}, { source: "relay" });
    const elsewhere = answering({}, { source: "relay", fingerprint: "f".repeat(16) });
    assert.deepEqual(notes(learnt, learnt), []);
    assert.match(notes(learnt, elsewhere).join(), /what each of them held/);
  });
});

describe("repeatRuns", () => {
  let dir = "";
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "k6-nostr-compare-"));
  });
  after(() => rm(dir, { recursive: true }));

  /** Writes what a run would leave, and notes it. */
  async function repeat(relays: readonly string[], times: number, isSeedKept = false) {
    const seen: string[] = [];
    const repeated = await repeatRuns({
      times,
      seed: "s",
      isSeedKept,
      reportDir: dir,
      relays,
      runOnce: async (relay, seed) => {
        seen.push(`${relay} ${seed}`);
        const id = `${relay}-${seed}`;
        const report = { ...good, run: { ...run, id }, config: { ...good.config, seed } };
        await mkdir(join(dir, "runs", id), { recursive: true });
        await writeFile(join(dir, "runs", id, "report.json"), JSON.stringify(report));
        return { report, code: 0, stop: false };
      },
    });
    return { seen, repeated };
  }
  const { run } = good;

  it("asks the same each time where nothing is published", async () => {
    assert.deepEqual((await repeat(["a"], 2, true)).seen, ["a s", "a s"]);
    assert.equal(drawSeed("query"), drawSeed("query"));
    assert.notEqual(drawSeed("publish"), drawSeed("publish"));
  });

  it("gives each repetition a seed of its own and reverses the order in every other", async () => {
    assert.equal(seedOf("7", 2), "7-2");
    assert.deepEqual(
      [orderOf(2, 1), orderOf(2, 2)],
      [
        [0, 1],
        [1, 0],
      ],
    );
    const { seen } = await repeat(["a", "b"], 3);
    assert.deepEqual(seen, ["a s-1", "b s-1", "b s-2", "a s-2", "a s-3", "b s-3"]);
  });

  it("keeps sets that compare reads, in turn when they come from one call", async () => {
    const { repeated } = await repeat(["a", "b"], 3);
    const [base = "", next = ""] = repeated.files;
    const [a, b] = await Promise.all([loadSet(base), loadSet(next)]);
    assert.deepEqual(
      a.reports.map((r) => r.config.seed),
      ["s-1", "s-2", "s-3"],
    );
    assert.equal(a.setId, b.setId);
    assert.equal((await loadSet(`${base},${next}`)).reports.length, 6);
    assert.equal((await loadSet(join(dir, "runs", "a-s-1"))).reports.length, 1);
    const json = join(dir, "out", "c.json");
    assert.equal(await compare([base, next, "--json", json]), 0);
  });

  it("keeps the runs made so far when one is refused or the repetitions are interrupted", async () => {
    const stop = new AbortController();
    for (const [name, end] of [
      ["refused", () => assert.fail("the relay is gone")],
      ["interrupted", () => stop.abort()],
    ] as const) {
      let runs = 0;
      const repeated = await repeatRuns({
        times: 5,
        seed: name,
        reportDir: dir,
        relays: ["a", "b"],
        signal: stop.signal,
        runOnce: async () => {
          if (++runs === 4) end();
          return {
            report: { ...good, run: { ...run, id: `${name}-${runs}` } },
            code: 0,
            stop: false,
          };
        },
      });
      assert.equal(runs, 4);
      assert.equal(repeated.files.length, 2);
      assert.equal(repeated.stopped, name === "interrupted");
      assert.equal(repeated.failure !== undefined, name === "refused");
    }
  });

  it("reads a folder that holds a report or a set, and says what else it expected", async () => {
    const { repeated } = await repeat(["c"], 2);
    assert.equal((await loadSet(join(repeated.files[0] ?? "", ".."))).reports.length, 2);
    await assert.rejects(loadSet(join(dir, "runs")), /neither a report\.json nor a set\.json/);
  });

  it("refuses what is no report or set", async () => {
    const broken = join(dir, "broken.json");
    await writeFile(broken, JSON.stringify({ schema: SET_SCHEMA, reports: "x" }));
    await assert.rejects(loadSet(broken), /without a list/);
    await assert.rejects(loadSet(join(dir, "nowhere.json")), /ENOENT/);
    await assert.rejects(compare(["one.json"]), /usage/);
    await assert.rejects(compare(["a", "b", "--tolerance", "9"]), /--tolerance must be/);
  });
});
