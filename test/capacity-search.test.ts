import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgedSec, leastJudged } from "../src/capacity/precision.ts";
import { BACKLOG } from "../src/capacity/result.ts";
import { next, record, startSearch, stop } from "../src/capacity/search.ts";
import { parseThresholds } from "../src/plan/thresholds.ts";
import { seededRandom } from "../src/random.ts";
import { bucket, linesOf, type Model, resultIn, SETTINGS, searchIn } from "./capacity-model.ts";

const SEEDS = Array.from({ length: 10 }, (_, i) => `seed-${i + 1}`);

/** A bucket somewhere between 300 and 9,600, of which each trial sees a little more or less. */
function noisyBucket(seed: string, disturbedShare: number) {
  const random = seededRandom(seed, "bucket");
  const tokens = 300 * 2 ** (random() * 5);
  const model = bucket(() => {
    const noise = 1 + (random() + random() + random() - 1.5) * 0.01;
    // What disturbs takes up to half of what the relay has.
    return tokens * noise * (random() < disturbedShare ? 0.5 + random() * 0.45 : 1);
  });
  return { tokens, model };
}

/** Of ten seeds, those whose result is proven and within the precision of what the bucket gives. */
function foundFor(disturbedShare: number): readonly string[] {
  return SEEDS.filter((seed) => {
    const { tokens, model } = noisyBucket(seed, disturbedShare);
    const { result } = resultIn(model);
    const { lastPassing, limit, proven, suspect } = result;
    const isNear = Math.abs((lastPassing ?? 0) / tokens - 1) <= SETTINGS.precision;
    return isNear && limit === "relay" && proven && suspect === null;
  });
}

describe("the search for a token bucket", () => {
  it("finds it within the precision for 10 of 10 seeds, in a quarter of an hour", () => {
    assert.deepEqual(foundFor(0), SEEDS);
    const times = SEEDS.map((seed) => resultIn(noisyBucket(seed, 0).model).spentSec);
    assert.ok(Math.max(...times) <= 1_200, `${Math.max(...times)} s`);
  });

  it("finds it for 9 of 10 with a fifth of the trials disturbed", () => {
    const found = foundFor(0.2);
    assert.ok(found.length >= 9, `found for ${found.join(", ")}`);
  });

  it("doubles by probes, confirms the fail, narrows by a majority, and proves both bounds", () => {
    const { result, trials } = resultIn(bucket(() => 995));
    assert.equal(
      linesOf(trials),
      "w50p b50p p100p p200p p400p p800p p1600f p1600f n1130f n1130f n950p n950p n1040f n1040f " +
        "n990p n990p n1010f n1010f p990p p1010f p1010f p990p p990p b50p",
    );
    assert.deepEqual(result, {
      lastPassing: 990,
      firstFailing: 1_010,
      limit: "relay",
      failedThreshold: BACKLOG,
      interval: [990, 1_010],
      proven: true,
      suspect: null,
      inversions: [],
      proof: [990, 1_010, 1_010, 990, 990].map((load, place) => ({
        load,
        verdict: place === 1 || place === 2 ? "fail" : "pass",
      })),
    });
  });
});

describe("an estimate", () => {
  const quick = { ...SETTINGS, quick: true, precision: 0.1, trialSec: 7, probeSec: 5, proveSec: 7 };

  it("takes one trial a load while it narrows, and a short proof", () => {
    const { result, trials } = resultIn(
      bucket(() => 995),
      { ...quick, from: 100, repeats: 1 },
    );
    assert.equal(
      linesOf(trials),
      "w100p b100p p200p p400p p800p p1600f n1130f n950p n1040f p950p p1040f p950p b100p",
    );
    assert.deepEqual([result.lastPassing, result.proven, result.limit], [950, true, "relay"]);
    assert.equal(result.suspect, null);
  });

  it("raises its bound where the upper one passes twice in the proof, and goes on", () => {
    const disturbed = bucket(({ number }) => (number === 6 ? 500 : 1_300));
    const settings = { ...quick, from: 100, to: 1_200, repeats: 1 };
    const { result, trials } = resultIn(disturbed, settings);
    assert.match(linesOf(trials), /p800p p1200f n.*p1140p p1200p p1200p p1200p p1200p b100p$/);
    assert.deepEqual([result.lastPassing, result.limit, result.proven], [1_200, "to", true]);
    assert.equal(result.suspect, null);
  });

  it("takes the upper bound's word where it passes once of two", () => {
    const disturbed = bucket(({ number }) => (number === 11 ? 2_000 : 995));
    const { result, trials } = resultIn(disturbed, { ...quick, from: 100, repeats: 1 });
    assert.match(linesOf(trials), /p950p p1040p p1040f p950p b100p$/);
    assert.deepEqual([result.lastPassing, result.firstFailing], [950, 1_040]);
    assert.deepEqual([result.proven, result.suspect], [true, null]);
  });
});

