import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import { timeOfSet } from "../src/events/catalogue.ts";
import { createArrivals, mostArrivals } from "../src/load/arrivals.ts";
import { OPTIONS } from "../src/plan/option-table.ts";
import type { OptionTexts } from "../src/plan/options.ts";
import { buildPlan, eventsNeeded, type Plan } from "../src/plan/plan.ts";
import { playOnce } from "../src/plan/play.ts";
import { planPool } from "../src/pool/plan.ts";
import { timesOfRun } from "../src/pool/times.ts";
import { seededRandom } from "../src/random.ts";

function planOf(texts: OptionTexts): Plan {
  const defaults = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, row]) => [name, row.default]),
  );
  const all = { ...defaults, relay: "ws://127.0.0.1:1", ...texts };
  return buildPlan("publish", all as OptionTexts, "seed", 4);
}

/** The arrivals of each VU over warm-up and window. */
function arrivalsOf({ vus, warmupSec, durationSec, rateEps, arrival }: Plan): readonly number[] {
  return Array.from({ length: vus }, (_, share) => {
    const next = createArrivals({
      kind: arrival,
      ratePerSecond: rateEps,
      durationMs: (warmupSec + durationSec) * 1_000,
      share,
      shares: vus,
      random: seededRandom("seed", `vu/${share}`),
    });
    let count = 0;
    while (next() !== Number.POSITIVE_INFINITY) count++;
    return count;
  });
}

describe("playOnce", () => {
  const rows: readonly (readonly [
    what: string,
    texts: OptionTexts,
    events: number,
    isGiven: boolean,
    durationSec: number,
    note: string,
  ])[] = [
    [
      "plays all at the rate",
      { rate: "1000" },
      14_389,
      false,
      14.389,
      "14,389 events are played once, at 1,000 events/s in 14.4 s",
    ],
    [
      "takes the warm-up's from it",
      { rate: "50", warmup: "2" },
      500,
      false,
      8,
      "500 events are played once, at 50.0 events/s in 8 s",
    ],
    [
      "stops where it was told to",
      { rate: "100", duration: "10" },
      5_000,
      true,
      10,
      "the first 1,000 of 5,000 events are played, in 10 s",
    ],
    [
      "stops where the file ends",
      { rate: "100", duration: "60" },
      500,
      true,
      5,
      "500 events are played once, at 100 events/s in 5 s of the 60 s asked for",
    ],
    [
      "plays what is just enough",
      { rate: "100", duration: "5" },
      500,
      true,
      5,
      "500 events are played once, at 100 events/s in 5 s",
    ],
  ];
  for (const [what, texts, events, isGiven, durationSec, note] of rows) {
    it(what, () => {
      const played = playOnce(planOf(texts), events, isGiven);
      assert.equal(played.plan.durationSec, durationSec);
      assert.equal(played.note, note);
    });
  }

  it("refuses events that last for no window, and says what to lower", () => {
    const few: readonly (readonly [OptionTexts, number, RegExp])[] = [
      [
        { rate: "50" },
        20,
        /^20 events last 0.4 s at 50.0 events\/s; a window takes 1 s[\s\S]*--rate/,
      ],
      [{ rate: "50", warmup: "5" }, 250, /5 s of it for the warm-up[\s\S]*--warmup/],
      [{ rate: "50", arrival: "poisson" }, 5, /5 events last 0 s/],
    ];
    for (const [texts, events, message] of few) {
      assert.throws(
        () => playOnce(planOf(texts), events, false),
        (error) => error instanceof ConfigError && message.test(error.message),
      );
    }
  });

  it("sends every event, and asks for none that is not there, at any rate over any VUs", () => {
    const rate = fc.double({ min: 0.5, max: 60_000, noNaN: true });
    const sizes = fc.record({
      rate,
      sec: fc.double({ min: 1.1, max: 20, noNaN: true }),
      clients: fc.integer({ min: 1, max: 9_000 }),
    });
    fc.assert(
      fc.property(sizes, ({ rate, sec, clients }) => {
        const events = Math.ceil(rate * sec);
        const asked = planOf({ rate: String(rate), clients: String(clients), force: "1" });
        fc.pre(events / rate > 1.05 + asked.vus / rate);
        const { plan } = playOnce(asked, events, false);
        const ofVu = Math.floor(events / plan.vus);
        for (const count of arrivalsOf(plan)) assert.equal(count, ofVu);
      }),
      { numRuns: 60 },
    );
  });

  it("plays nearly all of a Poisson process, and never more than there is", () => {
    for (const events of [200, 2_000, 40_000]) {
      const asked = planOf({ rate: "100", arrival: "poisson" });
      const { plan, note } = playOnce(asked, events, false);
      assert.match(note, /once at most/);
      assert.ok(mostArrivals("poisson", 100, plan.durationSec * 1_000) <= events);
      const [count = 0] = arrivalsOf(plan);
      assert.ok(
        count <= events && count > events - 12 * Math.sqrt(events),
        `${count} of ${events}`,
      );
    }
  });
});

describe("the times of a pool that follows its run", () => {
  it("run with the schedule, from now on; VUs that share a pool have those of the last minute", () => {
    const plan = planOf({ rate: "100", duration: "60", warmup: "5" });
    const now = 1_800_000_000;
    assert.deepEqual(timesOfRun(plan, now + 0.7), { epoch: now, spanSec: 65, follows: true });
    const shared = planOf({ rate: "100", duration: "600", clients: "6000" });
    const lastMinute = { epoch: now - 60, spanSec: 60, follows: false };
    assert.deepEqual(timesOfRun(shared, now), lastMinute);
  });

  it("never lie in the future of an event's due time", () => {
    for (const [rate, duration] of [
      ["3", "20"],
      ["1000", "5"],
      ["40", "1.5"],
    ] as const) {
      const plan = planOf({ rate, duration });
      const times = timesOfRun(plan, 1_800_000_000);
      const mix = { note: 1 };
      const pool = planPool({ seed: "s", mix, events: eventsNeeded(plan), ...times });
      for (let i = 0; i < plan.rateEps * plan.durationSec; i++) {
        const dueSec = times.epoch + i / plan.rateEps;
        const ageSec = dueSec - timeOfSet(pool.scope, i);
        assert.ok(ageSec >= 0 && ageSec < 2 + 17 / plan.rateEps, `${ageSec} s at event ${i}`);
      }
    }
  });
});
