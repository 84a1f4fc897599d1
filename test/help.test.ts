/** What `--help` says is true of what the commands do, and names all of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { presetNames } from "../src/events/presets.ts";
import { runUsage, usage } from "../src/node/commands/help.ts";
import { didYouMean } from "../src/node/nearest.ts";
import { describePlan } from "../src/node/run/dry-run.ts";
import { OPTION_NAMES, OPTIONS } from "../src/plan/option-table.ts";
import { collectOptions, hasSay } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { SCENARIO_NAMES } from "../src/plan/scenarios.ts";
import { queryPresets } from "../src/query/catalogue.ts";
import { Lines } from "./cli/lines.ts";

let lines: Lines;
before(() => {
  lines = new Lines();
});
after(() => lines.close());
const cli = (...words: readonly string[]) => {
  const { PATH = "" } = process.env;
  return lines.run({ words, cwd: process.cwd(), environment: { PATH } });
};
const mixLine = (text: string) => /^ {2}--mix .*$/m.exec(text)?.[0] ?? "";

describe("help of run", () => {
  it("has a line for every scenario, whichever was asked for", () => {
    for (const asked of [undefined, ...SCENARIO_NAMES]) {
      const text = runUsage([], asked);
      for (const name of SCENARIO_NAMES) {
        assert.match(text, new RegExp(`^  ${name} +\\S.{20}`, "m"), `${asked}: ${name}`);
      }
    }
  });

  it("names every preset", () => {
    const lines = runUsage([], undefined).match(/^Presets.*$/gm) ?? [];
    for (const name of presetNames) assert.ok(lines[0]?.includes(name), name);
    for (const name of queryPresets) assert.ok(lines[1]?.includes(name), name);
  });

  it("shows what a scenario takes and nothing else, in groups", () => {
    const flagsOf = (text: string) => [...text.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map((m) => m[1]);
    for (const scenario of SCENARIO_NAMES) {
      const own = OPTION_NAMES.filter((name) => hasSay(name, scenario));
      const expected = own.map((name) => OPTIONS[name].flag);
      assert.deepEqual(flagsOf(runUsage([], scenario)), [...expected, "help"], scenario);
    }
    const query = runUsage([], "query");
    assert.match(query, /^Queries\n {2}--query-rate N .* \[QUERY_RATE, default 50\]$/m);
    assert.match(query, /^ {2}--max-in-flight N .*default 8\]$/m);
    assert.match(query, /^Presets of --query-mix: app, /m);
    assert.match(query, /^ {2}--threshold EXPR .*nostr_query_wrong: count==0\]$/m);
    assert.doesNotMatch(query, /Presets of --mix|--rate /);
    const all = runUsage([], undefined);
    assert.equal(flagsOf(all).length, OPTION_NAMES.length + 1);
    assert.match(all, /^ {2}--rate EPS .*\(publish, playback, fanout\) \[RATE_EPS, default 50\]$/m);
    assert.match(all, /^ {2}--max-in-flight N .*default 16; 8 in query\]$/m);
  });

  it("shows the mix that the scenario has", () => {
    assert.match(mixLine(runUsage([], "publish")), /default view:0\.9,video:0\.1\]/);
    assert.match(mixLine(runUsage([], "playback")), /default playback\]/);
    assert.match(
      mixLine(runUsage([], undefined)),
      /default view:0\.9,video:0\.1; playback in playback\]/,
    );
  });

  it("is right about that mix: the plan of a dry run has it", async () => {
    const mixes = {
      publish: /video:0\.1/,
      playback: /watch-history/,
      query: /profiles 20 %/,
      fanout: /topic:100x1/,
      connect: /mode +hold/,
    };
    for (const name of SCENARIO_NAMES) {
      const texts = collectOptions({ relay: "ws://relay.test:1", seed: "1" }, {}, name);
      assert.match(await describePlan(buildPlan(name, texts, "1")), mixes[name], name);
    }
  });
});

describe("the command line", () => {
  it("says its version, which is the package's", async () => {
    const { version } = JSON.parse(
      readFileSync(new URL("../package.json", import.meta.url), "utf8"),
    ) as { version: string };
    for (const word of ["--version", "version"]) {
      assert.deepEqual(await cli(word), { code: 0, stdout: `k6-nostr ${version}\n`, stderr: "" });
    }
  });

  it("gives the help of a command to `help` as to `--help`", async () => {
    const text = (await cli("run", "playback", "--help")).stdout;
    assert.equal((await cli("help", "run", "playback")).stdout, text);
    assert.equal((await cli("help")).stdout, usage());
    assert.equal((await cli("help", "nothing")).code, 2);
  });

  it("proposes what is near, and nothing far-fetched", () => {
    const names = ["run", "report", "compare"];
    assert.equal(didYouMean("rpeort", names), "; did you mean `report`?");
    assert.equal(didYouMean("rn", names), "; did you mean `run`?");
    assert.equal(didYouMean("something-else", names), "");
    const flags = Object.values(OPTIONS).map(({ flag }) => flag);
    assert.equal(
      didYouMean("drrun", flags, (f) => `--${f}`),
      "; did you mean `--dry-run`?",
    );
  });
});