describe("a trial at a low load", () => {
  const judges = { least: 100, perSec: null };

  it("is so long that there is enough to judge a percentile by", () => {
    const { trials } = searchIn(
      bucket(() => 12),
      { from: 5, judges },
    );
    const lengths = new Map(
      trials.map(({ role, load, lengthSec }) => [`${role} ${load}`, lengthSec]),
    );
    assert.deepEqual(
      ["warmup 5", "baseline 5", "probe 10", "probe 20", "narrow 14.1"].map((of) =>
        lengths.get(of),
      ),
      [10, 30, 15, 10, 30],
    );
    for (const { role, load, lengthSec } of trials) {
      if (role !== "warmup") assert.ok(load * judgedSec(lengthSec) >= 100 - 1e-9, `${load}`);
    }
  });

  it("is so long where the load is a number of connections, of which each does little", () => {
    const { trials } = searchIn(
      bucket(() => 995),
      { judges: { least: 100, perSec: 2 } },
    );
    assert.deepEqual(new Set(trials.map(({ lengthSec }) => lengthSec)), new Set([10, 75]));
  });

  it("asks for as much as the rarest of the percentiles needs", () => {
    const least = (text: string) => leastJudged(parseThresholds(text), null).least;
    assert.equal(least("nostr_query_time: p(95)<500, p(99)<1000"), 100);
    assert.equal(least("nostr_query_time: p(99.9)<500"), 1_000);
    assert.equal(least("nostr_query_time: med<500; nostr_query_failed: rate<0.01"), 1);
  });
});

/** What of a result is asked for here. */
function endOf(model: Model, settings: Partial<typeof SETTINGS> = {}) {
  const { lastPassing, firstFailing, limit, interval, proven } = resultIn(model, settings).result;
  return { lastPassing, firstFailing, limit, interval, proven };
}

/** A generator that can't send more: the relay would take ten times as much. */
const throttledAt =
  (most: number): Model =>
  ({ load }) => ({ verdict: load > most ? "void" : "pass" });

describe("what bounds a search", () => {
  it("is the generator where a trial says nothing of the relay twice, and never the relay", () => {
    const { result, trials } = resultIn(throttledAt(1_000));
    assert.equal(result.limit, "generator");
    assert.equal(result.failedThreshold, null);
    // At least so much: nothing is said about where the relay ends.
    assert.deepEqual(result.interval, [result.lastPassing, null]);
    assert.ok(Math.abs((result.lastPassing ?? 0) / 1_000 - 1) <= 0.05, `${result.lastPassing}`);
    assert.match(linesOf(trials), /p1600v p1600v n1130v n1130v/);
    assert.match(linesOf(trials), / p(\d+)p p\1p p\1p b50p$/);
  });

  it("takes a single trial that says nothing for no failure", () => {
    const relay = bucket(() => 995);
    const model: Model = (asked) => (asked.number % 5 === 0 ? { verdict: "void" } : relay(asked));
    const { lastPassing, limit, proven } = endOf(model);
    assert.deepEqual([lastPassing, limit, proven], [990, "relay", true]);
  });

  it("has a baseline all the same where the first one said nothing", () => {
    const relay = bucket(() => 995);
    const model: Model = (asked) => (asked.number === 2 ? { verdict: "void" } : relay(asked));
    assert.match(linesOf(resultIn(model).trials), /^w50p b50v b50p p100p/);
  });

  it("is what was calibrated, or what was asked for, where the relay passes there", () => {
    const relay = bucket(() => 5_000);
    const held = (most: number) => ({ lastPassing: most, firstFailing: null, proven: true });
    const end = { interval: [1_234, null] };
    assert.deepEqual(endOf(relay, { ceiling: 1_234 }), {
      ...held(1_234),
      ...end,
      limit: "generator",
    });
    assert.deepEqual(endOf(relay, { to: 1_234 }), { ...held(1_234), ...end, limit: "to" });
  });

  it("is `below` where even the lowest load fails, and lower ones are tried where `from` does", () => {
    const { result, trials } = resultIn(
      bucket(() => 2),
      { least: 10 },
    );
    assert.equal(linesOf(trials), "w50f b50f p50f p25f p25f p12.5f p12.5f p10f p10f");
    assert.deepEqual([result.lastPassing, result.limit], [null, "below"]);
    assert.deepEqual([result.interval, result.proven], [[0, 10], false]);
    const { lastPassing, proven } = endOf(bucket(() => 30));
    assert.deepEqual([lastPassing, proven], [29.7, true]);
  });

  it("is the load at which the relay died, and ends there", () => {
    const { result, trials } = resultIn(({ load }) =>
      load > 700 ? { verdict: "fail", died: "port 7777 is closed" } : { verdict: "pass" },
    );
    assert.deepEqual([result.limit, result.firstFailing, result.lastPassing], ["died", 800, 400]);
    assert.equal(trials.at(-1)?.load, 800);
  });

  it("is the budget where the time is used up, with the interval as it is", () => {
    const relay = bucket(() => 995);
    for (const budgetSec of [30, 100, 200, 400, 600, 700]) {
      const { result, spentSec } = resultIn(relay, { budgetSec });
      assert.equal(result.limit, "budget", `${budgetSec} s`);
      assert.ok(spentSec <= budgetSec, `${spentSec} s of ${budgetSec}`);
      const [lo, hi] = result.interval;
      assert.ok(lo < 995 && (hi === null || hi > 995), `${lo} to ${hi} in ${budgetSec} s`);
    }
  });

  it("leaves time for the proof, and narrows less for it", () => {
    const { proven, limit, interval } = endOf(
      bucket(() => 995),
      { budgetSec: 600 },
    );
    assert.deepEqual([proven, limit], [true, "budget"]);
    assert.deepEqual(interval, [950, 1_130]);
  });

  it("is the user where the search is stopped, with the interval so far", () => {
    const { search } = searchIn(
      bucket(() => 995),
      {},
      11,
    );
    const { lastPassing, firstFailing, limit, proven } = stop(search, "interrupted");
    assert.deepEqual(
      [lastPassing, firstFailing, limit, proven],
      [800, 1_130, "interrupted", false],
    );
  });
});

