/** Queries in virtual time, held against the ledger of a relay that answers them well and badly. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Filter } from "../src/nostr/wire.ts";
import { shapes } from "../src/query/catalogue.ts";
import { Corpus } from "../src/query/corpus.ts";
import { expectAnswer } from "../src/query/expected-answer.ts";
import { formatQuestion } from "../src/query/question-line.ts";
import { drawQuestions } from "../src/query/questions.ts";
import { queryOf } from "../src/report/class-report.ts";
import type { Report } from "../src/report/types.ts";
import { corpusEvents } from "./corpus-events.ts";
import { assertQueries } from "./faulty-relay/hold-queries.ts";
import { type Fault, type FaultName, QUERY_FAULTS } from "./faulty-relay/query-faults.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { writeQuestions } from "./k6-world/questions.ts";
import { runScenario } from "./k6-world/run.ts";
import type { Conditions, Relay, RelaySide } from "./k6-world/world.ts";

const LOAD = {
  CLIENTS: "4",
  QUERY_RATE: "100",
  DURATION_SEC: "2",
  ACK_TIMEOUT_MS: "6000",
  CORPUS: "1000",
  // One VU, whatever the rate.
  CORES: "1",
  // These relays hold nothing else.
  OWN_COUNTS: "1",
};

let corpus = new Corpus([]);
/** Questions of every shape, and of one only. */
let pool = "";
let reqs = "";

before(async () => {
  corpus = new Corpus(await corpusEvents(600));
  pool = await drawPool(shapes.map(({ name }) => name));
  reqs = await drawPool(["author"]);
});

async function drawPool(names: readonly string[]): Promise<string> {
  const mix = Object.fromEntries(names.map((name) => [name, 1]));
  const questions = drawQuestions({ corpus, mix, keys: "zipf", seed: "driver" });
  const lines = Array.from({ length: 400 }, () => {
    const question = questions.next().value;
    return formatQuestion(names.indexOf(question.shape.name), question);
  });
  return writeQuestions(corpus, names, lines);
}

type Variables = Readonly<Record<string, string>>;

/** Asks a relay that answers by these faults in turn. */
async function ask(
  faults: readonly FaultName[],
  variables: Variables = {},
  conditions: Conditions & { readonly folder?: string } = {},
) {
  const { relay, ledger } = misbehave(() => [], {
    corpus,
    fault: ({ place }) => QUERY_FAULTS[faults[place % faults.length] ?? "rightly"],
  });
  const { folder = pool, ...more } = conditions;
  const scenario = { scenario: "query", ...more };
  const ran = await runScenario(folder, { ...LOAD, ...variables }, relay, scenario);
  const query = ran.report.classes.query;
  assert.ok(query);
  assert.ok(query.identities.every(({ balances }) => balances));
  return { ...ran, query, totals: query.totals, ledger };
}

/** The same, with all columns and all errors of the report as the ledger has them. */
async function hold(faults: readonly FaultName[], variables: Variables = {}) {
  const asked = await ask(faults, variables);
  assertQueries(asked.report, asked.ledger);
  return asked;
}

const scriptErrors = ({ errors }: Report) => errors.filter((error) => error.class === "script");

