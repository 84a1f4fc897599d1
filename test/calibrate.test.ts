import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import { judgeReading, judgeTrial } from "../src/node/calibrate/calibrate.ts";
import { meanRows } from "../src/node/calibrate/expected-rows.ts";
import { type Calibration, mergeFigures } from "../src/node/calibrate/figures.ts";
import { keep, readKept } from "../src/node/calibrate/kept.ts";
import { makeQuestions } from "../src/node/calibrate/look-alike-questions.ts";
import { makeLookAlikes } from "../src/node/calibrate/look-alikes.ts";
import {
  ceilingOf,
  judgeRate,
  judgeRows,
  keepFigures,
  receiveOf,
} from "../src/node/calibrate/obtain.ts";
import { othersPercent } from "../src/node/calibrate/others.ts";
import { findCeiling, type SearchOptions, type Trial } from "../src/node/calibrate/search.ts";
import { describeKept, renderCalibration } from "../src/node/calibrate/table.ts";
import { readPool } from "../src/node/pool/read.ts";
import { makeUpRows, SinkRows } from "../src/node/relay/sink-rows.ts";
import { parseManifest } from "../src/pool/format.ts";
import { AnswerCheck } from "../src/query/answer-check.ts";
import { expectedOf, filtersOf } from "../src/query/question-line.ts";
import { queryOf } from "../src/report/class-report.ts";
import { withClass } from "./fixtures/reports/figures.ts";
import { buildOf, completeOf, sampleOf } from "./fixtures/reports/run.ts";

const HELD: Trial = { held: true, achievedShare: 1 };
const NOISE: Trial = { held: false, achievedShare: 1 };
const OVERRUN: Trial = { held: false, achievedShare: 0.5 };

/** A search over a generator that reaches `ceilingEps`, with what happened to each trial. */
async function search(
  answer: (rateEps: number, trial: number) => Trial,
  members: Partial<SearchOptions> = {},
) {
  const rates: number[] = [];
  const result = await findCeiling({
    firstEps: 2_000,
    leastEps: 250,
    mostEps: 100_000,
    factor: 2,
    precision: 1.1,
    mostTrials: 20,
    isOver: () => false,
    measure: async (rateEps) => {
      rates.push(rateEps);
      return answer(rateEps, rates.length);
    },
    ...members,
  });
  return { ...result, rates };
}

describe("findCeiling", () => {
  it("doubles until a rate fails, then halves the gap to the precision", async () => {
    const { rates, ...result } = await search((rate) => (rate <= 24_000 ? HELD : OVERRUN));
    assert.deepEqual(rates, [2_000, 4_000, 8_000, 16_000, 32_000, 22_500, 27_000, 24_500]);
    assert.deepEqual(result, { heldEps: 22_500, failedEps: 24_500, trials: 8 });
  });

  it("brackets any ceiling between its bounds", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 250, max: 99_999 }),
        fc.constantFrom(2, 4),
        async (ceiling, factor) => {
          const { heldEps, failedEps } = await search(
            (rate) => (rate <= ceiling ? HELD : OVERRUN),
            { factor },
          );
          assert.ok(heldEps !== null && heldEps <= ceiling, `held ${heldEps}`);
          assert.ok(failedEps !== null && failedEps > ceiling, `failed ${failedEps}`);
          assert.ok(failedEps / heldEps <= 1.11, `${heldEps} to ${failedEps}`);
        },
      ),
    );
  });

  it("tries a failure that may be noise once more, and a clear one not", async () => {
    const noisy = await search((rate, trial) =>
      rate > 8_000 ? OVERRUN : trial === 2 ? NOISE : HELD,
    );
    assert.deepEqual(noisy.rates.slice(0, 5), [2_000, 4_000, 4_000, 8_000, 16_000]);
    const twice = await search((rate) => (rate > 3_000 ? NOISE : HELD));
    assert.deepEqual(twice.rates.slice(0, 3), [2_000, 4_000, 4_000]);
    assert.ok((twice.heldEps ?? 0) <= 3_000 && (twice.failedEps ?? 0) > 3_000);
  });

  it("finds a rate that one noisy failure in three would hide", async () => {
    const { heldEps } = await search((rate, trial) =>
      rate > 10_000 ? OVERRUN : trial % 3 === 0 ? NOISE : HELD,
    );
    assert.ok((heldEps ?? 0) > 9_000, `${heldEps}`);
  });

  it("goes down when the first rate fails, and ends without a ceiling at the least", async () => {
    const slow = await search((rate) => (rate <= 600 ? HELD : OVERRUN));
    assert.deepEqual(slow.rates.slice(0, 3), [2_000, 1_000, 500]);
    assert.deepEqual([slow.heldEps, slow.failedEps], [595, 650]);
    const none = await search(() => OVERRUN);
    assert.deepEqual(none.rates, [2_000, 1_000, 500, 250]);
    assert.equal(none.heldEps, null);
  });

  it("ends at the most with no rate that failed", async () => {
    const { heldEps, failedEps } = await search(() => HELD);
    assert.deepEqual([heldEps, failedEps], [100_000, null]);
  });

  it("keeps to its number of trials, second ones included, and to its time", async () => {
    assert.equal((await search(() => NOISE, { mostTrials: 3 })).rates.length, 3);
    const late = await search(() => HELD, { isOver: () => true });
    assert.deepEqual([late.rates, late.heldEps], [[2_000], 2_000]);
  });
});

