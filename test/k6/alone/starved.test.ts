/** A generator that gets too little CPU finds itself out, and blames no relay; the same plan with room does not. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startRelayProcess } from "../../../src/node/relay/process.ts";
import { EXIT } from "../../../src/report/verdict.ts";
import { inPlace, type Place } from "../cli.ts";
import { isOverloaded } from "../held-up.ts";

const canPin = spawnSync("taskset", ["-c", "0", "true"]).status === 0;
const PINNED = ["-c", "0"];
/** So many others want the core that the generator is given. */
const RIVALS = 6;

test("a run on one busy core is invalid, and with room it is not", async (t) => {
  if (!canPin) {
    t.skip("there is no taskset here");
    return;
  }
  await inPlace(async (place) => {
    const sink = await startRelayProcess(["--sink"]);
    const load = ["--rate", "4000", "--clients", "50", "--duration", "2"];
    const plan = [...load, "--mix", "view:1", "--seed", "s"];
    const args = ["run", "publish", ...plan, "--no-calibrate", "--force"];
    const run = ["--relay", sink.url, "--report-dir", "reports"];
    try {
      const free = await place.run([...args, ...run]);
      const starved = await withRivals(() => runPinned(place, [...args, ...run]));
      const [withRoom, without] = await place.reports();
      assert.equal(starved.exitCode, EXIT.invalid, `${starved.stdout}\n${starved.stderr}`);
      assert.equal(without?.generator.verdict, "invalid");
      assert.deepEqual(
        without.findings.map(({ id }) => id),
        ["generator-limit"],
      );
      const markdown = await readFile(join(place.dir, "reports/runs", without.run.id, "report.md"));
      assert.match(markdown.toString(), /^# .*\n\n\*\*INVALID/);
      if (withRoom?.generator.verdict !== "valid" && isOverloaded()) {
        t.skip("the machine is overloaded: there was no room");
        return;
      }
      assert.equal(withRoom?.generator.verdict, "valid", withRoom?.generator.reasons.join("; "));
      assert.equal(free.exitCode, EXIT.ok, free.stderr);
    } finally {
      await sink.stop();
    }
  });
});

function runPinned(place: Place, args: readonly string[]) {
  const cli = [process.execPath, place.cli, ...args];
  return place.run([...PINNED, ...cli], "taskset");
}

async function withRivals<T>(use: () => Promise<T>): Promise<T> {
  const spin = [
    ...PINNED,
    process.execPath,
    "-e",
    "const end = Date.now() + 60e3; while (Date.now() < end);",
  ];
  // Linux shares a core among sessions (sched_autogroup), and k6 has one of its own: all rivals in another
  // would leave it half of the core.
  const rivals = Array.from({ length: RIVALS }, () =>
    spawn("taskset", spin, { stdio: "ignore", detached: true }),
  );
  try {
    return await use();
  } finally {
    for (const rival of rivals) rival.kill("SIGKILL");
  }
}
