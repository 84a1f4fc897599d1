/**
 * Searches under the real k6, all at once, each against a relay whose limit is known: found, stopped and resumed; handshakes;
 * the generator's own limit; a relay that dies; a disk that is full.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { CapacityReport } from "../../src/capacity/result.ts";
import { Journal } from "../../src/node/capacity/journal.ts";
import { checkCapacity } from "../../src/node/load-capacity.ts";
import { EXIT } from "../../src/report/verdict.ts";
import { accept } from "../faulty-relay/frames.ts";
import { type Behaviour, type FaultyRelay, startFaultyRelay } from "../faulty-relay/relay.ts";
import { type Ended, inPlace, type Place, type Running, until } from "./cli.ts";
import { isOverloaded } from "./held-up.ts";

/** Any answer takes so long: what a busy machine adds is little beside it, and the generator's lag too. */
const ANSWER_MS = 60;
/** Of a p90 ten answers are enough, so that trials are short at any load. */
const OBJECTIVE = "nostr_publish_response_time: p(90)<200";
const COMMON = ["--clients", "20", "--no-calibrate", "--quick", "--cooldown", "0"];
const SHORT = ["--trial", "2", "--probe", "1.5", "--threshold", OBJECTIVE];

/** What is the matter at so many a second, one after the other; gives how long this one waits for its turn. */
function bucket(perSec: number): () => number {
  let freeAtMs = 0;
  return () => {
    const nowMs = performance.now();
    freeAtMs = Math.max(freeAtMs, nowMs) + 1_000 / perSec;
    return freeAtMs - nowMs;
  };
}

interface Trying extends Place {
  readonly relay: FaultyRelay;
  readonly search: readonly string[];
  /** The report of the search that ended last. */
  report(): Promise<CapacityReport>;
}

async function tryOut(
  behaviour: Behaviour,
  flags: readonly string[],
  use: (trying: Trying) => Promise<void>,
): Promise<void> {
  const relay = await startFaultyRelay(behaviour);
  try {
    await inPlace((place) => {
      const search = ["capacity", "--relay", relay.url, ...COMMON, ...SHORT, ...flags];
      return use({ ...place, relay, search, report: () => readReport(place.dir) });
    });
  } finally {
    await relay.stop();
  }
}

async function readReport(dir: string): Promise<CapacityReport> {
  const folder = join(dir, "reports/load-test");
  const name = readdirSync(folder).find((file) => /^capacity-report-.*\.json$/.test(file));
  const text = await readFile(join(folder, name ?? "no report"), "utf8");
  return checkCapacity(JSON.parse(text), "the report");
}

/** Skipped where others had the processor: then their trials say nothing of the relay. */
function hadRoom(t: TestContext, { result, trials }: CapacityReport, limit: string): boolean {
  const isHeldUp = trials.some(({ role, verdict }) => role !== "warmup" && verdict === "void");
  if (result.limit === limit || !isHeldUp || !isOverloaded()) return true;
  t.skip("the machine is overloaded: trials were void");
  return false;
}

const said = ({ stdout, stderr }: Ended) => `${stdout}\n${stderr}`;