describe("judgeTrial", () => {
  const good = completeOf(buildOf());
  const { generator, config } = good;
  const accepted = (share: number) =>
    withClass(
      "publish",
      { rate: { target: config.rateEps, sent: config.rateEps, done: config.rateEps * share } },
      good,
    );

  it("holds a rate with a valid verdict and 99 % achieved", () => {
    assert.equal(generator.verdict, "valid", generator.reasons.join("; "));
    assert.deepEqual(judgeTrial(accepted(0.99)), { held: true, achievedShare: 0.99 });
    assert.equal(judgeTrial(accepted(0.98)).held, false);
    const suspect = { ...accepted(1), generator: { ...generator, verdict: "suspect" as const } };
    assert.equal(judgeTrial(suspect).held, false);
  });
});

describe("judgeReading", () => {
  const good = completeOf(buildOf());
  const none = queryOf(good);
  const judge = (done: number, right: number, verdict: "valid" | "suspect" = "valid") =>
    judgeReading({
      ...withClass(
        "query",
        {
          ...none,
          totals: { ...none.totals, eose: 100, right },
          rate: { target: 100, sent: 100, done },
        },
        good,
      ),
      generator: { ...good.generator, verdict },
    });

  it("holds a rate with a valid verdict, 99 % answered and every answer right", () => {
    assert.deepEqual(judge(99, 100), { held: true, achievedShare: 0.99 });
    assert.deepEqual(judge(98, 100), { held: false, achievedShare: 0.98 });
    assert.equal(judge(100, 99).held, false);
    assert.equal(judge(100, 100, "suspect").held, false);
    assert.deepEqual(judgeReading(good), { held: false, achievedShare: 0 });
  });
});

const FIGURES: Calibration = {
  generator: { cpu: "Some CPU", cores: 4, platform: "linux-x64", k6: "2.2.0", tool: "k6-nostr 1" },
  form: "full",
  measuredAt: "2026-01-01T00:00:00.000Z",
  floorMs: 0.2,
  floors: [{ clients: 1, rateEps: 150, p50Ms: 0.2, p99Ms: 1.5 }],
  ceiling: { heldEps: 10_000, failedEps: 10_800, clients: 100 },
  receive: {
    heldRowsPerSec: 50_000,
    heldBytesPerSec: 45_000_000,
    failedRowsPerSec: 55_000,
    rowsAnAnswer: 100,
    clients: 100,
    form: "full",
    measuredAt: "2026-01-02T00:00:00.000Z",
    othersPercent: 3,
  },
  connections: [
    { asked: 2_000, opened: 2_000, connectP50Ms: 5, connectP99Ms: 20, bytesEach: 60_000 },
  ],
};
const { generator } = FIGURES;