describe("answers are counted as what they were", () => {
  // Each row: what is asserted to have been, and the faults that are met in turn.
  const table: readonly (readonly [what: string, seen: string, faults: string])[] = [
    ["in every order that is right", "right", "rightly merged tiesOtherwise saysFinish saysMore"],
    ["in another spelling", "right matching", "respelled rightly"],
    [
      "with rows that were not asked for",
      "wrong notMatching",
      "unfiltered searchIgnored limitIgnored strayRow unreadableRow rightly",
    ],
    ["in the wrong order", "wrong", "oldestFirst oldestRows rightly"],
    [
      "with rows that come again",
      "duplicate rowsBehind",
      "duplicates notDeduped storedAndLive storedAndLiveBehind",
    ],
    ["with a live event among the rows", "foreign right", "liveBefore rightly"],
    [
      "without some of the rows",
      "truncated short",
      "cappedWithMore cappedWithFinish missing missingNewest",
    ],
    [
      "with rows behind their end, or elsewhere",
      "short rowsBehind",
      "eoseTooEarly rowsElsewhere rightly",
    ],
    [
      "that are refused",
      "closed",
      "closedBare closedAsError closedWithPrefix closedErrorAndPrefix closedMidway",
    ],
    ["that are refused by NOTICE", "refusedByNotice", "noticeInstead noticeBehind countNoticed"],
    ["that never come", "timedOut", "silent noEose countSilent rightly rightly"],
    ["that come too late for a client", "late right", "late rightly"],
    ["that end twice, or that nobody asked for", "right empty", "eoseTwice answersNobody"],
    [
      "of COUNT",
      "wrong short truncated closed",
      "countWrong countShort countLimited countClosed countBehindEose rightly",
    ],
    ["on a connection that is cut", "lost right", `cutMidway ${"rightly ".repeat(40)}`],
  ];
  for (const [what, seen, faults] of table) {
    it(what, async () => {
      const { totals } = await hold(faults.trim().split(" ") as FaultName[], {
        DURATION_SEC: "1",
      });
      for (const column of seen.split(" ")) {
        assert.ok(Reflect.get(totals, column) > 0, `nothing was ${column}`);
      }
    });
  }
});

/** What a scripted relay saw of a connection, in its order. */
interface Seen {
  readonly atMs: number;
  readonly type: string;
  readonly id: string;
  readonly filters: readonly Filter[];
}

/** Asks a relay that does about each REQ what `onReq` says; the n-th of all, from 0. */
async function script(
  folder: string,
  onReq: (id: string, socket: RelaySide, n: number) => void,
  variables: Variables = {},
  conditions: Conditions = {},
) {
  const seen: Seen[] = [];
  let n = 0;
  const relay: Relay = (frame, socket, atMs) => {
    const [type, id, ...filters] = JSON.parse(frame);
    seen.push({ atMs, type, id, filters });
    if (type === "REQ") onReq(id, socket, n++);
  };
  const scenario = { scenario: "query", ...conditions };
  const ran = await runScenario(folder, { ...LOAD, ...variables }, relay, scenario);
  const query = ran.report.classes.query;
  assert.ok(query);
  assert.deepEqual(
    query.identities.filter(({ balances }) => !balances),
    [],
  );
  assert.deepEqual(scriptErrors(ran.report), []);
  return { ...ran, totals: query.totals, times: query.times, seen };
}

const eoseAfter = (ms: number) => (id: string, socket: RelaySide) =>
  socket.answer(`["EOSE","${id}"]`, ms);

describe("times of an answer", () => {
  it("are to its end, and to its first row where it has one", async () => {
    const rowsFirst: Fault = (...args) => {
      const frames = QUERY_FAULTS.rightly(...args);
      return frames.map((frame, at) => ({ ...frame, afterMs: at + 1 < frames.length ? 20 : 50 }));
    };
    const { relay, ledger } = misbehave(() => [], { corpus, fault: () => rowsFirst });
    const { report } = await runScenario(pool, LOAD, relay, { scenario: "query" });
    assertQueries(report, ledger);
    const { firstEvent, service, response } = queryOf(report).times;
    const answered = ledger.queries.questions;
    assert.equal(service.count, answered.length);
    assert.equal(firstEvent.count, answered.filter(({ rows }) => rows.matching > 0).length);
    assert.ok(firstEvent.count > 100 && firstEvent.count < service.count);
    for (const [time, ms] of [
      [firstEvent, 20],
      [service, 50],
      [response, 50],
    ] as const) {
      assert.ok(Math.abs((time.p50 ?? 0) - ms) < 1.5, `${time.p50} for ${ms} ms`);
    }
  });
});

describe("a connection has no more questions open than it may", () => {
  it("and one that waits has its response time from when it was due", async () => {
    // 25 a second on each connection, one at a time, each taking 50 ms: one in five is left at the end.
    const { totals, times } = await script(reqs, eoseAfter(50), { MAX_IN_FLIGHT: "1" });
    assert.deepEqual([totals.backpressure, totals.eose], [40, 160]);
    assert.ok((times.service.max ?? 0) < 50.5 && (times.service.min ?? 0) > 49.5);
    assert.ok((times.response.max ?? 0) > 400, `${times.response.max} ms`);
  });

  it("and gives up what has waited for as long as an answer may take", async () => {
    const { totals, seen } = await script(reqs, () => {}, {
      MAX_IN_FLIGHT: "2",
      ACK_TIMEOUT_MS: "300",
    });
    const asked = seen.filter(({ type }) => type === "REQ").length;
    assert.equal(totals.scheduled, 200);
    assert.equal(totals.sent, asked);
    assert.equal(totals.timedOut, asked);
    // Two on each connection in every 300 ms.
    assert.ok(asked > 8 * 5 && asked <= 8 * 8, `${asked} sent`);
    assert.equal(totals.backpressure, 200 - asked);
  });
});

