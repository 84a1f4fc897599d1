import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { endDescendants } from "./bench/descendants.ts";
import { atLeast, atMost } from "./bench/goal.ts";
import { chooseParts, PARTS } from "./bench/parts.ts";

describe("the bench", () => {
  it("says of each goal whether it is met, also where nothing was measured", () => {
    assert.equal(atLeast(0.75, 0.75), "goal ≥ 0.75: met");
    assert.equal(atLeast(0.7, 0.75), "goal ≥ 0.75: MISSED");
    assert.equal(atMost(1_001, 1_000, "B"), "goal ≤ 1,000 B: MISSED");
    assert.equal(atMost(1_000, 1_000, "B"), "goal ≤ 1,000 B: met");
    assert.equal(atMost(Number.NaN, 1), "goal ≤ 1: not measured");
  });

  it("runs what is asked for, by a name or what several begin with", () => {
    assert.deepEqual(chooseParts(["lag-1000", "bare"], false), [PARTS["lag-1000"], PARTS.bare]);
    assert.deepEqual(
      chooseParts(["idle"], false),
      ["idle-1000", "idle-5000", "idle-10000"].map((name) => PARTS[name]),
    );
    assert.throws(() => chooseParts(["idl"], false), /no part `idl`/);
    const left = Object.values(PARTS).filter((part) => !chooseParts([], true).includes(part));
    assert.deepEqual(left, [PARTS.soak]);
    assert.equal(chooseParts([], false).length, Object.keys(PARTS).length);
  });

  it("ends what it started, and what that started", { timeout: 10_000 }, async () => {
    // Its output ends when the last of both does, which is never by themselves.
    const grandchild = `require("node:child_process").spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1e6)"], { stdio: "inherit" })`;
    const child = spawn(process.execPath, ["-e", grandchild], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const closed = once(child, "close");
    endDescendants();
    const [, signal] = await closed;
    assert.equal(signal, "SIGKILL");
  });
});