describe("kept figures", () => {
  const inFolder = async (use: (path: string) => Promise<void>) => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-kept-"));
    await use(join(dir, "cache", "calibration.json")).finally(() =>
      rm(dir, { recursive: true, force: true }),
    );
  };

  it("come back for the same generator only", async () => {
    await inFolder(async (path) => {
      assert.equal(await readKept(path, generator), null);
      assert.equal(await keep(path, FIGURES), null);
      assert.deepEqual(await readKept(path, generator), FIGURES);
      const others = [
        { cpu: "x" },
        { cores: 2 },
        { platform: "x" },
        { k6: "2.3.0" },
        { tool: "x" },
      ];
      for (const other of others) {
        assert.equal(await readKept(path, { ...generator, ...other }), null, JSON.stringify(other));
      }
    });
  });

  it("are replaced by newer ones, those of others stay", async () => {
    await inFolder(async (path) => {
      const other = { ...FIGURES, generator: { ...generator, cores: 8 } };
      const newer = { ...FIGURES, floorMs: 0.3 };
      for (const figures of [FIGURES, other, newer]) await keep(path, figures);
      assert.deepEqual(await readKept(path, generator), newer);
      assert.deepEqual(await readKept(path, other.generator), other);
      assert.equal(JSON.parse(await readFile(path, "utf8")).kept.length, 2);
    });
  });

  it("count as not measured when the file is damaged, and can be kept again", async () => {
    await inFolder(async (path) => {
      await keep(path, FIGURES);
      const whole = await readFile(path, "utf8");
      const damaged = [
        "",
        whole.slice(0, whole.length / 2),
        "null",
        "[]",
        whole.replace("calibration@1", "calibration@0"),
        whole.replace('"heldEps": 10000', '"heldEps": "10000"'),
        whole.replace('"heldEps": 10000', '"heldEps": -1'),
        whole.replace('"floorMs": 0.2', '"floorMs": null'),
        whole.replace('"generator"', '"host"'),
        whole.replace("2026-01-01T", "yesterday"),
        whole.replace('"heldRowsPerSec": 50000', '"heldRowsPerSec": 0'),
        whole.replace('"heldBytesPerSec": 45000000', '"heldBytesPerSec": null'),
      ];
      for (const text of damaged) {
        await writeFile(path, text);
        assert.equal(await readKept(path, generator), null, text);
        assert.equal(await keep(path, FIGURES), null);
        assert.deepEqual(await readKept(path, generator), FIGURES);
      }
    });
  });

  it("are not kept where nothing can be written, with the reason", async () => {
    await inFolder(async (path) => {
      await keep(path, FIGURES);
      assert.match((await keep(join(path, "calibration.json"), FIGURES)) ?? "", /^E[A-Z]+$/);
    });
  });

  it("are not those of a busy machine that nobody asked for: they would refuse good plans on a quiet one", async () => {
    await inFolder(async (path) => {
      const said: string[] = [];
      const terminal = { status() {}, note: (line: string) => said.push(line), clear() {} };
      const busy: Calibration = { ...FIGURES, form: "quick", othersPercent: 21 };
      assert.equal(await keepFigures(path, busy, terminal, "publish"), false);
      assert.match(said.join(), /not kept in .*: other processes took 21 % of the processor/);
      assert.equal(await readKept(path, busy.generator), null);
      for (const [othersPercent, part] of [
        [21, null],
        [20, "publish"],
        [null, "publish"],
      ] as const) {
        const kept = { ...busy, othersPercent };
        assert.equal(await keepFigures(path, kept, terminal, part), true);
        assert.deepEqual(await readKept(path, busy.generator), kept);
      }
      assert.equal(said.length, 1);
    });
  });
});