describe("what a relay is told", () => {
  it("is CLOSE behind each EOSE, and behind each that was given up, never of what was refused", async () => {
    const { seen, totals } = await script(
      reqs,
      (id, socket, n) => {
        if (n % 3 === 0) socket.answer(`["CLOSED","${id}","error: no"]`, 5);
        if (n % 3 === 1) socket.answer(`["EOSE","${id}"]`, 5);
      },
      { ACK_TIMEOUT_MS: "500" },
    );
    const of = (wanted: string) => seen.filter(({ type }) => type === wanted).map(({ id }) => id);
    assert.equal(new Set(of("REQ")).size, totals.sent);
    assert.equal(of("CLOSE").length, new Set(of("CLOSE")).size);
    assert.equal(of("CLOSE").length, totals.eose + totals.timedOut);
    assert.ok(totals.closed > 20 && totals.timedOut > 20 && totals.eose > 20);
    const askedAt = new Map(seen.map(({ id, type, atMs }) => [`${type} ${id}`, atMs]));
    for (const { id, atMs } of seen.filter(({ type }) => type === "CLOSE")) {
      assert.ok(atMs > (askedAt.get(`REQ ${id}`) ?? atMs), id);
    }
  });

  it("with --keep-live, CLOSE of the oldest when a client has more than five", async () => {
    const { seen, totals } = await script(reqs, eoseAfter(5), {
      KEEP_LIVE: "1",
      CLIENTS: "1",
    });
    const closed = seen.filter(({ type }) => type === "CLOSE").map(({ id }) => id);
    const asked = seen.filter(({ type }) => type === "REQ").map(({ id }) => id);
    assert.ok(totals.eose > 50);
    assert.deepEqual(closed, asked.slice(0, totals.eose - 5));
  });
});

describe("a NOTICE", () => {
  const spoken = (one: string) => async (inFlight: string) => {
    const answered = await script(reqs, (_, socket) => socket.answer(`["NOTICE","${one}"]`, 100), {
      MAX_IN_FLIGHT: inFlight,
      ACK_TIMEOUT_MS: "600",
      CLIENTS: "1",
      QUERY_RATE: "40",
    });
    return answered;
  };

  it("ends the one question that is open", async () => {
    const { totals, report } = await spoken("ERROR: too many concurrent REQs")("1");
    assert.ok(totals.refusedByNotice > 10);
    assert.equal(report.frames.notices, totals.refusedByNotice);
    const [told] = report.errors.filter((error) => error.class === "notice");
    assert.deepEqual([told?.count, told?.reason], [totals.refusedByNotice, "subscriptions"]);
  });

  it("ends none where several are open: it stays a NOTICE", async () => {
    const { totals, report } = await spoken("slow down")("8");
    assert.ok(report.frames.notices > 10);
    // The first, as long as it is alone, and the last ones.
    assert.ok(totals.refusedByNotice <= 2, `${totals.refusedByNotice} refused`);
    assert.ok(totals.timedOut > 10);
  });
});

describe("questions that find no connection, or none any more", () => {
  it("are not sent, lost, and none is left", async () => {
    const { totals } = await script(
      reqs,
      (id, socket, n) => {
        if (n === 60) socket.dropAll(1_001);
        else socket.answer(`["EOSE","${id}"]`, 40);
      },
      { QUERY_RATE: "100" },
    );
    assert.ok(totals.lost >= 2 && totals.noConnection >= 2, JSON.stringify(totals));
    assert.equal(totals.eose + totals.lost + totals.timedOut, totals.sent);
  });

  it("are exhausted where the pool is at its end", async () => {
    // As many a second as one VU takes.
    const variables = { QUERY_RATE: "150", DURATION_SEC: "4" };
    const { totals } = await script(reqs, eoseAfter(1), variables);
    assert.equal(totals.scheduled, 600);
    assert.equal(totals.exhausted, 200);
    assert.equal(totals.sent, 400);
  });
});

