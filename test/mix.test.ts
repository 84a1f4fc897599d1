import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { drawTypes, parseMix } from "../src/events/mix.ts";
import { seededRandom } from "../src/random.ts";

describe("parseMix", () => {
  const accepted: readonly (readonly [text: string, mix: Record<string, number>])[] = [
    ["view:0.9,video:0.1", { video: 0.1, view: 0.9 }],
    ["video:0.1,view:0.9", { video: 0.1, view: 0.9 }],
    [" view : 3 , video : 1e0 ", { video: 1, view: 3 }],
    ["view:1", { view: 1 }],
    ["view:.5", { view: 0.5 }],
  ];
  for (const [text, mix] of accepted) {
    it(`reads \`${text}\``, () => {
      assert.deepEqual(parseMix(text), mix);
      assert.deepEqual(Object.keys(parseMix(text)), Object.keys(mix));
    });
  }

  const refused: readonly (readonly [text: string, problem: RegExp])[] = [
    ["", /has the part ``, expected `<type>:<weight>`/],
    ["view", /has the part `view`/],
    ["view:1,", /has the part ``/],
    ["view:1:2", /names `view:1`, which is no event type/],
    [":1", /has the part `:1`/],
    ["viev:1", /names `viev`, which is no event type/],
    ["__proto__:1", /names `__proto__`/],
    ["view:1,view:2", /names `view` more than once/],
    ["view:0", /gives `view` the weight `0`/],
    ["view:-1", /the weight `-1`/],
    ["view:", /the weight ``/],
    ["view:NaN", /the weight `NaN`/],
    ["view:Infinity", /the weight `Infinity`/],
    ["view:1e999", /the weight `1e999`/],
    ["view:0x10", /the weight `0x10`/],
    ["view:0,9", /the weight `0`/],
  ];
  for (const [text, problem] of refused) {
    it(`refuses \`${text}\` and lists the known types`, () => {
      assert.throws(
        () => parseMix(text),
        (error) =>
          error instanceof ConfigError &&
          problem.test(error.message) &&
          /known types: video, view/.test(error.message),
      );
    });
  }
});

describe("drawTypes", () => {
  it("draws by weight", () => {
    const draw = drawTypes({ video: 1, view: 9 }, seededRandom("seed", "mix"));
    const draws = Array.from({ length: 20_000 }, draw);
    const videos = draws.filter((place) => place === 0).length;
    assert.ok(videos > 1_800 && videos < 2_200, `${videos} of 20000`);
    assert.ok(draws.every((place) => place === 0 || place === 1));
  });

  it("draws the last type at the very top", () => {
    assert.equal(drawTypes({ video: 0.1, view: 0.2 }, () => 1 - Number.EPSILON / 2)(), 1);
  });
});
