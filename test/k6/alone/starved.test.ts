/** A generator that gets too little CPU finds itself out, and blames no relay; with room nothing speaks against the same plan. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startRelayProcess } from "../../../src/node/relay/process.ts";
import { EXIT } from "../../../src/report/verdict.ts";
import { type Ended, inPlace, type Place, type Running, until } from "../cli.ts";
import { assertBelieved, isOverloaded } from "../held-up.ts";

const canPin = spawnSync("taskset", ["-c", "0", "true"]).status === 0;
const PINNED = ["-c", "0"];
/** So many others want the core that the generator is given. */
const RIVALS = 6;
/** A busy machine takes room away and never gives any: of so many runs with room the best one counts. */
const MOST_TRIES = 3;
const CLIENTS = 50;

test("a run on one busy core is invalid, and with room it is not", async (t) => {
  if (!canPin) {
    t.skip("there is no taskset here");
    return;
  }
  await inPlace(async (place) => {
    const sink = await startRelayProcess(["--sink"]);
    const load = ["--rate", "4000", "--clients", `${CLIENTS}`, "--duration", "2"];
    const plan = [...load, "--mix", "view:1", "--seed", "s"];
    const args = ["run", "publish", ...plan, "--no-calibrate", "--force"];
    const run = ["--relay", sink.url, "--report-dir", "reports"];
    try {
      const starved = await withRivals(startPinned(place, [...args, ...run]), sink.url);
      const [without] = await place.reports();
      assert.equal(starved.exitCode, EXIT.invalid, `${starved.stdout}\n${starved.stderr}`);
      assert.equal(without?.generator.verdict, "invalid");
      assert.deepEqual(
        without.findings.map(({ id }) => id),
        ["generator-limit"],
      );
      const markdown = await readFile(join(place.dir, "reports/runs", without.run.id, "report.md"));
      assert.match(markdown.toString(), /^# .*\n\n\*\*INVALID/);

      let exitCode: number | null = EXIT.invalid;
      for (let i = 0; i < MOST_TRIES && exitCode === EXIT.invalid; i++) {
        exitCode = (await place.run([...args, ...run])).exitCode;
      }
      if (exitCode === EXIT.invalid && isOverloaded()) {
        t.skip("the machine is overloaded: there was no room");
        return;
      }
      const withRoom = (await place.reports()).at(-1);
      assert.ok(withRoom);
      assert.equal(exitCode, EXIT.ok, withRoom.generator.reasons.join("; "));
      assert.notEqual(withRoom.generator.verdict, "invalid");
      assertBelieved(withRoom);
    } finally {
      await sink.stop();
    }
  });
});

function startPinned(place: Place, args: readonly string[]) {
  const cli = [process.execPath, place.cli, ...args];
  return place.start([...PINNED, ...cli], "taskset");
}

/** They come when the clients connect: before, they would only draw out how long k6 takes to start. */
async function withRivals({ child, ended }: Running, url: string): Promise<Ended> {
  const port = Number(new URL(url).port);
  await until(() => child.exitCode !== null || countOpen(port) > CLIENTS / 5);
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
    return await ended;
  } finally {
    for (const rival of rivals) rival.kill("SIGKILL");
  }
}

/** Open connections to a port of the loopback, by the kernel's table: the remote address, then state 01. */
function countOpen(port: number): number {
  const remote = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} 01 `, "g");
  return readFileSync("/proc/net/tcp", "utf8").match(remote)?.length ?? 0;
}