/** All notes, by tens: each page from the last second of the one before on, which its rows are asked for again. */
function notesByTens(pages: number): readonly string[] {
  let filter: Filter = { kinds: [1], limit: 10 };
  return Array.from({ length: pages }, (_, page) => {
    const expected = expectAnswer(corpus, [filter]);
    const line = formatQuestion(0, { filters: [filter], expected }, { page, last: pages - 1 });
    const last = corpus.events[expected.parts[0]?.at(-1) ?? -1];
    filter = { ...filter, until: last?.created_at ?? 0 };
    return line;
  });
}

describe("pages", () => {
  const PAGED = { QUERY_RATE: "10", PAGES: "3" };
  let folder = "";
  before(async () => {
    const chains = Array.from({ length: 30 }, () => notesByTens(3)).flat();
    folder = await writeQuestions(corpus, ["hashtag"], chains);
  });

  it("follow one another, and say what they share", async () => {
    const { totals, query, ledger } = await ask(["rightly"], PAGED, { folder });
    assert.equal(totals.sent, 60);
    assert.equal(totals.right, 60);
    assert.equal(totals.rows, 600);
    // The last row of a page is the first of the next one.
    assert.equal(totals.boundaryDuplicate, 40);
    const { response, service, page } = query.times;
    assert.deepEqual([response.count, service.count, page.count], [20, 20, 40]);
    const untils = ledger.queries.questions.map(({ filters }) => filters[0]?.until);
    assert.equal(new Set(untils).size, 3);
  });

  it("are no more than were asked for", async () => {
    const { totals } = await ask(["rightly"], { ...PAGED, PAGES: "2" }, { folder });
    assert.deepEqual([totals.sent, totals.boundaryDuplicate], [40, 20]);
  });

  it("end with one that is not right", async () => {
    const { totals, ledger } = await ask(["rightly", "missing"], PAGED, { folder });
    const lastUntil = JSON.parse(notesByTens(3)[2]?.split("\t")[1] ?? "").until;
    assert.ok(totals.short >= 10 && totals.right + totals.short === totals.sent);
    // A first page is sent for each of the 20, another one behind each right one that is not the last.
    const lasts = ledger.queries.questions.filter(
      ({ end, filters }) => end === "eose" && filters[0]?.until === lastUntil,
    );
    assert.equal(
      totals.sent,
      20 + totals.right - lasts.filter(({ state }) => state === "right").length,
    );
  });
});

describe("what no connection has room for", () => {
  it("stays in the schedule until an answer makes room, and is given up at the end", async () => {
    const folder = await drawPool(["ids"]);
    const slow = { MAX_IN_FLIGHT: "1", QUERY_RATE: "400", DURATION_SEC: "2" };
    const { totals, times, report } = await script(
      folder,
      (id, socket) => socket.answer(`["EOSE","${id}"]`, 40),
      slow,
    );
    // Four connections, an answer every 40 ms or so on each.
    assert.equal(totals.scheduled, 800);
    assert.ok(totals.sent > 150 && totals.sent < 210, `${totals.sent} sent`);
    assert.equal(totals.backpressure, totals.scheduled - totals.sent);
    assert.ok((report.classes.query?.rows["(none)"]?.totals.backpressure ?? 0) > 500);
    // It waited for the relay and not for this generator; its response time has the wait.
    assert.ok((report.generator.scheduleLag.p99 ?? 99) < 10);
    assert.ok((times.response.p50 ?? 0) > 300);
  });
});

describe("a COUNT that is too high", () => {
  it("is wrong where the relay can count nothing but the corpus; one too low always is", async () => {
    for (const [OWN_COUNTS, column] of [
      ["1", "wrong"],
      ["0", "unchecked"],
      ["", "unchecked"],
    ] as const) {
      const { query, totals } = await ask(["countWrong"], { OWN_COUNTS });
      const { eose = 0 } = query.rows["count-reactions"]?.totals ?? {};
      const counts = eose + (query.rows["count-followers"]?.totals.eose ?? 0);
      assert.ok(counts > 0);
      assert.deepEqual([totals[column], totals.wrong + totals.unchecked], [counts, counts]);
      const low = await ask(["countShort"], { OWN_COUNTS });
      assert.ok(low.totals.short > 0);
    }
  });
});

