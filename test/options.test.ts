/** The table of options: what has a say where, what wins over what, and what is refused. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { parseConfig } from "../src/node/config-file.ts";
import { OPTION_NAMES, OPTIONS } from "../src/plan/option-table.ts";
import { clip, collectOptions, hasSay, readSwitch } from "../src/plan/options.ts";
import { SCENARIO_NAMES } from "../src/plan/scenarios.ts";

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

describe("collectOptions", () => {
  it("prefers a flag to the environment, and the environment to the default", () => {
    assert.equal(collectOptions({ clients: "3" }, { CLIENTS: "2" }).clients, "3");
    assert.equal(collectOptions({}, { CLIENTS: "2" }).clients, "2");
    assert.equal(collectOptions({}, {}).clients, "1000");
  });

  it("takes a variable that is set to nothing as not set, but a flag as it is", () => {
    assert.equal(collectOptions({}, { CLIENTS: "" }).clients, "1000");
    assert.equal(collectOptions({ clients: "" }, { CLIENTS: "2" }).clients, "");
  });

  it("reads switches from their variables too", () => {
    const texts = collectOptions({}, { AUDIT: "1", NO_CALIBRATE: "1" });
    assert.deepEqual([texts.audit, texts.noCalibrate], ["1", "1"]);
    assert.equal(collectOptions({}, { undefined: "1" }).audit, undefined);
  });

  it("takes the scenario's own default before the one of all", () => {
    assert.equal(collectOptions({}, {}, "publish").mix, "view:0.9,video:0.1");
    assert.equal(collectOptions({}, {}, "playback").mix, "playback");
    assert.equal(collectOptions({}, { MIX: "note:1" }, "playback").mix, "note:1");
    assert.equal(collectOptions({}, {}, "query").maxInFlight, "8");
    assert.equal(collectOptions({}, {}, "publish").maxInFlight, "16");
  });

  it("leaves variables of other scenarios alone, and refuses their flags with where they belong", () => {
    const shared = { RATE_EPS: "fast", MIX: "view:lots", EVENTS: "x", QUERY_RATE: "7", AUDIT: "1" };
    const query = collectOptions({}, shared, "query");
    assert.deepEqual(
      [query.rate, query.mix, query.events, query.audit, query.queryRate],
      [undefined, undefined, undefined, undefined, "7"],
    );
    assert.equal(collectOptions({}, shared, "publish").queryRate, undefined);
    const refused = [
      [
        "query",
        { rate: "5" },
        /^`--rate` has no say in `query`; .* `playback` and `fanout`\n.*`--query-rate`/,
      ],
      ["fanout", { clients: "5" }, /^`--clients` has no say in `fanout`; .*\n.*`--subscribers`/],
      ["connect", { duration: "5" }, /^`--duration` has no say in `connect`; .*\n.*`--hold`/],
      ["query", { mix: "view:1" }, /^`--mix` has no say in `query`; .*\n.*`--query-mix`/],
      [
        "query",
        { audit: "1" },
        /^`--audit` has no say in `query`; it belongs to `publish`, `playback` and `fanout`$/,
      ],
      [
        "publish",
        { "query-rate": "5" },
        /^`--query-rate` has no say in `publish`; it belongs to `query`\n.*`--rate`/,
      ],
      [
        "playback",
        { events: "x" },
        /^`--events` has no say in `playback`; it belongs to `publish`$/,
      ],
    ] as const;
    for (const [scenario, flags, message] of refused) {
      assert.throws(() => collectOptions(flags, {}, scenario), refusal(message));
    }
  });

  it("gives every scenario a relay, a rate of what leads, and a say in nothing of the others", () => {
    assert.deepEqual(
      SCENARIO_NAMES.map((name) => [
        name,
        hasSay("relay", name),
        hasSay("rate", name),
        hasSay("queryRate", name),
      ]),
      [
        ["publish", true, true, false],
        ["playback", true, true, false],
        ["query", true, false, true],
        ["fanout", true, true, false],
        ["connect", true, false, false],
      ],
    );
  });

  it("gives every option a flag and a variable of its own", () => {
    const rows = Object.values(OPTIONS);
    assert.equal(new Set(rows.map((row) => row.flag)).size, rows.length);
    const variables = rows.flatMap((row) => row.variable ?? []);
    assert.equal(new Set(variables).size, variables.length);
  });
});

describe("readSwitch", () => {
  const table = [
    ["1", true],
    ["true", true],
    ["YES", true],
    ["on", true],
    ["0", false],
    ["False", false],
    ["no", false],
    ["off", false],
    ["", false],
  ] as const;
  for (const [text, value] of table) {
    it(`takes \`${text}\` as ${value}`, () => {
      assert.equal(readSwitch({ allowPrivate: text }, "allowPrivate"), value);
    });
  }
  it("is off when it is not given, and refuses anything else", () => {
    assert.equal(readSwitch({}, "allowPrivate"), false);
    const refused = refusal(/^ALLOW_PRIVATE \(--allow-private\) must be 1 or 0, got `2`$/);
    assert.throws(() => readSwitch({ allowPrivate: "2" }, "allowPrivate"), refused);
  });
});

describe("clip", () => {
  it("cuts what is long and keeps what is short", () => {
    assert.equal(clip("short"), "short");
    assert.equal(clip("x".repeat(61)), `${"x".repeat(57)}…`);
  });

  it("shows nothing of what looks like a key", () => {
    const hex = "0123456789ABCDEF".repeat(4);
    for (const key of ["nsec1qqq", " NSEC1QQQ", "my ncryptsec1qqq", hex, `x${hex}x`]) {
      assert.equal(clip(key), "(looks like a key; not shown)");
    }
  });
});

describe("docs/options.md", () => {
  const page = readFileSync(new URL("../docs/options.md", import.meta.url), "utf8");
  const cell = (text: string) => text.replaceAll("|", "\\|");

  it("has a row for every option, as the table has it, under its group", () => {
    const expected = OPTION_NAMES.map((name) => {
      const { group, flag, value, variable, defaultIn, scenarios, help, ...row } = OPTIONS[name];
      const others = Object.entries(defaultIn).map(([where, text]) => `${text} in ${where}`);
      const defaults = [...(row.default === undefined ? [] : [row.default]), ...others].join("; ");
      const shown = value === undefined ? `--${flag}` : `--${flag} ${value}`;
      const cells = [
        `\`${cell(shown)}\``,
        variable === undefined ? "" : `\`${variable}\``,
        defaults,
        scenarios?.join(", ") ?? "all",
        cell(help),
      ];
      return [group, `| ${cells.join(" | ")} |`];
    });
    const found = page
      .split(/^### /m)
      .slice(1)
      .flatMap((part) =>
        (part.match(/^\| `--.*$/gm) ?? []).map((row) => [part.split("\n")[0], row]),
      );
    assert.deepEqual(found, expected);
  });

  it("has an example of --config that is one", () => {
    const [, json = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    const { flags, scenario } = parseConfig(JSON.parse(json), "docs/options.md");
    assert.equal(scenario, "query");
    assert.equal(collectOptions(flags, {}, "query").queryRate, "100");
  });
});
