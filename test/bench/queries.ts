/**
 * Queries a second on one relay, ours with every answer checked beside nostr-bench, which counts EOSEs: one REQ at a
 * time on each connection of the embedded relay.
 */
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import type { Filter, NostrEvent } from "../../src/nostr/wire.ts";
import { Corpus } from "../../src/query/corpus.ts";
import { expectAnswer } from "../../src/query/expected-answer.ts";
import { formatQuestion } from "../../src/query/question-line.ts";
import { queryOf } from "../../src/report/class-report.ts";
import { corpusEvents } from "../corpus-events.ts";
import { fillQuestions } from "../k6-world/question-folder.ts";
import { atLeast, notes } from "./goal.ts";
import { median, type Rig, runScript } from "./k6-run.ts";
import { obtainNostrBench, runNostrBench } from "./nostr-bench.ts";
import type { Print } from "./row.ts";

/** nostr-bench waits 40 ms for each answer, as it leaves TCP's delay on: enough of them keep the relay busy. */
const CLIENTS = 200;
const EVENTS = 1_000;
const QUESTIONS = 50_000;
/** Of nostr-bench, with answers checked. */
const GOAL = 1;

export async function benchQueries(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const nostrBench = await obtainNostrBench();
  const events = await corpusEvents(EVENTS);
  const corpus = new Corpus(events);
  // As nostr-bench asks: for a hashtag that nobody used.
  const pool = await fill(rig, "none", corpus, (n) => [{ "#t": [`tag${n}`], limit: 1 }]);
  const newest = await fill(rig, "newest", corpus, () => [{ limit: 100 }]);
  const relay = await startRelayProcess([]);
  const ours: number[] = [];
  const crate: number[] = [];
  const full: number[] = [];
  try {
    await publish(relay.url, events);
    for (let i = 0; i < repetitions; i++) {
      ours.push(await askAll({ ...rig, pool, url: relay.url }));
      full.push(await askAll({ ...rig, pool: newest, url: relay.url }));
      if (!("path" in nostrBench)) continue;
      crate.push(await runNostrBench(nostrBench.path, ["req"], relay.url, CLIENTS));
    }
  } finally {
    await relay.stop();
  }
  print(
    "queries without rows, nostr-bench, embedded relay",
    "path" in nostrBench ? perSecond(median(crate)) : "not measured",
    "path" in nostrBench ? "counts EOSEs" : nostrBench.missing,
  );
  const share = "path" in nostrBench ? median(ours) / median(crate) : Number.NaN;
  print(
    "queries without rows, ours",
    perSecond(median(ours)),
    notes(`${share.toFixed(2)} of nostr-bench`, atLeast(share, GOAL), "every answer checked"),
  );
  print("queries of 100 rows, ours", perSecond(median(full)), "every row checked");
}

/** A folder of questions in the rig's. */
async function fill(
  rig: Rig,
  name: string,
  corpus: Corpus,
  ask: (n: number) => readonly Filter[],
): Promise<string> {
  const dir = join(rig.dir, name);
  await mkdir(dir, { recursive: true });
  const lines = Array.from({ length: QUESTIONS }, (_, n) => {
    const filters = ask(n);
    return formatQuestion(0, { filters, expected: expectAnswer(corpus, filters) });
  });
  await fillQuestions(dir, corpus, [name], lines);
  return dir;
}

/** Each event behind the OK of the one before it. */
async function publish(url: string, events: readonly NostrEvent[]): Promise<void> {
  const socket = new WebSocket(url);
  await once(socket, "open");
  for (const event of events) {
    const answered = once(socket, "message");
    socket.send(JSON.stringify(["EVENT", event]));
    await answered;
  }
  socket.close();
}

async function askAll(rig: Rig): Promise<number> {
  const { report } = await runScript(rig, "query", {
    CLIENTS: String(CLIENTS),
    MAX_IN_FLIGHT: "1",
    QUERY_RATE: "10000",
    DURATION_SEC: "5",
    CORPUS: String(EVENTS),
    VERIFY: "rows",
    GOGC: String(garbageTarget(CLIENTS)),
    GOMEMLIMIT: memoryLimit(CLIENTS),
  });
  const { totals, rate } = queryOf(report);
  if (totals.eose === 0 || totals.right !== totals.eose) throw new Error("an answer was not right");
  return rate.done;
}

function perSecond(n: number): string {
  return `${n.toFixed(0)} queries/s`;
}