describe("what bounds an answer", () => {
  it("is what the relay announces", async () => {
    const { totals } = await hold(["cappedAsAnnounced"], { ROW_CAP: "3" });
    assert.ok(totals.truncated > 50);
  });

  it("is what its answers show again and again", async () => {
    const { totals } = await ask(["capped"], {}, { folder: reqs });
    assert.equal(totals.short, 0);
    assert.ok(totals.truncated > 50, `${totals.truncated} truncated`);
  });

  it("may be of a whole answer, whatever its filters ask for", async () => {
    const { totals } = await ask(["capped"], {}, { folder: await drawPool(["home"]) });
    assert.equal(totals.short, 0);
    assert.ok(totals.truncated > 50, `${totals.truncated} truncated`);
  });

  it("is none where a later answer has more rows, or too few show it", async () => {
    const refuted = await ask(["capped", "capped", "capped", "rightly"], {}, { folder: reqs });
    assert.equal(refuted.totals.truncated, 0);
    assert.ok(refuted.totals.short > 30, `${refuted.totals.short} short`);
    const few = await ask(["capped"], { QUERY_RATE: "5", DURATION_SEC: "1" }, { folder: reqs });
    assert.ok(few.totals.short > 0);
    assert.equal(few.totals.truncated, 0);
  });
});

describe("behind the last row that is awaited", () => {
  it("no text of a relay passes for another", async () => {
    const folder = await writeQuestions(corpus, ["hashtag"], Array(20).fill(notesByTens(1)[0]));
    const rows = corpus.select({ kinds: [1] }).slice(0, 10);
    const { totals } = await script(
      folder,
      (id, socket) => {
        for (const at of rows) socket.answer(JSON.stringify(["EVENT", id, corpus.events[at]]), 1);
        const stray = { ...corpus.events[0], id: "0".repeat(64), kind: 7, content: "undefined" };
        socket.answer(JSON.stringify(["EVENT", id, stray]), 1);
        socket.answer(`["EOSE","${id}"]`, 1);
      },
      { QUERY_RATE: "10" },
    );
    assert.deepEqual([totals.matching, totals.notMatching, totals.wrong], [200, 20, 20]);
  });
});

describe("--verify", () => {
  it("off: rows are counted, and nothing is said of them", async () => {
    const { totals } = await ask(["unfiltered", "missing"], { VERIFY: "off" });
    assert.equal(totals.unchecked, totals.eose);
    assert.equal(totals.uncheckedRows, totals.rows);
    assert.ok(totals.rows > 1_000);
  });

  it("counts: answers are held against the number of rows alone", async () => {
    const { totals } = await ask(["oldestFirst", "missing", "limitIgnored"], { VERIFY: "counts" });
    assert.equal(totals.uncheckedRows, totals.rows);
    assert.ok(totals.short > 20 && totals.right > 50);
  });
});

describe("--corpus relay", () => {
  const LEARNT = { CORPUS: "relay" };
  it("rows are held against their filters, their order and the limit", async () => {
    const right = await ask(["rightly", "merged", "duplicates"], { ...LEARNT, DURATION_SEC: "1" });
    assert.equal(right.totals.right + right.totals.unchecked, right.totals.eose);
    const { matching, duplicate } = right.totals;
    assert.ok(matching > 1_000 && duplicate > 0, `${matching} rows, ${duplicate} twice`);
    const byTens = await writeQuestions(corpus, ["hashtag"], Array(200).fill(notesByTens(1)[0]));
    for (const [fault, folder] of [
      ["unfiltered", reqs],
      ["oldestFirst", reqs],
      ["limitIgnored", byTens],
    ] as const) {
      const { totals, ledger } = await ask([fault], { ...LEARNT, QUERY_RATE: "20" }, { folder });
      const { notMatching, wrong } = ledger.queries.columns();
      assert.ok(totals.wrong > 0 && totals.wrong <= wrong, `${totals.wrong} of ${wrong} ${fault}`);
      if (fault === "unfiltered") assert.equal(totals.notMatching, notMatching);
    }
  });
});
