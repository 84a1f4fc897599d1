/** What would differ from instance to instance must be given; all of it is refused before anything is sent. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { run } from "../src/node/commands/run.ts";
import { share } from "../src/node/commands/share.ts";
import { OPTIONS } from "../src/plan/option-table.ts";
import { openingMs, readStartAt } from "../src/plan/start.ts";
import { planOf } from "./fixtures/reports/run.ts";

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);
const RELAY = ["--relay", "ws://127.0.0.1:1"];
const TWO = [...RELAY, "--instances", "2"];
for (const { variable } of Object.values(OPTIONS)) if (variable) delete process.env[variable];

describe("share", () => {
  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "a plan for one",
      ["publish", ...RELAY, "--seed", "7"],
      /give INSTANCES .* or use `k6-nostr run`/,
    ],
    ["no number of its own", ["publish", ...TWO, "--seed", "7"], /^INSTANCE .* from 0 to 1$/],
    ["another's number", ["publish", ...TWO, "--instance", "2", "--seed", "7"], /from 0 to 1/],
    [
      "no seed",
      ["publish", ...TWO, "--instance", "1"],
      /^SEED .* each instance would draw its own/,
    ],
    [
      "a corpus that each would learn",
      ["query", ...TWO, "--instance", "1", "--corpus", "relay"],
      /^CORPUS/,
    ],
    [
      "events of now, where now is when each begins",
      ["publish", ...TWO, "--instance", "1", "--seed", "7", "--epoch", "now"],
      /^EPOCH .* needs START_AT/,
    ],
    [
      "a start that is no time",
      ["publish", ...TWO, "--instance", "1", "--seed", "7", "--start-at", "1767225600"],
      /^START_AT .* 13 digits/,
    ],
    [
      "a relay that no run may load",
      ["publish", "--relay", "ws://8.8.8.8", "--instances", "2", "--instance", "1", "--seed", "7"],
      /refused `8\.8\.8\.8:80`/,
    ],
  ];
  for (const [what, args, reason] of refused) {
    it(`refuses ${what}`, () => assert.rejects(share(args), refusal(reason)));
  }

  it("is what `run` sends people to who ask for several", () =>
    assert.rejects(run(["publish", ...TWO]), refusal(/^INSTANCES .* `k6-nostr share`/)));
});

describe("the agreed start", () => {
  it("is Unix ms or nothing", () => {
    assert.equal(readStartAt(undefined), null);
    assert.equal(readStartAt(""), null);
    assert.equal(readStartAt("1767225600000"), 1_767_225_600_000);
    for (const bad of ["now", "0", "1767225600", "17672256000000", "1767225600000.5"]) {
      assert.throws(() => readStartAt(bad), refusal(/^START_AT/));
    }
  });

  it("has connections opened before, the more there are the earlier, and not so early that they are idle", () => {
    assert.equal(openingMs(planOf()), 3_200);
    assert.equal(openingMs(planOf({ CLIENTS: "5000" })), 23_000);
    assert.equal(openingMs(planOf({ CLIENTS: "20000" })), 45_000);
    // 1,050 of them, and 1,000 subscriptions that have to get an event.
    assert.equal(openingMs(planOf({}, "fanout")), 11_200);
  });
});
