import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { drawTypes, formatMix, parseMix } from "../src/events/mix.ts";
import { presetNames } from "../src/events/presets.ts";
import { seededRandom } from "../src/random.ts";

describe("parseMix", () => {
  const accepted: readonly (readonly [text: string, mix: Record<string, number>])[] = [
    ["view:0.9,video:0.1", { video: 0.1, view: 0.9 }],
    ["video:0.1,view:0.9", { video: 0.1, view: 0.9 }],
    [" view : 3 , video : 1e0 ", { video: 1, view: 3 }],
    ["view:1", { view: 1 }],
    ["view:.5", { view: 0.5 }],
    ["view:1, padded:2048 : 3", { "padded:2048": 3, view: 1 }],
    [" view-storm ", { video: 0.01, view: 0.99 }],
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
          /known types: view, video, .*, padded:<bytes>; presets: playback,/.test(error.message),
      );
    });
  }
});

describe("padded", () => {
  for (const text of ["padded:1", "padded:399:1", "padded:2e3:1", "padded::1", "padded:524289:1"]) {
    it(`refuses \`${text}\` and says which sizes there are`, () => {
      assert.throws(() => parseMix(text), {
        name: "ConfigError",
        message: /takes the size of an event from 400 to 524288 bytes; example: `padded:2048:0.1`/,
      });
    });
  }
});

describe("presets", () => {
  for (const name of presetNames) {
    it(`\`${name}\` is a mix, and comes out the same when it is written and read again`, () => {
      const mix = parseMix(name);
      assert.ok(Object.keys(mix).length > 1);
      assert.deepEqual(parseMix(formatMix(mix)), mix);
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
