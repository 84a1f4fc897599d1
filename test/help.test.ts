/** What `--help` says is true of what the commands do, and names all of it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { presetNames } from "../src/events/presets.ts";
import { runUsage, usage } from "../src/node/commands/help.ts";
import { findScenario, SCENARIO_NAMES } from "../src/node/commands/scenarios.ts";
import { didYouMean } from "../src/node/nearest.ts";
import { OPTIONS } from "../src/plan/options.ts";

const CLI = fileURLToPath(new URL("../bin/k6-nostr.mjs", import.meta.url));
const cli = (...args: readonly string[]) => {
  const { RELAY_URL: _, MIX: __, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { env });
  return { status, stdout: String(stdout), stderr: String(stderr) };
};
const mixLine = (text: string) => /^ {2}--mix .*$/m.exec(text)?.[0] ?? "";

describe("help of run", () => {
  it("has a line for every scenario, whichever was asked for", () => {
    for (const asked of [undefined, ...SCENARIO_NAMES]) {
      const text = runUsage([], asked);
      for (const name of ["publish", "playback"]) {
        assert.match(text, new RegExp(`^  ${name} +\\S.{20}`, "m"), `${asked}: ${name}`);
      }
    }
  });

  it("names every preset", () => {
    const line = /^Presets.*$/m.exec(runUsage([], undefined))?.[0] ?? "";
    for (const name of presetNames) assert.ok(line.includes(name), name);
  });

  it("shows the mix that the scenario has", () => {
    assert.match(mixLine(runUsage([], "publish")), /default view:0\.9,video:0\.1\]/);
    assert.match(mixLine(runUsage([], "playback")), /default playback\]/);
    assert.match(
      mixLine(runUsage([], undefined)),
      /view:0\.9,video:0\.1 \(publish\), playback \(p/,
    );
  });

  it("is right about that mix: the plan of a dry run has it", () => {
    for (const name of SCENARIO_NAMES) {
      const { status, stdout, stderr } = cli(
        ...["run", name, "--dry-run", "--relay", "ws://relay.test:1", "--seed", "1"],
      );
      assert.equal(status, 0, stderr);
      const types =
        findScenario(name)?.mix === "playback" ? /watch-history/ : /video 0\.1|video:0\.1/;
      assert.match(stdout, types, name);
    }
  });
});

describe("the command line", () => {
  it("says its version, which is the package's", () => {
    const { version } = JSON.parse(
      readFileSync(new URL("../package.json", import.meta.url), "utf8"),
    ) as { version: string };
    for (const word of ["--version", "version"]) {
      assert.deepEqual(cli(word), { status: 0, stdout: `k6-nostr ${version}\n`, stderr: "" });
    }
  });

  it("gives the help of a command to `help` as to `--help`", () => {
    const text = cli("run", "playback", "--help").stdout;
    assert.equal(cli("help", "run", "playback").stdout, text);
    assert.equal(cli("help").stdout, usage());
    assert.equal(cli("help", "nothing").status, 2);
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
