/** Searches of two relays in turn, and relays that are emptied before each trial. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { SearchSettings } from "../src/capacity/result.ts";
import { Interrupted } from "../src/errors.ts";
import { parseRelayUrls } from "../src/guard/relay-url.ts";
import { emptyRelay } from "../src/node/capacity/empty.ts";
import { Journal, type JournalHead } from "../src/node/capacity/journal.ts";
import { carryOutSearches, type Side } from "../src/node/capacity/search-run.ts";
import { readFresh } from "../src/node/capacity/settings.ts";
import { Stock } from "../src/node/capacity/stock.ts";
import type { carryOutTrial } from "../src/node/capacity/trial.ts";
import { collectOptions } from "../src/plan/options.ts";
import { compareCapacities } from "../src/report/capacity/compare.ts";
import { renderCapacityTerminal } from "../src/report/capacity/terminal.ts";
import { bucket, linesOf, SETTINGS } from "./capacity-model.ts";
import { searched } from "./capacity-searched.ts";
import { trialWith } from "./capacity-trial.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-sides-"));
});
after(() => rm(dir, { recursive: true }));

const notes: string[] = [];
const terminal = { note: (line: string) => notes.push(line), status: () => {}, clear: () => {} };

async function sideOf(
  name: string,
  signal = new AbortController().signal,
  own: Partial<SearchSettings> = { to: 400 },
): Promise<Side> {
  const texts = collectOptions({ relay: `ws://${name}:7777` }, {});
  const settings = { ...SETTINGS, from: 100, ...own };
  const head: JournalHead = {
    ...{ id: `search-${name}`, startedAt: "2026-11-28T12:00:00.000Z", scenario: "publish" },
    ...{ seed: "1", config: { relays: [name], options: {}, withheld: [] }, settings },
  };
  return {
    journal: await Journal.begin(join(dir, name), head),
    before: [],
    run: {
      ...{ scenario: "publish", texts, seed: "1", cores: 2, settings, cooldownSec: 0 },
      ...{
        stock: new Stock({ isReused: false }),
        emptyBy: null,
        of: ` of ${name}`,
        terminal,
        signal,
      },
      // What carries trials out here needs none.
      prepared: undefined as never,
    },
  };
}

/** Takes 995/s at `a` and 180/s at `b`; `act` is called before each trial. */
function inTurn(order: string[], act: (relay: string, number: number) => void = () => {}) {
  const models = { a: bucket(() => 995), b: bucket(() => 180) };
  const carryOut: typeof carryOutTrial = async ({ texts }, asked) => {
    const relay = /ws:\/\/(.)/.exec(texts.relay ?? "")?.[1] === "a" ? "a" : "b";
    order.push(relay);
    act(relay, asked.number);
    const trial = trialWith({
      ...asked,
      failed: [],
      ...models[relay](asked),
      tookSec: asked.lengthSec,
    });
    const found = { cpuPercent: null, lookMs: null };
    return { trial, cooled: { cooledSec: 0, aged: false, found } };
  };
  return carryOut;
}