describe("a search", { concurrency: true }, () => {
  it("finds what the relay takes, though it is stopped and goes on", (t) => {
    const TAKES = 118;
    const PRECISION = 0.45;
    const turn = bucket(TAKES);
    const answer: Behaviour["answer"] = ({ event }) => [accept(event.id, ANSWER_MS + turn())];
    const flags = ["--from", "100", "--precision", `${PRECISION * 100}%`];
    return tryOut({ answer }, flags, async ({ dir, start, run, search, relay, report }) => {
      const stopped = start(search);
      await endOfTrial(stopped, 2);
      stopped.child.kill("SIGINT");
      const first = await stopped.ended;
      assert.equal(first.exitCode, EXIT.interrupted, said(first));
      const reports = join(dir, "reports/load-test");
      const kept = await Journal.last(reports);
      assert.deepEqual(kept?.trials.map(({ role }) => role).slice(0, 2), ["warmup", "baseline"]);
      assert.equal((await report()).result.limit, "interrupted");

      const ended = await run([...search, "--resume", "--at-least", "100"]);
      const last = await Journal.last(reports);
      const { result, trials, run: about } = await report();
      if (!hadRoom(t, await report(), "relay")) return;
      assert.equal(ended.exitCode, EXIT.ok, said(ended));
      assert.deepEqual(last?.trials.slice(0, kept?.trials.length), kept?.trials);
      assert.deepEqual(trials, last?.trials);
      assert.equal(about.id, last?.journal.head.id);
      assert.deepEqual([result.limit, result.proven], ["relay", true], said(ended));
      for (const load of [result.lastPassing, result.firstFailing]) {
        const off = Math.abs((load ?? 0) / TAKES - 1);
        assert.ok(off <= PRECISION, `${load} of ${TAKES}\n${said(ended)}`);
      }
      assert.match(result.failedThreshold ?? "", /response_time|backlog/);
      // Each had events of its own.
      assert.equal(new Set(trials.map(({ seed }) => seed)).size, trials.length);
      const ids = relay.ledger.events.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
    });
  });

  it("finds how many handshakes a second the relay takes", (t) => {
    const TAKES = 60;
    const turn = bucket(TAKES);
    const flags = ["--mode", "storm", "--no-calibrate", "--quick", "--cooldown", "0"];
    const objective = [
      "--threshold",
      "nostr_usable_time: p(90)<300; nostr_connect_failed: rate<0.01",
    ];
    const short = ["--from", "40", "--trial", "2", "--probe", "1.5", "--precision", "100%"];
    return inPlace(async ({ dir, run }) => {
      const relay = await startFaultyRelay({
        handshake: () => ({ afterMs: turn() }),
        keeps: () => false,
      });
      try {
        const to = ["capacity", "connect", "--relay", relay.url, ...flags, ...objective, ...short];
        const ended = await run([...to, "--at-least", "40"]);
        const { result, search, trials } = await readReport(dir);
        if (!hadRoom(t, await readReport(dir), "relay")) return;
        assert.equal(ended.exitCode, EXIT.ok, said(ended));
        assert.deepEqual([search.scale, result.limit], ["connect-rate", "relay"], said(ended));
        assert.deepEqual([result.lastPassing, result.firstFailing], [40, 80], said(ended));
        assert.match(ended.stdout, /takes \d+ handshakes\/s within the objective/);
        assert.match(ended.stdout, /^load +first handshakes a second, for two thirds of a trial/m);
        assert.ok(trials.every(({ figures: { offered, done } }) => done <= offered));
      } finally {
        await relay.stop();
      }
    });
  });

  it("names the generator where that is what can't do more", (t) => {
    if (childrenOf(process.pid) === null) return t.skip("there is no /proc here");
    // Each event costs k6 a 30th of a second of its processor: as many a second is what it can do.
    let search: Running | undefined;
    const turn = bucket(30);
    const held = new Hold();
    const answer: Behaviour["answer"] = ({ event }) => {
      const k6 = k6Of(search?.child.pid);
      if (k6 !== null) held.stop(k6, turn());
      return [accept(event.id, ANSWER_MS)];
    };
    const flags = ["--from", "20", "--precision", "100%", "--at-least", "25"];
    return tryOut({ answer }, flags, async ({ start, search: args, report }) => {
      search = start(args);
      const ended = await search.ended;
      const { result, trials } = await report();
      if (isOverloaded() && result.lastPassing !== 20) return t.skip("the machine is overloaded");
      assert.deepEqual([result.limit, result.lastPassing], ["generator", 20], said(ended));
      assert.deepEqual(result.interval, [20, null]);
      assert.equal(result.failedThreshold, null);
      assert.match(ended.stdout, /the limit is this generator, not the relay/);
      assert.equal(ended.exitCode, EXIT.invalid, said(ended));
      const above = trials.filter(({ load }) => load > 20);
      assert.ok(above.every(({ verdict, voidReason }) => verdict === "void" && voidReason));
      assert.deepEqual(
        [...new Set(above.flatMap(({ findings }) => findings.map(({ id }) => id)))],
        ["generator-limit"],
      );
    });
  });

  it("names the load at which the relay died", () => {
    const recent: number[] = [];
    let gone: Promise<void> | undefined;
    // More than 30 within half a second.
    const answer: Behaviour["answer"] = ({ event }, relay) => {
      recent.push(performance.now());
      if (recent.length > 30 && (recent.at(-1) ?? 0) - (recent.at(-31) ?? 0) < 500) {
        gone ??= relay.vanish();
      }
      return [accept(event.id, 5)];
    };
    return tryOut(
      { answer },
      ["--from", "40", "--precision", "25%"],
      async ({ run, search, report }) => {
        const ended = await run(search);
        assert.ok(gone, said(ended));
        await gone;
        assert.equal(ended.exitCode, EXIT.threshold, said(ended));
        const { result, trials } = await report();
        assert.deepEqual([result.limit, result.firstFailing], ["died", 80], said(ended));
        assert.deepEqual([trials.at(-1)?.load, trials.at(-1)?.verdict], [80, "fail"]);
        assert.match(trials.at(-1)?.died ?? "", /takes no connection any more/);
        assert.match(ended.stdout, /died at 80 events\/s/);
      },
    );
  });

  it("keeps each trial that ended, and the report, when the disk is full", (t) => {
    const flags = ["--from", "20", "--to", "20", "--precision", "100%"];
    return tryOut({}, flags, async ({ dir, start, search, report }) => {
      const reports = join(dir, "reports");
      await mkdir(reports);
      const size = "size=7m,mode=700";
      if (spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", reports]).status !== 0) {
        return t.skip("no small file system can be mounted here");
      }
      try {
        const searching = start(search);
        await endOfTrial(searching, 2);
        const filled = join(reports, "filled");
        await writeFile(filled, Buffer.alloc(8_000_000, 1)).catch(({ code }) =>
          assert.equal(code, "ENOSPC"),
        );
        const ended = await searching.ended;
        assert.equal(ended.exitCode, EXIT.other, said(ended));
        assert.match(ended.stderr, /ended by an error: ENOSPC/);
        const told = [...ended.stderr.matchAll(/^trial (\d+) .*\[/gm)].map(([, n]) => Number(n));
        const kept = await Journal.last(join(reports, "load-test"));
        assert.deepEqual(
          kept?.trials.map(({ number }) => number),
          told,
        );
        assert.ok(told.length >= 2);
        assert.deepEqual((await report()).trials, kept?.trials);
      } finally {
        spawnSync("umount", ["-l", reports]);
      }
    });
  });
});

/** Resolves when the search said what the trial came to. */
async function endOfTrial({ child, ended }: Running, number: number): Promise<void> {
  let text = "";
  let isOver = false;
  child.stderr?.on("data", (data) => {
    text += String(data);
  });
  void ended.then(() => {
    isOver = true;
  });
  await until(() => isOver || new RegExp(`^trial ${number} .*\\[`, "m").test(text));
}

/** Takes the processor from a process, for as long as it was told in all. */
class Hold {
  #untilMs = 0;
  #timer: NodeJS.Timeout | undefined;

  stop(pid: number, ms: number): void {
    this.#untilMs = performance.now() + ms;
    signal(pid, "SIGSTOP");
    this.#timer ??= setTimeout(() => this.#look(pid), ms);
  }

  #look(pid: number): void {
    const leftMs = this.#untilMs - performance.now();
    this.#timer = leftMs > 0 ? setTimeout(() => this.#look(pid), leftMs) : undefined;
    if (leftMs <= 0) signal(pid, "SIGCONT");
  }
}

/** It may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}

function childrenOf(pid: number): readonly number[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(/\s+/).map(Number);
  } catch {
    return null;
  }
}

/** The k6 that a search has running; `null` between two trials. */
function k6Of(pid: number | undefined): number | null {
  const isK6 = (child: number) => {
    try {
      return readFileSync(`/proc/${child}/comm`, "utf8") === "k6\n";
    } catch {
      return false;
    }
  };
  return childrenOf(pid ?? 0)?.find(isK6) ?? null;
}
