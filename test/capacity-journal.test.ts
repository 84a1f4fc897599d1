import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Journal, type JournalHead } from "../src/node/capacity/journal.ts";
import { searchToGoOn } from "../src/node/capacity/resume.ts";
import { readCooldown, readSettings } from "../src/node/capacity/settings.ts";
import { SETTINGS } from "./capacity-model.ts";
import { trialWith } from "./capacity-trial.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-journal-"));
});
after(() => rm(dir, { recursive: true }));

const head = (id: string): JournalHead => ({
  id,
  startedAt: "2026-11-28T12:00:00.000Z",
  scenario: "publish",
  seed: "1",
  config: { relays: ["127.0.0.1:7777"], options: {}, withheld: [] },
  settings: SETTINGS,
});

describe("the trials of a search on disk", () => {
  it("are there as they were when it goes on, the newest search first", async () => {
    assert.equal(await Journal.last(dir), null);
    const old = await Journal.begin(dir, head("20261128T110000Z-aaaaaa"));
    await old.append(trialWith({ number: 1 }));
    const journal = await Journal.begin(dir, head("20261128T120000Z-bbbbbb"));
    const trials = [trialWith({ number: 1 }), trialWith({ number: 2, load: 200, verdict: "fail" })];
    for (const trial of trials) await journal.append(trial);
    const last = await Journal.last(dir);
    assert.deepEqual(last?.trials, trials);
    assert.deepEqual(last?.journal.head, head("20261128T120000Z-bbbbbb"));
    await last?.journal.append(trialWith({ number: 3 }));
    assert.deepEqual(
      (await Journal.last(dir))?.trials.map(({ number }) => number),
      [1, 2, 3],
    );
  });

  it("lose no whole line by one that was cut off", async () => {
    const journal = await Journal.begin(dir, head("20261128T130000Z-cccccc"));
    await journal.append(trialWith({ number: 1 }));
    await appendFile(join(journal.dir, "trials.jsonl"), '{"number":2,"ro\n');
    await journal.append(trialWith({ number: 2 }));
    assert.deepEqual(
      (await Journal.last(dir))?.trials.map(({ number }) => number),
      [1, 2],
    );
  });

  it("have room kept for them, which is given back at the end", async () => {
    const journal = await Journal.begin(dir, head("20261128T140000Z-dddddd"));
    const kept = await readFile(join(journal.dir, ".reserve"));
    assert.ok(kept.length >= 1_000_000);
    await journal.giveRoom();
    assert.deepEqual(await readdir(journal.dir), ["trials.jsonl"]);
  });
});

describe("a search that goes on", () => {
  const going = { scenario: "publish", settings: SETTINGS, isScaleGiven: true, isNamed: false };
  const { config } = head("");
  const begin = async (name: string, own: Partial<JournalHead> = {}) => {
    const at = join(dir, name);
    await Journal.begin(at, { ...head("20261128T120000Z-eeeeee"), ...own });
    return at;
  };

  it("is the newest of its folder, whichever seed was drawn", async () => {
    const at = await begin("same", { isOfTwo: false });
    const drawn = { ...config, options: { seed: "another" } };
    const { journal, trials } = await searchToGoOn({ ...going, dir: at }, drawn);
    assert.deepEqual([journal.head.seed, trials], ["1", []]);
  });

  it("is refused where it is another one", async () => {
    const at = await begin("other", { isOfTwo: false });
    const others = [
      [{ scenario: "query" }, config],
      [{ settings: { scale: "clients" as const } }, config],
      [{}, { ...config, relays: ["127.0.0.1:7778"] }],
      [{}, { ...config, options: { clients: "5" } }],
    ] as const;
    for (const [own, of] of others) {
      await assert.rejects(
        searchToGoOn({ ...going, dir: at, ...own }, of),
        /newest search in .* is another one \(`publish --scale rate`, 127\.0\.0\.1:7777\)/,
      );
    }
    // What is not said is as it was.
    const unsaid = {
      ...going,
      dir: at,
      settings: { scale: "clients" as const },
      isScaleGiven: false,
    };
    assert.equal((await searchToGoOn(unsaid, config)).journal.head.settings.scale, "rate");
    await assert.rejects(
      searchToGoOn({ ...going, dir: join(dir, "none") }, config),
      /there is no search in/,
    );
  });

  it("has its second relay again, or none as before", async () => {
    const two = await begin("two", { isOfTwo: true });
    const one = await begin("one", { isOfTwo: false });
    const of = (at: string, isNamed: boolean) =>
      searchToGoOn({ ...going, dir: at, isNamed }, config);
    await assert.rejects(of(two, false), /has a second relay: give it with --against again/);
    await assert.rejects(of(one, true), /has no second relay: leave --against out, or begin anew/);
    assert.equal((await of(two, true)).journal.head.isOfTwo, true);
    assert.equal((await of(await begin("before"), true)).journal.head.isOfTwo, undefined);
  });
});

describe("the flags of a search", () => {
  it("are those of a quarter of an hour, or of an estimate", () => {
    const { from, to, precision, trialSec, probeSec, proveSec, repeats, budgetSec, quick } =
      readSettings({}, "publish");
    assert.deepEqual([from, to, precision, trialSec, probeSec], [50, null, 0.05, 30, 10]);
    assert.deepEqual([proveSec, repeats, budgetSec, quick], [60, 3, 1_800, false]);
    const estimate = readSettings({ quick: "1", precision: "20%" }, "query");
    assert.deepEqual(
      [estimate.scale, estimate.precision, estimate.quick],
      ["query-rate", 0.2, true],
    );
    assert.ok(estimate.budgetSec <= 240);
    assert.equal(readSettings({ budget: "2h" }, "publish").budgetSec, 7_200);
    assert.deepEqual([undefined, "auto", "0", "7"].map(readCooldown), [null, null, 0, 7]);
  });

  it("refuse what no search can be made of", () => {
    const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
      [
        { scale: "query-rate" },
        /--scale of `publish` must be `rate` or `clients`, got `query-rate`/,
      ],
      [{ scale: "fanout" }, /got `fanout`/],
      [{ from: "0" }, /--from must be a number above 0/],
      [{ from: "100", to: "50" }, /--to must be at least --from \(100\)/],
      [{ scale: "clients", from: "2.5" }, /whole numbers/],
      [{ precision: "5" }, /percentage as `5%`/],
      [{ precision: "1%" }, /a precision of 1 % is more than trials of 30 s can tell/],
      [{ repeats: "2" }, /--repeats must be 1, 3, 5, 7 or 9/],
      [{ budget: "soon" }, /--budget must be a time/],
      [{ trial: "x" }, /--trial must be a number above 0/],
    ];
    for (const [flags, message] of wrong) {
      assert.throws(() => readSettings(flags, "publish"), message, JSON.stringify(flags));
    }
  });
});
