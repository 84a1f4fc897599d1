/** What a reader sees of a search for the capacity: sentence, Markdown, HTML, terminal, gate. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildPageAssets } from "../build/page.ts";
import {
  BACKLOG,
  type CapacityReport,
  type CapacityResult,
  type Trial,
} from "../src/capacity/result.ts";
import { answerOf } from "../src/report/capacity/answer.ts";
import { capacityCharts } from "../src/report/capacity/charts.ts";
import { compareCapacities } from "../src/report/capacity/compare.ts";
import { capacityExitCode, gateOfCapacity } from "../src/report/capacity/gate.ts";
import { renderCapacityHtml } from "../src/report/capacity/html.ts";
import { renderCapacity } from "../src/report/capacity/markdown.ts";
import { missedPrecision, spentText } from "../src/report/capacity/spent.ts";
import { renderCapacityTerminal } from "../src/report/capacity/terminal.ts";
import { describeMiss, wordsOf } from "../src/report/capacity/words.ts";
import { bucket } from "./capacity-model.ts";
import { BOUND, searched } from "./capacity-searched.ts";
import { trialWith } from "./capacity-trial.ts";

const assets = buildPageAssets();
const good = searched();
const other = {
  ...searched(bucket(() => 700)),
  config: { ...good.config, relays: ["127.0.0.1:7778"] },
};
const both: CapacityReport = { ...good, against: other };
const withResult = (own: Partial<CapacityResult>, report = good): CapacityReport => ({
  ...report,
  result: { ...report.result, ...own },
});
const isNothing = { lastPassing: null, firstFailing: null, failedThreshold: null } as const;

describe("the sentence of a capacity", () => {
  it("says what the relay takes, and what fails first for what reason", () => {
    assert.equal(
      answerOf(good),
      "This relay takes 990 events/s within the objective; at 1,010 growth of the backlog fails first, and the relay is bound by one thread",
    );
    const unexplained = { ...good, trials: good.trials.map((t) => ({ ...t, findings: [] })) };
    assert.match(answerOf(unexplained), /at 1,010 growth of the backlog fails first$/);
    const worthKnowing = { ...BOUND, severity: "info" } as const;
    const info = good.trials.map((t) => ({ ...t, findings: [worthKnowing] }));
    assert.match(answerOf({ ...good, trials: info }), /fails first$/);
    const atLimit = { ...BOUND, id: "overload", title: "The relay is at its limit" };
    const both = good.trials.map((t) => ({ ...t, findings: [atLimit, BOUND] }));
    assert.match(answerOf({ ...good, trials: both }), /, and the relay is bound by one thread$/);
    const few = good.trials.map((t) => ({ ...t, findings: t.number > 20 ? [BOUND] : [] }));
    assert.match(answerOf({ ...good, trials: few }), /fails first$/);
  });

  const cases: readonly (readonly [string, CapacityReport, string])[] = [
    [
      "the generator's limit",
      withResult({ limit: "generator", firstFailing: 1_200 }),
      "This relay takes at least 990 events/s within the objective; at 1,200 the limit is this generator, not the relay",
    ],
    [
      "a generator that could do nothing",
      withResult({ ...isNothing, limit: "generator", firstFailing: 50 }),
      "This generator could not load the relay with 50 events/s: nothing is known of what the relay takes",
    ],
    [
      "--to",
      withResult({ limit: "to", firstFailing: null }),
      "This relay takes at least 990 events/s within the objective, the most that was asked for",
    ],
    [
      "a relay that fails at once",
      withResult({ limit: "below", lastPassing: null, firstFailing: 6.3 }),
      "This relay does not meet the objective even at 6.3 events/s: growth of the backlog fails first",
    ],
    [
      "a death",
      withResult({ limit: "died", firstFailing: 2_000, failedThreshold: null }),
      "This relay died at 2,000 events/s; it takes 990 events/s within the objective",
    ],
    [
      "the budget",
      withResult({ limit: "budget" }),
      "The time was used up: so far this relay takes at least 990 and less than 1,010 events/s within the objective",
    ],
    [
      "Ctrl-C before the first fail",
      withResult({ limit: "interrupted", firstFailing: null }),
      "The search was stopped: so far this relay takes at least 990 events/s within the objective",
    ],
    [
      "the budget where the generator could not do more",
      withResult({ limit: "budget", firstFailing: 1_200, interval: [990, null] }),
      "The time was used up: so far this relay takes at least 990 events/s within the objective; this generator could not load it with 1,200",
    ],
    [
      "Ctrl-C before anything",
      withResult({ ...isNothing, limit: "interrupted" }),
      "The search was stopped: so far this relay was loaded in no trial that counts",
    ],
    [
      "an error",
      withResult({ limit: "failed", failure: "k6 is gone" }),
      "An error ended the search: so far this relay takes at least 990 and less than 1,010 events/s within the objective",
    ],
    [
      "trials that contradict each other",
      withResult({ suspect: "trial 9 passed", interval: [500, 1_600] }),
      "This relay takes at least 500 and less than 1,600 events/s within the objective, and the trials contradict each other",
    ],
    [
      "an estimate",
      { ...withResult({ limit: "to" }), search: { ...good.search, quick: true } },
      "An estimate: this relay takes at least 990 events/s within the objective, the most that was asked for",
    ],
    [
      "an estimate that is not ready",
      { ...withResult({ limit: "budget" }), search: { ...good.search, quick: true } },
      "The time was used up: so far, as an estimate, this relay takes at least 990 and less than 1,010 events/s within the objective",
    ],
    [
      "connections",
      { ...withResult({ limit: "to" }), search: { ...good.search, scale: "clients" } },
      "This relay takes at least 990 connections within the objective, the most that was asked for",
    ],
  ];
  for (const [name, report, sentence] of cases) {
    it(`names ${name}`, () => assert.equal(answerOf(report), sentence));
  }
});

describe("words of thresholds", () => {
  const words: readonly (readonly [string, string, string])[] = [
    ["nostr_publish_response_time: p(99)<1000", "response p99", "1.50 s, limit 1.00 s"],
    [
      "nostr_publish_response_time{event:view}: med<20",
      "response p50 of view",
      "1.50 s, limit 1.00 s",
    ],
    ["nostr_query_time: p(95)<500", "response p95 of queries", "1.50 s, limit 1.00 s"],
    ["nostr_events_timed_out: count==0", "the number of events timed out", "1,500, limit 1,000"],
    ["nostr_relay_rss_bytes: max<5", "nostr_relay_rss_bytes maximum", "1.5 kB, limit 1.0 kB"],
  ];
  for (const [threshold, name, miss] of words) {
    it(`${threshold} is ${name}`, () => {
      assert.equal(wordsOf(threshold, "publish").name, name);
      assert.equal(describeMiss({ threshold, value: 1_500, limit: 1_000 }, "publish"), miss);
    });
  }

  it("says shares in percent, and what had no data", () => {
    assert.equal(
      describeMiss({ threshold: BACKLOG, value: 0.04, limit: 0.01 }, "publish"),
      "4.00 %, limit 1.00 %",
    );
    const failed = "nostr_publish_failed: rate<0.01";
    assert.equal(
      describeMiss({ threshold: failed, value: null, limit: 0.01 }, "publish"),
      "no data, limit 1.00 %",
    );
    assert.equal(wordsOf(failed, "publish").name, "the share of failed events");
  });
});

describe("a capacity as Markdown", () => {
  const rowsOf = (markdown: string) =>
    [...markdown.matchAll(/^\| (\d+) \| (warmup|baseline|probe|narrow|prove) \|.*$/gm)].map(
      ([row]) => row,
    );

  it("has every trial in its order, void ones and why, and split votes", () => {
    const [first, ...rest] = good.trials;
    assert.ok(first);
    const upset: CapacityReport = {
      ...good,
      trials: [
        first,
        trialWith({ number: 2, load: 400, verdict: "void", voidReason: "late sends" }),
        trialWith({
          number: 3,
          load: 400,
          verdict: "fail",
          failed: [{ threshold: BACKLOG, value: 0.04, limit: 0.01 }],
        }),
        ...rest.map((t) => ({ ...t, number: t.number + 2 })),
      ],
    };
    const markdown = renderCapacity(upset);
    const rows = rowsOf(markdown);
    assert.equal(rows.length, good.trials.length + 2);
    assert.match(rows[0] ?? "", /warmup \| 50 \| not judged/);
    assert.match(rows[1] ?? "", /400 \| \*\*void\*\* \| late sends/);
    assert.match(rows[2] ?? "", /\*\*failed\*\* \| growth of the backlog 4.00 %, limit 1.00 %/);
    assert.match(markdown, /\| 400 \| \*\*1 passed, 1 failed, 1 void\*\* \|/);
  });

  it("leads with the sentence, and has proof, baseline, database and the objective", () => {
    const markdown = renderCapacity(good);
    const top = markdown.split("\n## ")[0] ?? "";
    assert.ok(top.includes(answerOf(good)));
    for (const part of [
      "# Capacity of 127.0.0.1:7777: publish",
      "**Proven**. 2026-11-28 12:00 UTC, 24 trials in 17 min",
      "| 20 | 1,010 events/s | **failed** |",
      "| p50 | 2.25 ms | 2.25 ms | +0.00 % |",
      "1.0 MB behind the first trial, 24.0 MB behind the last",
      "- `nostr_publish_response_time: p(99)<1000`",
      "| double | 990 events/s | 1,010 events/s |",
      "--precision 5%",
    ]) {
      assert.ok(markdown.includes(part), part);
    }
  });

  it("says that the relay aged, and names an inversion", () => {
    const baseline = { load: 50, p50: 2, p99: 6, endP50: 3, endP99: 9, change: 0.5 };
    const aged = renderCapacity({ ...good, baseline });
    assert.match(
      aged,
      /\*\*Yes:\*\* p50 at the baseline went from 2.00 ms to 3.00 ms \(\+50.0 %\)/,
    );
    const inverted = withResult({ inversions: [{ trial: 9, passed: 1_130, failed: 1_010 }] });
    assert.match(
      renderCapacity(inverted),
      /trial 9 passed at 1,130 events\/s, above 1,010 events\/s, which failed/,
    );
    assert.doesNotMatch(renderCapacity(good), /inversion/);
  });

  it("labels an estimate", () => {
    const quick = { ...good, search: { ...good.search, quick: true } };
    assert.match(renderCapacity(quick), /^\*\*An estimate, proven in short trials\*\*/m);
    assert.match(renderCapacity(quick), /\*\*As an estimate \(--quick\):\*\*/);
  });
});