describe("a search whose trials disagree", () => {
  it("does not raise its result by passes above a fail, but reports them and doubts it", () => {
    // It takes half of it from the proof on.
    const { result } = resultIn(bucket(({ number }) => (number < 18 ? 995 : 500)));
    const { lastPassing = 0, firstFailing, inversions, suspect, interval } = result;
    assert.ok((lastPassing ?? 0) <= 500, `${lastPassing}`);
    assert.ok(inversions.length >= 2);
    for (const { passed, failed } of inversions) {
      assert.equal(failed, firstFailing);
      assert.ok(passed > failed);
    }
    assert.match(suspect ?? "", /passed above/);
    assert.deepEqual(interval, [lastPassing, 1_010]);
  });

  it("lets a bound go that fails by chance and holds in long trials", () => {
    // Something else runs on the machine while it narrows for the first time.
    const { result, trials } = resultIn(
      bucket(({ number }) => (number === 9 || number === 10 ? 500 : 995)),
    );
    assert.match(linesOf(trials), /n1130f n1130f/);
    const { result: other, trials: tried } = resultIn(
      bucket(({ number }) => (number === 11 || number === 12 ? 500 : 995)),
    );
    assert.match(linesOf(tried), /n950f n950f .*p950p p950p/);
    for (const { lastPassing, proven, suspect } of [result, other]) {
      assert.deepEqual([lastPassing, proven, suspect], [990, true, null]);
    }
  });

  it("takes the proof's word where the bound that passed does not hold", () => {
    const { result, trials } = resultIn(bucket(({ lengthSec }) => (lengthSec === 60 ? 900 : 995)));
    assert.match(linesOf(trials), /p990f p990f/);
    assert.ok((result.lastPassing ?? 0) <= 905, `${result.lastPassing}`);
    assert.ok(result.inversions.length >= 2 && result.suspect !== null);
  });
});

describe("a relay that takes more and less from trial to trial", () => {
  it("gets an interval around the loads that passed and failed, and is doubted", () => {
    // Other guests of the machine come and go.
    const unsteady = bucket(({ number }) => ([8, 11, 12, 14].includes(number) ? 1_400 : 1_000));
    const quick = {
      quick: true,
      precision: 0.1,
      trialSec: 7,
      probeSec: 5,
      proveSec: 7,
      repeats: 1,
    };
    const { result, trials } = resultIn(unsteady, { ...quick, from: 100, budgetSec: 230 });
    const votes = (load: number) =>
      trials
        .filter((trial) => trial.load === load && trial.role !== "warmup")
        .map(({ verdict }) => verdict);
    const contradicted = [...new Set(trials.map(({ load }) => load))].filter((load) => {
      const passes = votes(load).filter((verdict) => verdict === "pass").length;
      const fails = votes(load).filter((verdict) => verdict === "fail").length;
      return passes >= 2 && fails >= 2;
    });
    assert.ok(contradicted.length > 0, linesOf(trials));
    assert.match(
      result.suspect ?? "",
      /passed \d times and failed \d times.* changes from trial to trial/,
    );
    const [least, most] = result.interval;
    assert.ok(contradicted.every((load) => least < load && (most === null || most > load)));
    assert.ok(least < 1_000 && least > 0, `${least}`);
  });
});

describe("a search that is resumed", () => {
  it("goes on from its trials as if it had not been stopped", () => {
    const { model } = noisyBucket("resumed", 0.2);
    const whole = resultIn(model);
    for (const most of [0, 1, 5, 12, 20]) {
      const before = whole.trials.slice(0, most);
      const replayed = before.reduce(record, startSearch(SETTINGS));
      const rest = whole.trials.slice(most).reduce(record, replayed);
      const step = next(rest);
      assert.deepEqual(step.kind === "end" ? step.result : step, whole.result);
      const [wanted, tried] = [next(replayed), whole.trials[most]];
      assert.ok(wanted.kind === "trial" && tried !== undefined);
      assert.deepEqual([wanted.role, wanted.load], [tried.role, tried.load]);
    }
  });
});
