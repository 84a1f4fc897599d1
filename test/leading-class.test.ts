import assert from "node:assert/strict";
import { it } from "node:test";
import { leadingOf, queryOf } from "../src/report/class-report.ts";
import { buildOf } from "./fixtures/reports/run.ts";

it("the class that leads is the scenario's, whichever others have a schedule", () => {
  const report = buildOf();
  const query = queryOf(report);
  const classes = { ...report.classes, query };
  const of = (scenario: string) => leadingOf({ classes, run: { scenario } }).name;
  assert.deepEqual(["publish", "playback", "query", "of another version"].map(of), [
    "publish",
    "publish",
    "query",
    "publish",
  ]);
});