/** A search in which a relay said this, wherever a relay's text may get to. */
function withText(text: string): CapacityReport {
  const finding = { id: text, title: text, severity: "major", text } as const;
  const relay = { label: text, address: text, software: text, version: text };
  const trial = (t: Trial): Trial => ({
    ...t,
    seed: text,
    report: text,
    findings: [finding],
    voidReason: text,
    failed: t.verdict === "fail" ? [{ threshold: text, value: 1, limit: 1 }] : [],
    ...(t.load === good.result.firstFailing ? { died: text } : {}),
  });
  const said: CapacityReport = {
    ...withResult({ failedThreshold: text, suspect: text }),
    run: { ...good.run, id: text, scenario: text, relays: [relay], relayNote: text, tool: text },
    config: { relays: [text], options: { [text]: text }, withheld: [text] },
    objective: [text],
    trials: good.trials.map(trial),
  };
  return { ...said, against: said };
}

describe("a capacity with whatever a relay says", () => {
  const tagsOf = (html: string) =>
    [
      ...html
        .replace(assets.script, "")
        .replace(assets.style, "")
        .matchAll(/<\/?[a-z][^>]*>/gi),
    ].map(([tag]) => tag.replace(/aria-label="[^"]*"/, "aria-label"));

  it("has no markup of the text in its HTML", () => {
    const plain = tagsOf(renderCapacityHtml(withText("x"), assets));
    const hostile = fc.array(
      fc.constantFrom("</script>", "<img src=x onerror=y>", '"', "'", "&", "<!--", "a", "\u202e"),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(hostile, (parts) => {
        const html = renderCapacityHtml(withText(parts.join("")), assets);
        assert.deepEqual(tagsOf(html), plain);
      }),
      { numRuns: 25 },
    );
  });

  it("has no mention, link or cell of it in its Markdown, and no control character on a terminal", () => {
    const text = "@admin [a](http://b) | <b>\u001b[2J";
    const markdown = renderCapacity(withText(text));
    assert.doesNotMatch(markdown.replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, ""), /@admin|\[a\]\(|<b>/);
    assert.ok(!renderCapacityTerminal(withText(text), []).includes("\u001b"));
  });
});

describe("a capacity as HTML", () => {
  it("has the sections of the Markdown, and what was not measured by words", () => {
    for (const report of [
      good,
      both,
      withResult(isNothing, { ...good, trials: [], baseline: null, atLimits: [] }),
    ]) {
      const html = renderCapacityHtml(report, assets);
      const headings = [...html.matchAll(/<h2 [^>]*>([^<]*)<\/h2>/g)].map((m) => m[1]);
      assert.deepEqual(
        headings,
        [...renderCapacity(report).matchAll(/^## (.*)$/gm)].map((m) => m[1]),
      );
      const markup = html.replace(assets.script, "").replace(/(id="page-data">)[^<]*/, "$1");
      assert.doesNotMatch(markup, /NaN|undefined|Infinity|\bnull\b|\[object/);
    }
    assert.match(renderCapacityHtml(good, assets), /<p class="verdict good">/);
    assert.match(
      renderCapacityHtml(withResult({ proven: false }), assets),
      /<p class="verdict warn">/,
    );
  });

  it("draws each trial once a chart, void ones apart, at places that rise", () => {
    const { charts } = capacityCharts({
      ...good,
      trials: good.trials.map((t) => (t.number === 9 ? { ...t, verdict: "void" } : t)),
    });
    assert.deepEqual(
      charts.map(({ id, kind }) => `${id} ${kind}`),
      [
        "search points",
        "load-times points",
        "load-done points",
        "load-cpu points",
        "database points",
      ],
    );
    for (const chart of charts) {
      assert.ok(chart.kind === "points");
      assert.equal(new Set(chart.labels).size, good.trials.length);
      assert.ok(
        chart.xs.every((x, i) => i === 0 || x > (chart.xs[i - 1] ?? 0)),
        chart.id,
      );
    }
    const [search, times] = charts;
    assert.ok(search?.kind === "points" && times?.kind === "points");
    const drawn = search.series.filter(({ mark }) => mark !== "line");
    for (const i of search.xs.keys()) {
      assert.equal(drawn.filter(({ values }) => values[i] !== null).length, 1);
    }
    const ring = times.series.find(({ label }) => label === "p99, void");
    assert.deepEqual(
      ring?.values.filter((v) => v !== null),
      [good.trials[8]?.figures.p99],
    );
    const limit = times.series.find(({ mark }) => mark === "line");
    assert.equal(limit?.values[0], 1_000);
  });
});

describe("two capacities", () => {
  it("differ where their intervals don't meet, by at least what is between them", () => {
    const { lastPassing: a, interval } = good.result;
    const { lastPassing: b } = other.result;
    assert.deepEqual([a, b, interval[1], other.result.interval[1]], [990, 680, 1_010, 710]);
    assert.deepEqual(compareCapacities(good, other), {
      kind: "more",
      told: 990 / 680 - 1,
      least: 990 / 710 - 1,
    });
    assert.deepEqual(compareCapacities(other, good), {
      kind: "less",
      told: 680 / 990 - 1,
      least: 1 - 710 / 990,
    });
    assert.deepEqual(compareCapacities(good, good), { kind: "same" });
    const open = withResult({ interval: [990, null] });
    assert.equal(compareCapacities(open, other).kind, "more");
    assert.equal(compareCapacities(other, open).kind, "less");
    assert.equal(compareCapacities(withResult({ suspect: "x" }), other).kind, "unknown");
    assert.equal(compareCapacities(withResult(isNothing), other).kind, "unknown");
  });

  it("are told of in every renderer", () => {
    const sentence =
      "127.0.0.1:7777 takes more than 127.0.0.1:7778: 45.6 % by the loads that held, 39.4 % at least";
    assert.ok(renderCapacity(both).includes(`**${sentence}.**`));
    assert.ok(renderCapacityHtml(both, assets).includes(`<strong>${sentence}.</strong>`));
    assert.ok(renderCapacityTerminal(both, []).includes(sentence));
    assert.match(renderCapacity(both), /\| 800 events\/s \| 1 passed \| 2 failed \|/);
    assert.doesNotMatch(renderCapacity(good), /other relay/);
    assert.equal(capacityCharts(both).charts.at(-1)?.id, "against");
  });
});

describe("a capacity as a gate", () => {
  const exits: readonly (readonly [string, Partial<CapacityResult>, number | null, number])[] = [
    ["a result", {}, null, 0],
    ["what was asked for", {}, 990, 0],
    ["less than was asked for", {}, 991, 99],
    ["a generator's limit below it", { limit: "generator", interval: [990, null] }, 1_500, 3],
    ["a generator's limit above it", { limit: "generator", interval: [990, null] }, 900, 0],
    [
      "an interval around it when the time was up",
      { limit: "budget", interval: [500, 2_000] },
      990,
      3,
    ],
    ["a fail below it when the time was up", { limit: "budget", interval: [500, 800] }, 990, 99],
    ["contradictions from below it on", { suspect: "x", interval: [500, 1_600] }, 990, 99],
    ["no load that held", { limit: "below", lastPassing: null, interval: [0, 6] }, null, 99],
    ["a death", { limit: "died" }, 500, 99],
    ["nothing known", { ...isNothing, limit: "generator", interval: [0, null] }, null, 3],
    ["Ctrl-C", { limit: "interrupted" }, 500, 130],
    ["an error", { limit: "failed", failure: "k6 is gone" }, 500, 1],
  ];
  for (const [name, own, atLeast, code] of exits) {
    it(`exits with ${code} for ${name}`, () => {
      const report = withResult(own);
      assert.equal(capacityExitCode(report, atLeast), code);
      const failed = gateOfCapacity(report, atLeast).some(({ state }) => state === "failed");
      assert.equal(failed, code !== 0);
    });
  }

  it("warns of what is not proven and of ageing, and has findings of the failing trials once", () => {
    const baseline = { load: 50, p50: 2, p99: 6, endP50: 3, endP99: 9, change: 0.5 };
    const items = gateOfCapacity({ ...withResult({ proven: false }), baseline }, 900);
    assert.deepEqual(
      items.map(({ group, name, state }) => `${group} ${state}: ${name}`),
      [
        "verdict warning: the capacity: Not proven",
        "threshold passed: at least 900 events/s",
        "finding warning: The relay aged over the search",
        "finding warning: The relay is bound by one thread",
      ],
    );
  });
});

describe("how to search again", () => {
  it("has the search's own flags, and those of what is loaded", () => {
    const own =
      "--scale rate --from 50 --precision 5% --trial 30 --probe 10 --repeats 3 --budget 1800s";
    assert.ok(
      renderCapacity(good).includes(
        `npx k6-nostr capacity publish --relay ws://127.0.0.1:7777 \\\n  ${own} \\\n  --seed seed-1 \\\n  --header "…"`,
      ),
    );
    const more = searched(undefined, { quick: true, to: 2_000, fresh: true });
    assert.match(
      renderCapacity(more),
      /--quick --scale rate --from 50 --to 2000 .* --fresh trial --empty-by "…"/,
    );
    assert.match(renderCapacity(both), /--against ws:\/\/127\.0\.0\.1:7777/);
  });
});

describe("the time of a search", () => {
  it("is told by what it went into", () => {
    const trials = [
      trialWith({ lengthSec: 30, tookSec: 61, cooledSec: 4, madeSec: 20 }),
      trialWith({ lengthSec: 60, tookSec: 64.6, cooledSec: 0.6 }),
    ];
    assert.match(
      spentText({ trials }),
      /^2:06, of which trials 1:30, signing 0:20, cooling down 0:05; the rest/,
    );
  });

  it("says why the precision was not reached, where it was not", () => {
    const missed = (own: Parameters<typeof withResult>[0]) => missedPrecision(withResult(own));
    const asked = "the precision asked for, 5.00 %, was not reached";
    assert.equal(missed({ limit: "relay" }), null);
    assert.equal(
      missed({ limit: "budget", lastPassing: 800, firstFailing: 1_130 }),
      `${asked}: the bounds are 41.3 % apart`,
    );
    assert.equal(missed({ limit: "budget", firstFailing: null }), `${asked}: nothing failed yet`);
    assert.equal(missed({ limit: "interrupted", lastPassing: null }), `${asked}: no load held yet`);
    assert.equal(
      missed({ limit: "budget" }),
      "the bounds are as near as was asked for, and not proven",
    );
    const page = renderCapacity(
      withResult({ limit: "budget", lastPassing: 800, firstFailing: 1_130 }),
    );
    assert.match(page, /The precision asked for, 5\.00 %, was not reached: .* Its time was \d+:/);
  });
});

describe("a capacity on a terminal", () => {
  it("says sentence, interval, what failed, and counts", () => {
    const text = renderCapacityTerminal(good, ["a.json", "a.md"]);
    for (const line of [
      `capacity    ${answerOf(good)}`,
      "interval    990 events/s to 1,010 events/s, 2.02 % apart",
      "worth       Proven",
      "failed      growth of the backlog (1.49 %, limit 1.00 %)",
      "trials      23 trials: 13 passed, 10 failed, 0 void",
      "findings    1. The relay is bound by one thread (major, in 4 of 4 trials)",
      "reports     a.json\n            a.md",
    ]) {
      assert.ok(text.includes(`${line}\n`), line);
    }
  });
});