describe("two relays in one search", () => {
  it("are tried in turn, in an order that is reversed from round to round, each to its own end", async () => {
    const order: string[] = [];
    const sides = [await sideOf("a"), await sideOf("b")];
    const [a, b] = await carryOutSearches(sides, inTurn(order));
    assert.equal(order.join("").slice(0, 12), "abbaabbaabba");
    assert.deepEqual([a?.result.lastPassing, a?.result.limit], [400, "to"]);
    assert.equal(b?.result.limit, "relay");
    assert.ok(Math.abs((b?.result.lastPassing ?? 0) / 180 - 1) <= SETTINGS.precision);
    assert.equal(linesOf(a?.trials ?? []), "w100p b100p p200p p400p p400p p400p p400p b100p");
    assert.equal(order.length, (a?.trials.length ?? 0) + (b?.trials.length ?? 0));
    for (const [name, found] of [
      ["a", a],
      ["b", b],
    ] as const) {
      assert.deepEqual((await Journal.last(join(dir, name)))?.trials, found?.trials);
    }
    assert.match(notes[0] ?? "", /^trial 1 +warmup +100 events\/s of a: not judged/);
  });

  it("come to the end of both, each with its own result, and the difference is said", async () => {
    const { signal } = new AbortController();
    const sides = [await sideOf("a", signal, {}), await sideOf("b", signal, {})];
    const found = await carryOutSearches(sides, inTurn([]));
    const [a, b] = found.map(({ result, trials }) => ({
      ...searched(),
      trials,
      result,
    }));
    assert.ok(a !== undefined && b !== undefined);
    for (const [report, takes] of [
      [a, 995],
      [b, 180],
    ] as const) {
      const { lastPassing, limit, proven, suspect } = report.result;
      assert.ok(Math.abs((lastPassing ?? 0) / takes - 1) <= 0.05, `${lastPassing} of ${takes}`);
      assert.deepEqual([limit, proven, suspect], ["relay", true, null]);
    }
    const least = (a.result.lastPassing ?? 0) / (b.result.firstFailing ?? 1) - 1;
    const difference = compareCapacities(a, b);
    assert.deepEqual(difference, {
      kind: "more",
      least,
      told: (a.result.lastPassing ?? 0) / (b.result.lastPassing ?? 1) - 1,
    });
    const other = { ...b, config: { ...b.config, relays: ["127.0.0.1:7778"] } };
    assert.match(
      renderCapacityTerminal({ ...a, against: other }, []),
      /^compared {4}127\.0\.0\.1:7777 takes more than 127\.0\.0\.1:7778: \d+\.\d % by the loads that held/m,
    );
  });

  it("go on where they were stopped, and come to the same", async () => {
    const whole = await carryOutSearches([await sideOf("a"), await sideOf("b")], inTurn([]));
    const stopping = new AbortController();
    const stopped = [await sideOf("a", stopping.signal), await sideOf("b", stopping.signal)];
    await carryOutSearches(
      stopped,
      inTurn([], (relay, number) => {
        if (relay === "b" && number === 6) stopping.abort();
        if (stopping.signal.aborted) throw new Interrupted("interrupted");
      }),
    );
    const resumed = await Promise.all(
      ["a", "b"].map(async (name): Promise<Side> => {
        const last = await Journal.last(join(dir, name));
        assert.ok(last !== null && last.trials.length >= 5);
        return { ...(await sideOf(name)), journal: last.journal, before: last.trials };
      }),
    );
    const found = await carryOutSearches(resumed, inTurn([]));
    assert.deepEqual(
      found.map(({ trials, result }) => [linesOf(trials), result]),
      whole.map(({ trials, result }) => [linesOf(trials), result]),
    );
  });

  it("end both with an error of one, which is named as what it was, with what was found so far", async () => {
    const sides = [await sideOf("a"), await sideOf("b")];
    const found = await carryOutSearches(
      sides,
      inTurn([], (relay, number) => {
        if (relay === "b" && number === 4) throw new Error("k6 is gone\nand more");
      }),
    );
    for (const { result } of found) {
      assert.deepEqual([result.limit, result.failure], ["failed", "k6 is gone"]);
    }
    assert.deepEqual(
      found.map(({ result }) => result.lastPassing),
      [200, 100],
    );
  });

  it("are stopped by a person, and not by an error, where both come together", async () => {
    const stop = new AbortController();
    const [found] = await carryOutSearches(
      [await sideOf("a", stop.signal)],
      inTurn([], (_, number) => {
        if (number < 3) return;
        stop.abort();
        throw new Error("k6 was killed");
      }),
    );
    assert.deepEqual([found?.result.limit, found?.result.failure], ["interrupted", undefined]);
  });
});

describe("a relay that is emptied before each trial", () => {
  const relays = parseRelayUrls("ws://127.0.0.1:7777");
  const { signal } = new AbortController();

  it("is emptied by the user's command, which knows which relay it is", async () => {
    await emptyRelay('test "$RELAY_URL" = "ws://127.0.0.1:7777/"', { relays }, signal);
    await assert.rejects(
      emptyRelay("echo no such store >&2; exit 4", { relays }, signal),
      /^Error: the command of --empty-by ended with code 4: no such store$/,
    );
    await assert.rejects(
      emptyRelay("sleep 9", { relays }, AbortSignal.abort()),
      /interrupted while the relay was emptied/,
    );
  });

  it("needs such a command, and a command needs it", () => {
    assert.equal(readFresh({}), null);
    assert.equal(readFresh({ fresh: "off" }), null);
    assert.equal(readFresh({ fresh: "trial", "empty-by": "x" }), "x");
    assert.throws(() => readFresh({ fresh: "trial" }), /--fresh trial needs --empty-by COMMAND/);
    assert.throws(() => readFresh({ "empty-by": "x" }), /--empty-by is for --fresh trial/);
    assert.throws(() => readFresh({ fresh: "always" }), /must be `off` or `trial`, got `always`/);
  });
});
