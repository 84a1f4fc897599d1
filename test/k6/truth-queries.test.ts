/** Whatever a relay answers to questions, the real k6 counts it as what it was: `k6 run` by hand, on the CLI's bundle. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bundleScripts } from "../../build/bundle.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { shapes } from "../../src/query/catalogue.ts";
import { Corpus } from "../../src/query/corpus.ts";
import { formatQuestion } from "../../src/query/question-line.ts";
import { drawQuestions } from "../../src/query/questions.ts";
import { queryOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import { corpusEvents } from "../corpus-events.ts";
import { assertQueries } from "../faulty-relay/hold-queries.ts";
import { type FaultName, QUERY_FAULTS } from "../faulty-relay/query-faults.ts";
import type { LedgerColumn } from "../faulty-relay/query-ledger.ts";
import { startFaultyRelay } from "../faulty-relay/relay.ts";
import { writeQuestions } from "../k6-world/questions.ts";

const LOAD = {
  ...{ CLIENTS: "4", QUERY_RATE: "60", DURATION_SEC: "2", MAX_IN_FLIGHT: "1" },
  ...{ ACK_TIMEOUT_MS: "500", CORPUS: "600", OWN_COUNTS: "1" },
};

let dir = "";
let k6 = "";
let pool = "";
let corpus = new Corpus([]);
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-truth-queries-"));
  k6 = (await ensureK6({ env: process.env, onNote: () => {} })).path;
  corpus = new Corpus(await corpusEvents(600));
  const mix = Object.fromEntries(shapes.map(({ name }) => [name, 1]));
  const drawn = drawQuestions({ corpus, mix, keys: "zipf", seed: "truth" });
  const names = Object.keys(mix);
  const lines = Array.from({ length: 130 }, () => {
    const question = drawn.next().value;
    return formatQuestion(names.indexOf(question.shape.name), question);
  });
  pool = await writeQuestions(corpus, names, lines);
  await bundleScripts(["k6/query.ts"], dir);
});
after(() => rm(dir, { recursive: true, force: true }));

const table: readonly (readonly [
  what: string,
  faults: readonly FaultName[],
  columns: readonly LedgerColumn[],
])[] = [
  [
    "rows that are wrong, missing or there twice",
    [
      ...(["rightly", "unfiltered", "oldestFirst", "duplicates", "missing", "strayRow"] as const),
      ...(["cappedWithMore", "liveBefore", "eoseTooEarly", "respelled", "countWrong"] as const),
    ],
    ["right", "wrong", "short", "truncated", "duplicate", "notMatching", "foreign", "rowsBehind"],
  ],
  [
    "answers with another end, or none",
    [
      ...(["rightly", "closedBare", "noEose", "closedAsError", "noticeInstead"] as const),
      ...(["closedMidway", "answersNobody", "countNoticed", "cutMidway"] as const),
    ],
    ["right", "closed", "timedOut", "refusedByNotice", "lost"],
  ],
];

describe("the real k6 counts as what it was", () => {
  for (const [what, faults, columns] of table) {
    it(what, async () => {
      const relay = await startFaultyRelay({
        questions: {
          corpus,
          fault: ({ place }) => QUERY_FAULTS[faults[place % faults.length] ?? "rightly"],
        },
      });
      try {
        const report = await runK6(relay.url);
        assertQueries(report, relay.ledger);
        const { totals } = queryOf(report);
        for (const column of columns) assert.ok(totals[column] > 0, column);
      } finally {
        await relay.stop();
      }
    });
  }
});

async function runK6(url: string): Promise<Report> {
  const variables = { ...LOAD, RELAY_URL: url, POOL: pool, RUN_DIR: dir };
  const args = Object.entries(variables).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const { HOME, TMPDIR, PATH } = process.env;
  const env = { ...(HOME ? { HOME } : {}), ...(TMPDIR ? { TMPDIR } : {}), PATH };
  const child = spawn(k6, ["run", "--quiet", ...args, join(dir, "query.js")], { env });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  child.stderr.on("data", (data) => {
    output += data;
  });
  await once(child, "close");
  const text = await readFile(join(dir, "report.json"), "utf8").catch(() => null);
  assert.ok(text !== null, output);
  await rm(join(dir, "report.json"));
  return JSON.parse(text) as Report;
}
