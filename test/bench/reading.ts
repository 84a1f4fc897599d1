/** Rows that the query driver reads, with each check, beside the least that a k6 script can do: count frames. */
import { join } from "node:path";
import { makeQuestions } from "../../src/node/calibrate/look-alike-questions.ts";
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { queryOf } from "../../src/report/class-report.ts";
import { runBare, withRows } from "./bare.ts";
import { atLeast, notes } from "./goal.ts";
import { median, type Rig, runScript } from "./k6-run.ts";
import type { Print } from "./row.ts";

const ROWS_AN_ANSWER = 500;
/** As the bare script has it: two VUs with eight sockets each, one question at a time. */
const LOAD = {
  CLIENTS: "16",
  MAX_IN_FLIGHT: "1",
  QUERY_RATE: "600",
  DURATION_SEC: "5",
  CORPUS: String(ROWS_AN_ANSWER),
  // As in a run by the CLI.
  GOGC: String(garbageTarget(16)),
  GOMEMLIMIT: memoryLimit(16),
};
const QUESTIONS = 4_000;
const FORMS = ["off", "counts", "rows"] as const;
/** With all checks on, of what a bare script reads. */
const GOAL = 0.7;

export async function benchReading(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const pool = join(rig.dir, "questions");
  await makeQuestions(pool, QUESTIONS, ROWS_AN_ANSWER);
  const bare: number[] = [];
  const ours = new Map(FORMS.map((form) => [form, [] as number[]]));
  await withRows({ ...rig, pool }, async (reading) => {
    for (let i = 0; i < repetitions; i++) {
      bare.push((await runBare(reading, "read", {})).perSecond);
      for (const form of FORMS) ours.get(form)?.push(await readRows(reading, form));
    }
  });
  print("bare read, rows of 900 B", rowsPerSecond(median(bare)));
  for (const [form, figures] of ours) {
    const share = median(figures) / median(bare);
    const note = `${share.toFixed(2)} of bare`;
    print(
      `ours, --verify ${form}`,
      rowsPerSecond(median(figures)),
      form === "rows" ? notes(note, atLeast(share, GOAL)) : note,
    );
  }
}

async function readRows(rig: Rig, form: string): Promise<number> {
  const { report } = await runScript(rig, "query", { ...LOAD, VERIFY: form });
  const { totals } = queryOf(report);
  if (form !== "off" && totals.right !== totals.eose) throw new Error("an answer was not right");
  return totals.rows / report.run.durationSec;
}

function rowsPerSecond(n: number): string {
  return `${n.toFixed(0)} rows/s`;
}