describe("figures of the part that a run needs", () => {
  const { receive = null, ...published } = FIGURES;
  const read: Calibration = { ...published, ceiling: null, floorMs: 0.5, receive };

  it("join those that are kept of the other", () => {
    assert.deepEqual(mergeFigures(published, read, "receive"), FIGURES);
    assert.deepEqual(mergeFigures(read, published, "publish"), FIGURES);
    assert.deepEqual(mergeFigures(null, read, "receive"), read);
    const again = { ...published, floorMs: 0.9 };
    assert.deepEqual(mergeFigures(FIGURES, again, "publish"), { ...again, receive });
  });

  it("are kept without the other, and not without their own", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-kept-"));
    const path = join(dir, "calibration.json");
    const terminal = { status() {}, note() {}, clear() {} };
    try {
      assert.equal(await keepFigures(path, read, terminal, "publish"), false);
      assert.equal(
        await keepFigures(path, { ...FIGURES, receive: null }, terminal, "receive"),
        false,
      );
      const busy = { ...read, receive: receive && { ...receive, othersPercent: 21 } };
      assert.equal(await keepFigures(path, busy, terminal, "receive"), false);
      assert.equal(await readKept(path, generator), null);
      assert.equal(await keepFigures(path, read, terminal, "receive"), true);
      assert.deepEqual(await readKept(path, generator), read);
      assert.equal(await keepFigures(path, { ...read, receive: null }, terminal, null), false);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it("are shown with what they mean", () => {
    const text = renderCalibration(FIGURES);
    assert.match(
      text,
      /receiving +50,000 rows\/s \(45\.0 MB\/s\), 100 an answer over 100 connections/,
    );
    assert.match(text, /55,000 rows\/s were not held/);
    assert.match(text, /above 40,000 rows\/s are warned about, above 47,500 rows\/s refused/);
    assert.match(renderCalibration(published), /receiving +not measured/);
    assert.match(describeKept(FIGURES), /^ceiling 10,000 events\/s, reads 50,000 rows\/s, floor/);
    assert.match(describeKept(read), /^reads 50,000 rows\/s, floor/);
  });
});

describe("judgeRows", () => {
  const judge = (queryRate: number, isForced = false, figures: Calibration | null = FIGURES) =>
    judgeRows({ queryRate, rowsEach: 80 }, figures, isForced);

  it("lets pass, warns and refuses by shares of the rows that were read", () => {
    // 80 rows each: 40,000, 40,080, 47,440 and 47,520 rows/s of 50,000.
    assert.equal(judge(500), null);
    assert.match(judge(501) ?? "", /^40,080 rows\/s .* 80 % .*50,000 rows\/s.*suspect$/);
    assert.match(judge(593) ?? "", /suspect$/);
    assert.throws(
      () => judge(594),
      (error) =>
        error instanceof ConfigError && /Lower --query-rate to 500\b.*--force/.test(error.message),
    );
    assert.match(judge(594, true) ?? "", /invalid$/);
  });

  it("refuses nothing by figures of a busy machine, and says nothing without any", () => {
    const { receive = null } = FIGURES;
    const busy = { ...FIGURES, receive: receive && { ...receive, othersPercent: 21 } };
    assert.match(judge(5_000, false, busy) ?? "", /other processes took 21 %/);
    assert.equal(receiveOf(busy), null);
    assert.deepEqual(receiveOf(FIGURES), { rowsPerSec: 50_000, bytesPerSec: 45_000_000 });
    assert.equal(judge(5_000, false, { ...FIGURES, receive: null }), null);
    assert.equal(judge(5_000, false, null), null);
  });
});

describe("questions for the sink", () => {
  const inFolder = async (use: (dir: string) => Promise<void>) => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-questions-"));
    await use(join(dir, "pool")).finally(() => rm(dir, { recursive: true, force: true }));
  };

  it("have its rows for right answers", async () => {
    await inFolder(async (dir) => {
      const made = await makeQuestions(dir, 300, 20);
      assert.deepEqual(
        parseManifest(await readFile(join(dir, "manifest.json"), "utf8"), dir),
        made,
      );
      const text = await readFile(join(dir, "frames.txt"), "utf8");
      const lines = text.split("\n").slice(0, -1);
      assert.equal(lines.length, 300);
      assert.equal(text.length, made.bytes);
      assert.equal(text.indexOf("\n", made.index[1]) - Number(made.index[1]), lines[256]?.length);
      const known = (await readFile(join(dir, "rows.txt"), "utf8")).split("\n").slice(0, -1);
      const [line = ""] = lines;
      const sent = new SinkRows(makeUpRows(50)).answer("q1", `["REQ","q1",${filtersOf(line)}]`);
      const ids = [...sent.toString("latin1").matchAll(/"id":"([0-9a-f]{64})"/g)].map(
        ([, id]) => id ?? "",
      );
      const expected = expectedOf(line);
      assert.ok(typeof expected === "object" && expected !== null);
      const check = new AnswerCheck(
        expected,
        new Uint32Array(20).map((_, i) => i),
      );
      const ordinals = new Map(known.map((row, ordinal) => [row.slice(0, 13), ordinal]));
      for (const id of ids) assert.equal(check.row(ordinals.get(id.slice(0, 13))), "matching");
      assert.equal(check.end({ rows: null, saidMore: false }), "right");
      assert.equal(ids.length, 20);
      assert.equal(await meanRows(dir, 1), 20);
    });
  });

  it("are counted by what is expected: pages together, no row for a COUNT, nothing where nobody knows", async () => {
    await inFolder(async (dir) => {
      await makeQuestions(dir, 1, 1);
      const write = (lines: readonly string[]) =>
        writeFile(join(dir, "frames.txt"), lines.map((line) => `${line}\t{}\n`).join(""));
      await write(["a00[[[0,1],[2]],[5,6],1,2,true,[8]]", "b007"]);
      assert.equal(await meanRows(dir, 1), 2.5);
      await write([
        "a01[[[0,1]],[],0,0,true,[]]",
        "a11[[[2]],[],0,0,true,[]]",
        "a00[[[4]],[],0,0,true,[]]",
      ]);
      assert.equal(await meanRows(dir, 1), 1.5);
      assert.equal(await meanRows(dir, 2), 2);
      await write(["a00null"]);
      assert.equal(await meanRows(dir, 1), null);
      await write([]);
      assert.equal(await meanRows(dir, 1), null);
    });
  });
});

describe("judgeRate", () => {
  const passing = [1, 5_000];
  for (const rate of passing) {
    it(`lets ${rate} of 10,000 events/s pass without a word`, () => {
      assert.equal(judgeRate(rate, FIGURES, false), null);
    });
  }

  for (const rate of [5_001, 9_000]) {
    it(`warns about ${rate} of 10,000 events/s`, () => {
      assert.match(judgeRate(rate, FIGURES, false) ?? "", /% of what .* suspect$/);
    });
  }

  it("refuses more than 90 %, unless forced", () => {
    assert.throws(
      () => judgeRate(9_001, FIGURES, false),
      (error) =>
        error instanceof ConfigError && /Lower --rate to 5000.*--force/.test(error.message),
    );
    assert.match(judgeRate(9_001, FIGURES, true) ?? "", /invalid$/);
  });

  it("refuses nothing by figures of a busy machine, and holds no run against them", () => {
    const busy = { ...FIGURES, othersPercent: 21 };
    assert.match(judgeRate(9_001, busy, false) ?? "", /other processes took 21 %.*too low/);
    assert.equal(judgeRate(5_000, busy, false), null);
    assert.deepEqual([ceilingOf(busy), ceilingOf({ ...busy, othersPercent: 20 })], [null, 10_000]);
    assert.equal(ceilingOf(null), null);
  });

  it("says nothing without a ceiling", () => {
    assert.equal(judgeRate(1e6, null, false), null);
    assert.equal(judgeRate(1e6, { ...FIGURES, ceiling: null }, false), null);
  });

  it("says before the run what the report will say", () => {
    const { config } = buildOf();
    const cases = [
      [2, "valid", null],
      [1.5, "suspect", "suspect"],
      [1.05, "invalid", "invalid"],
    ] as const;
    for (const [times, state, word] of cases) {
      const heldEps = config.rateEps * times;
      const report = completeOf(buildOf(), { ceilingEps: heldEps });
      const signal = report.generator.signals.find(({ id }) => id === "ceilingShare");
      assert.equal(signal?.state, state);
      const figures = { ...FIGURES, ceiling: { heldEps, failedEps: null, clients: 100 } };
      const text = judgeRate(config.rateEps, figures, true);
      assert.equal(text?.split(" ").at(-1) ?? null, word);
    }
  });
});

describe("othersPercent", () => {
  const sample = (process: "host" | "relay", cpuPercent: number | null) => ({
    ...sampleOf({ t: 0, process, cpuPercent }),
    atMs: 0,
  });

  it("is what the host was busier than its own processes, of all cores", () => {
    const samples = [sample("host", 80), sample("relay", 90), sample("host", 60)];
    assert.equal(othersPercent([...samples, sample("relay", 110)], 2), 20);
    assert.equal(othersPercent([sample("host", 10), sample("relay", 90)], 2), 0);
  });

  it("is not known where either can't be read", () => {
    assert.equal(othersPercent([sample("host", 80)], 2), null);
    assert.equal(othersPercent([sample("host", null), sample("relay", 10)], 2), null);
  });
});

describe("makeLookAlikes", () => {
  it("writes frames in the pool's shape that no run takes for a pool", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-look-alikes-"));
    try {
      const folder = join(dir, "frames");
      const made = await makeLookAlikes(folder, 5_000);
      const text = await readFile(join(folder, "manifest.json"), "utf8");
      assert.deepEqual(parseManifest(text, folder), made);
      const frames = await readFile(join(folder, "frames.txt"), "utf8");
      const lines = frames.split("\n").slice(0, -1);
      assert.equal(lines.length, 5_000);
      assert.equal(frames.length, made.bytes);
      assert.equal(made.largestFrame, 550);
      assert.ok(frames.startsWith(lines[256 * 7] ?? "none", made.index[7]));
      const ids = lines.map((line) => {
        const [type, event] = JSON.parse(line.slice(3));
        assert.equal(type, "EVENT");
        assert.match(event.id, /^[0-9a-f]{64}$/);
        assert.match(event.sig, /^[0-9a-f]{128}$/);
        return event.id;
      });
      assert.equal(new Set(ids).size, 5_000);
      await assert.rejects(readPool(folder), /is damaged/);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

describe("renderCalibration", () => {
  it("says each figure with its unit and what it means", () => {
    const text = renderCalibration(FIGURES);
    for (const part of [
      "10,000 events/s over 100 connections",
      "10,800 events/s was not held",
      "above 5,000 events/s are warned about, above 9,000 events/s refused",
      "0.20 ms p50 of service time",
      "1 connection, 150 events/s: p50 0.20 ms, p99 1.50 ms",
      "2,000 of 2,000 opened; handshake p50 5.00 ms, p99 20.0 ms, about 60.0 kB",
      "Some CPU, 4 cores, linux-x64, k6 v2.2.0, k6-nostr 1 (full calibration of 2026-01-01T",
    ]) {
      assert.ok(text.includes(part), `${part}\n${text}`);
    }
    assert.doesNotMatch(text, /stall/);
  });

  it("calls a floor near 40 ms a stall", () => {
    assert.match(renderCalibration({ ...FIGURES, floorMs: 41 }), /stall and no floor.*Nagle/);
  });

  it("says when other processes took the processor, and else nothing of it", () => {
    for (const othersPercent of [null, 0, 20]) {
      assert.doesNotMatch(renderCalibration({ ...FIGURES, othersPercent }), /^busy/m);
    }
    assert.doesNotMatch(renderCalibration(FIGURES), /^busy/m);
    const busy = { ...FIGURES, othersPercent: 43 };
    assert.match(renderCalibration(busy), /^busy +other processes took 43 % .* too low/m);
    assert.match(describeKept(busy), /other processes took 43 %/);
  });

  it("says what was not found or not measured", () => {
    const text = renderCalibration({ ...FIGURES, ceiling: null, connections: [] });
    assert.match(text, /^ceiling +none found/);
    assert.match(text, /^connections not measured$/m);
  });
});
