/** A search under the real k6: stopped, resumed, and a gate in the end. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { Journal } from "../../src/node/capacity/journal.ts";
import { checkCapacity } from "../../src/node/load-capacity.ts";
import { EXIT } from "../../src/report/verdict.ts";
import { inPlace, until, withEmbeddedRelay } from "./cli.ts";

it("keeps its trials when it is stopped, and goes on with them", async () => {
  await withEmbeddedRelay((relay) =>
    inPlace(async ({ dir, start, run }) => {
      const args = [
        ...["capacity", "--relay", relay.url, "--clients", "5", "--no-calibrate", "--quick"],
        ...["--from", "20", "--to", "20", "--trial", "4", "--probe", "2", "--cooldown", "0"],
      ];
      const stopped = start(args);
      let said = "";
      stopped.child.stderr?.on("data", (data) => {
        said += String(data);
      });
      await until(() => /trial 2 +baseline .*\[/.test(said));
      stopped.child.kill("SIGINT");
      const first = await stopped.ended;
      assert.equal(first.exitCode, EXIT.interrupted, first.stderr);
      const reports = join(dir, "reports/load-test");
      const kept = await Journal.last(reports);
      assert.deepEqual(kept?.trials.map(({ role }) => role).slice(0, 2), ["warmup", "baseline"]);

      const ended = await run([...args, "--resume", "--at-least", "20"]);
      const last = await Journal.last(reports);
      assert.equal(ended.exitCode, EXIT.ok, `${ended.stdout}\n${ended.stderr}`);
      assert.deepEqual(last?.trials.slice(0, kept?.trials.length), kept?.trials);
      const [, day] = /capacity-report-(\S+)\.json/.exec(ended.stdout) ?? [];
      const text = await readFile(join(reports, `capacity-report-${day}.json`), "utf8");
      const { result, trials, run: about } = checkCapacity(JSON.parse(text), "the report");
      assert.deepEqual(trials, last?.trials);
      assert.equal(about.id, last?.journal.head.id);
      assert.deepEqual([result.limit, result.lastPassing, result.proven], ["to", 20, true]);
      // Each had events of its own: the relay took all that came.
      assert.equal(new Set(trials.map(({ seed }) => seed)).size, trials.length);
      assert.ok(trials.every(({ figures }) => figures.failedShare === 0));
    }),
  );
});
