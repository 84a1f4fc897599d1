/** The check of answers, held against a relay that answers wrongly in each way: row by row, and its verdict. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { AnswerCheck, type Bound } from "../src/query/answer-check.ts";
import { shapes } from "../src/query/catalogue.ts";
import { Corpus } from "../src/query/corpus.ts";
import { expectAnswer, ranksOf } from "../src/query/expected-answer.ts";
import { drawQuestions, type Question } from "../src/query/questions.ts";
import { home } from "../src/query/shapes/home.ts";
import { corpusEvents } from "./corpus-events.ts";
import type { Action, Told } from "./faulty-relay/frames.ts";
import { CAP, type Fault, type FaultName, QUERY_FAULTS } from "./faulty-relay/query-faults.ts";
import { answerRightly } from "./faulty-relay/questions.ts";

/** What each fault leads to at least once over the questions. */
const LEADS_TO: Readonly<Record<FaultName, string>> = {
  rightly: "matching right",
  merged: "right",
  tiesOtherwise: "right",
  saysFinish: "right",
  saysMore: "right",
  respelled: "matching right",
  unfiltered: "notMatching wrong",
  searchIgnored: "notMatching wrong",
  limitIgnored: "notMatching wrong",
  strayRow: "notMatching wrong",
  unreadableRow: "notMatching wrong",
  oldestFirst: "wrong",
  oldestRows: "wrong notMatching",
  duplicates: "duplicate right",
  notDeduped: "duplicate right",
  storedAndLive: "duplicate right",
  storedAndLiveBehind: "right",
  liveBefore: "foreign right",
  capped: "short right",
  cappedAsAnnounced: "truncated right",
  cappedWithMore: "truncated right",
  cappedWithFinish: "short right",
  missing: "short",
  missingNewest: "short",
  eoseTooEarly: "short",
  rowsElsewhere: "short",
  silent: "",
  noEose: "matching",
  late: "right",
  noticeInstead: "refusal",
  noticeBehind: "refusal right",
  closedBare: "closed",
  closedAsError: "closed",
  closedWithPrefix: "closed",
  closedErrorAndPrefix: "closed",
  closedMidway: "matching closed",
  cutMidway: "matching",
  eoseTwice: "right",
  answersNobody: "right",
  countWrong: "count wrong",
  countShort: "count short",
  countLimited: "count truncated",
  countBehindEose: "count right",
  countSilent: "",
  countClosed: "closed",
  countNoticed: "refusal",
};

describe("an answer's check", () => {
  let corpus = new Corpus([]);
  let ranks: Uint32Array = new Uint32Array();
  let asked: readonly Question[] = [];
  before(async () => {
    corpus = new Corpus(await corpusEvents(1_500));
    ranks = ranksOf(corpus.events);
    const mix = Object.fromEntries(shapes.map(({ name }) => [name, 1]));
    const questions = drawQuestions({ corpus, mix, keys: "zipf", seed: "faults" });
    const drawn = Array.from({ length: 80 }, () => questions.next().value);
    // Two filters that find the same rows, which no shape has.
    const [note] = corpus.events.filter(({ kind }) => kind === 1);
    const filters = [{ kinds: [1], limit: 20 }, { authors: [note?.pubkey ?? ""] }];
    asked = [...drawn, { shape: home, filters, expected: expectAnswer(corpus, filters) }];
  });

  for (const [name, fault] of Object.entries<Fault>(QUERY_FAULTS)) {
    it(`says of a relay that answers \`${name}\` what it did`, () => {
      const ordinals = new Map(corpus.events.map(({ id }, ordinal) => [id, ordinal]));
      const seen = new Set<string | undefined>();
      for (const [place, { shape, filters, expected }] of asked.entries()) {
        const question = { verb: shape.verb, id: `q${place}`, filters, place, answered: undefined };
        const frames = fault(question, answerRightly(corpus, filters), corpus);
        const toldOf = frames.flatMap((action) => told(action) ?? []);
        for (const { is, state } of toldOf) seen.add(is).add(state);
        if (typeof expected === "number") continue;
        const check = new AnswerCheck(expected, ranks);
        for (const frame of frames) {
          const about = told(frame);
          if (about?.id !== question.id || frame.do !== "send") continue;
          if (about.is === "eose") {
            const bound = boundOf(name, frame.data);
            assert.equal(check.end(bound), about.state, `${shape.name}, question ${place}`);
            break;
          }
          // What is foreign is known by its filter, before the check.
          if (about.is === "foreign") continue;
          const { data } = frame;
          const message = typeof data === "string" ? JSON.parse(data) : data;
          if (message[0] !== "EVENT") continue;
          assert.equal(check.row(ordinals.get(message[2].id)), about.is, shape.name);
        }
      }
      for (const way of LEADS_TO[name as FaultName].split(" ")) {
        assert.ok(way === "" || seen.has(way), way);
      }
    });
  }
});

function told(action: Action): Told | undefined {
  return action.do === "send" ? action.told : undefined;
}

function boundOf(name: string, eose: unknown): Bound {
  return {
    rows: name === "cappedAsAnnounced" ? CAP : null,
    saidMore: JSON.stringify(eose).includes('["more"]'),
  };
}
