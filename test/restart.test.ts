/** A relay that a command restarts while a run goes on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planRestart } from "../src/node/run/restart.ts";

describe("a restart", () => {
  const run = async (command: string | undefined, startUnixMs: number | null) => {
    const notes: string[] = [];
    let whenDone: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      whenDone = resolve;
    });
    const restart = planRestart({
      command,
      atSec: 1,
      onNote: (text) => {
        notes.push(text);
        if (notes.length === 2) whenDone();
      },
    });
    restart.observe(null);
    for (let n = 0; n < 3; n++) restart.observe(startUnixMs);
    return { notes, done, restart };
  };

  it("runs once, when its second has come", async () => {
    const { notes, done } = await run("exit 0", Date.now() - 1_000);
    await done;
    assert.match(notes[1] ?? "", /^the command of --restart-relay took \d/);
    assert.equal(notes.length, 2);
  });

  it("that fails is told with what it said", async () => {
    const { notes, done } = await run("echo no such relay >&2; exit 3", Date.now() - 1_000);
    await done;
    assert.match(notes[1] ?? "", /ended with 3: no such relay$/);
  });

  it("is none where the run ends before, or nothing was asked for", async () => {
    for (const [command, start] of [
      ["exit 0", Date.now() + 3_600_000],
      ["exit 0", null],
      [undefined, Date.now() - 1_000],
    ] as const) {
      const { notes, restart } = await run(command, start);
      await restart.close();
      assert.deepEqual(notes, []);
    }
  });
});
