import assert from "node:assert/strict";
import { it } from "node:test";
import { publishOf } from "../../src/report/class-report.ts";
import { assertBalanced } from "../faulty-relay/hold.ts";
import { inPlace, pressCtrlC, until, withEmbeddedRelay } from "./cli.ts";

const GENTLE = ["--clients", "20", "--rate", "100", "--no-calibrate", "--report-dir", "reports"];

it("a run that is interrupted writes a partial report that balances", async () => {
  await inPlace((place) =>
    withEmbeddedRelay(async (relay) => {
      const args = ["run", "publish", ...GENTLE, "--duration", "60", "--relay", relay.url];
      const { child, ended } = place.start(args);
      await until(() => relay.stored() > 250);
      pressCtrlC({ child });
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 130, stderr);
      const [report] = await place.reports();
      assert.ok(report);
      assertBalanced(report);
      assert.equal(report.run.complete, false);
      assert.match(report.run.stopReason ?? "", /interrupted/);
      const { accepted, lost } = publishOf(report).totals;
      assert.ok(accepted > 0 && accepted <= relay.stored(), `${accepted} of ${relay.stored()}`);
      // Slices are handed in once a second: what is missing fits into one, at 100 events/s.
      assert.ok(relay.stored() - accepted - lost <= 150, `${relay.stored()}, ${accepted}`);
    }),
  );
});
