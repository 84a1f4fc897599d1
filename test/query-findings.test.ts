/** What the findings say of a relay that answers questions badly: in virtual time, where only it is at fault. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { shapes } from "../src/query/catalogue.ts";
import { Corpus } from "../src/query/corpus.ts";
import { formatQuestion } from "../src/query/question-line.ts";
import { drawQuestions } from "../src/query/questions.ts";
import { corpusEvents } from "./corpus-events.ts";
import { type Fault, QUERY_FAULTS } from "./faulty-relay/query-faults.ts";
import type { Question } from "./faulty-relay/questions.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { writeQuestions } from "./k6-world/questions.ts";
import { runScenario } from "./k6-world/run.ts";

const LOAD = {
  ...{ CLIENTS: "4", QUERY_RATE: "100", DURATION_SEC: "2", ACK_TIMEOUT_MS: "6000" },
  ...{ CORPUS: "300", CORES: "1", OWN_COUNTS: "1" },
};
const { rightly } = QUERY_FAULTS;

let corpus = new Corpus([]);
let pool = "";

before(async () => {
  corpus = new Corpus(await corpusEvents(300));
  const names = shapes.map(({ name }) => name);
  const mix = Object.fromEntries(names.map((name) => [name, 1]));
  const questions = drawQuestions({ corpus, mix, keys: "uniform", seed: "findings" });
  const lines = Array.from({ length: 200 }, () => {
    const question = questions.next().value;
    return formatQuestion(names.indexOf(question.shape.name), question);
  });
  pool = await writeQuestions(corpus, names, lines);
});

async function find(fault: (question: Question) => Fault) {
  const { relay } = misbehave(() => [], { corpus, fault });
  const { report } = await runScenario(pool, LOAD, relay, { scenario: "query" });
  return report.findings.filter(({ severity }) => severity !== "info");
}

const always = (fault: Fault) => () => fault;
const where = (isMeant: (question: Question) => boolean, fault: Fault) => (question: Question) =>
  isMeant(question) ? fault : rightly;
const isBy =
  (member: string) =>
  ({ filters }: Question) =>
    filters.some((filter) => member in filter);

describe("the first finding", () => {
  it("is none of a relay that answers rightly", async () => {
    assert.deepEqual(await find(always(rightly)), []);
    // Several filters may each have the same row.
    assert.deepEqual(await find(always(QUERY_FAULTS.notDeduped)), []);
  });

  const table: readonly (readonly [
    what: string,
    fault: (question: Question) => Fault,
    id: string,
    title: RegExp,
  ])[] = [
    [
      "that does not look at tags",
      where(isBy("#e"), QUERY_FAULTS.unfiltered),
      "wrong-answers",
      /rows that were not asked for \(`(reactions|thread)`, `(reactions|thread)`\)/,
    ],
    [
      "that begins with the oldest",
      always(QUERY_FAULTS.oldestFirst),
      "wrong-answers",
      /not newest first \(/,
    ],
    [
      "that leaves rows out",
      where(({ place }) => place % 5 === 0, QUERY_FAULTS.missing),
      "wrong-answers",
      /rows are missing/,
    ],
    [
      "that ends before it has sent all",
      where(({ place }) => place % 5 === 0, QUERY_FAULTS.eoseTooEarly),
      "wrong-answers",
      /rows are missing/,
    ],
    [
      "that does not look at words",
      always(QUERY_FAULTS.searchIgnored),
      "search-ignored",
      /% of the rows do not hold the word/,
    ],
    ["that miscounts", always(QUERY_FAULTS.countWrong), "wrong-counts", /100\.0 % are too high$/],
    ["with a cap", always(QUERY_FAULTS.capped), "unannounced-cap", /end at about 3 rows/],
    [
      "that turns some away",
      where(({ filters }) => filters.length > 1, QUERY_FAULTS.closedAsError),
      "queries-refused",
      /all with 2 filters or more: `ERROR: bad req/,
    ],
    [
      "that sheds queries",
      where(({ place }) => place >= 100 && place % 4 === 0, QUERY_FAULTS.noEose),
      "no-eose",
      /got no EOSE in 6 s, from (0\.9|1\.\d) s on$/,
    ],
    [
      "that is late",
      where(({ place }) => place % 40 === 0, QUERY_FAULTS.late),
      "late-answers",
      /% of the answers came later than 4\.4 s/,
    ],
  ];
  for (const [what, fault, id, title] of table) {
    it(`of a relay ${what} is ${id}`, async () => {
      const [first, ...others] = await find(fault);
      const told = [first, ...others].map((one) => `${one?.id}: ${one?.title}`).join("\n");
      assert.equal(first?.id, id, told);
      assert.match(first?.title ?? "", title);
    });
  }
});
