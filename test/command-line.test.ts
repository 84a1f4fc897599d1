import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { type FlagRow, parseCommandLine } from "../src/node/command-line.ts";
import { OPTIONS } from "../src/plan/option-table.ts";

const rows: readonly FlagRow[] = [...Object.values(OPTIONS), { flag: "help", help: "show this" }];
const parse = (...args: readonly string[]) => parseCommandLine(args, rows);

describe("parseCommandLine", () => {
  it("takes no other name for a folder where there is none, or more than one", () => {
    const dir: FlagRow = { flag: "dir", value: "DIR", help: "" };
    const out: FlagRow = { flag: "out", value: "DIR", help: "" };
    assert.deepEqual(parseCommandLine(["--report-dir", "a"], [dir]).flags, { dir: "a" });
    assert.throws(() => parseCommandLine(["--report-dir", "a"], [dir, out]), /unknown flag/);
    assert.throws(() => parseCommandLine(["--dir", "a"], []), /unknown flag `--dir`/);
  });

  const accepted: readonly (readonly [
    args: readonly string[],
    flags: Record<string, string>,
    words?: readonly string[],
  ])[] = [
    [[], {}],
    [["publish"], {}, ["publish"]],
    [["publish", "--rate", "5", "more"], { rate: "5" }, ["publish", "more"]],
    [["--rate=5"], { rate: "5" }],
    [["--rate=-5"], { rate: "-5" }],
    [["--dry-run"], { "dry-run": "1" }],
    [["--dry-run", "publish"], { "dry-run": "1" }, ["publish"]],
    [["--no-calibrate"], { "no-calibrate": "1" }],
    [["--", "--rate"], {}, ["--rate"]],
    // Of a flag that is repeated the last text holds, whole.
    [["--rate", "5", "--rate", "6"], { rate: "6" }],
    [["--rate", "1,5"], { rate: "1,5" }],
    [["--report-dir", "a,b"], { "report-dir": "a,b" }],
    [["--dry-run", "--dry-run"], { "dry-run": "1" }],
    // The folder that is written has one flag of its own in each command, and any of three names.
    [["--dir", "a"], { "report-dir": "a" }],
    [["--out=a"], { "report-dir": "a" }],
    [["--out", "a", "--report-dir", "b"], { "report-dir": "b" }],
    [["--", "--dir"], {}, ["--dir"]],
    // These add up.
    [["--relay", "ws://a", "--relay", "ws://b"], { relay: "ws://a,ws://b" }],
    [["--mix", "view:1", "--mix", "video:1"], { mix: "view:1,video:1" }],
    [["--query-mix", "home:1", "--query-mix", "ids:2"], { "query-mix": "home:1,ids:2" }],
    [
      ["--threshold", "a: p(95)<1, max<2", "--threshold", "b: rate<1"],
      { threshold: "a: p(95)<1, max<2;b: rate<1" },
    ],
  ];
  for (const [args, flags, words = []] of accepted) {
    it(`reads \`${args.join(" ")}\``, () => assert.deepEqual(parse(...args), { flags, words }));
  }

  const refused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["--cliets", "5"], /^unknown flag `--cliets`; did you mean `--clients`\?\n.*--help/],
    [["--dryrun"], /did you mean `--dry-run`\?/],
    [["--treshold=x"], /^unknown flag `--treshold`; did you mean `--threshold`\?/],
    [["--entirely-different"], /^unknown flag `--entirely-different`\n/],
    [["-x"], /^unknown flag `-x`/],
    [["--clients"], /^`--clients` needs a value: --clients N$/],
    [["--clients", "--rate", "5"], /^`--clients` needs a value: --clients N$/],
    [["--dry-run=1"], /^`--dry-run` takes no value$/],
    [["--no-rate"], /^unknown flag `--no-rate`/],
    [["--constructor", "x"], /^unknown flag `--constructor`/],
    [["--__proto__", "x"], /^unknown flag `--__proto__`/],
  ];
  for (const [args, message] of refused) {
    it(`refuses \`${args.join(" ")}\``, () => {
      assert.throws(
        () => parse(...args),
        (error) => error instanceof ConfigError && message.test(error.message),
      );
    });
  }
});
