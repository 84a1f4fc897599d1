/** A process that stands for k6 ends, whatever it does, and is told apart by how. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Interrupted } from "../src/errors.ts";
import { encodeSlice, type Phase } from "../src/measure/slice.ts";
import {
  lastWords,
  type Patience,
  type SuperviseOptions,
  superviseK6,
} from "../src/node/k6/supervise.ts";
import { sliceOf } from "./fixtures/reports/run.ts";

const LONG: Patience = {
  endMs: 60_000,
  secondSignalMs: 60_000,
  hungSecondSignalMs: 60_000,
  killMs: 60_000,
};
/** Stops at once what stays behind its end, and leaves it all the time it needs to go. */
const PATIENCE: Patience = { ...LONG, endMs: 30 };
/** Says that it stands, then does nothing until it is stopped. */
const STAY = "setInterval(() => {}, 1000); console.log('ready');";
/** Counts the signals that it is sent; the given one is its last. */
const leaveAt = (signal: number) =>
  `let n = 0; process.on('SIGINT', () => { console.error('signal', ++n); if (n === ${signal}) process.exit(105); });`;

function sliceLine(vu: number, phase: Phase): string {
  return encodeSlice({ ...sliceOf({ vu, phase }), histograms: {} });
}

const log = (...lines: readonly string[]) =>
  lines.map((line) => `console.log(${JSON.stringify(line)});`).join("");

function supervise(script: string, members: Partial<SuperviseOptions> = {}) {
  return superviseK6({
    binary: process.execPath,
    args: ["-e", script],
    environment: {},
    cwd: process.cwd(),
    vus: 2,
    mostMs: 60_000,
    onStart: () => {},
    onSlice: () => {},
    signal: new AbortController().signal,
    patience: PATIENCE,
    ...members,
  });
}

/** Aborts when the process has said so many lines. */
function abortWhenReady(times = 1): Partial<SuperviseOptions> {
  const controller = new AbortController();
  let seen = 0;
  return {
    signal: controller.signal,
    onSlice: () => {
      if (++seen === times) controller.abort();
    },
  };
}

describe("superviseK6", () => {
  it("hands on slices and keeps the last other lines of both streams", async () => {
    const seen: string[] = [];
    const lines = log(sliceLine(1, "window"), "told", "", sliceLine(1, "done"));
    const outcome = await supervise(`${lines} console.error('warned'); process.exitCode = 7;`, {
      onSlice: ({ vu, phase }) => seen.push(`${vu} ${phase}`),
      patience: LONG,
    });
    assert.deepEqual(seen, ["1 window", "1 done"]);
    assert.deepEqual([...outcome.log].sort(), ["told", "warned"]);
    assert.deepEqual([outcome.code, outcome.killedBy, outcome.stopped], [7, null, null]);
    const many = await supervise("for (let i = 0; i < 80; i++) console.log(i);");
    assert.deepEqual([many.log.length, many.log.at(-1)], [50, "79"]);
  });

  it("stops a process that stays when all VUs are done, and no earlier", async () => {
    const stays = log(sliceLine(1, "done"), sliceLine(2, "done")) + leaveAt(1) + STAY;
    const outcome = await supervise(stays);
    assert.deepEqual([outcome.stopped, outcome.code], ["hung", 105]);
    // One VU of two is done: only the clock stops it.
    const half = log(sliceLine(1, "done"), sliceLine(1, "done")) + leaveAt(1) + STAY;
    assert.equal((await supervise(half, { mostMs: 600 })).stopped, "overtime");
  });

  it("signals again, and then kills", async () => {
    const done = log(sliceLine(1, "done"), sliceLine(2, "done"));
    const patience = { ...PATIENCE, hungSecondSignalMs: 100 };
    const second = await supervise(leaveAt(2) + done + STAY, { patience });
    assert.deepEqual([second.stopped, second.code], ["hung", 105]);
    const deaf = await supervise(leaveAt(99) + done + STAY, {
      patience: { ...patience, killMs: 500 },
    });
    assert.deepEqual([deaf.stopped, deaf.killedBy], ["hung", "SIGKILL"]);
    assert.ok(deaf.log.includes("signal 2"), deaf.log.join());
  });

  it("stops at the user's signal", async () => {
    const script = leaveAt(1) + log(sliceLine(1, "window")) + STAY;
    const outcome = await supervise(script, { ...abortWhenReady(), patience: LONG });
    assert.deepEqual([outcome.stopped, outcome.code], ["interrupted", 105]);
  });

  it("passes the user's signal on to a process that was stopped already and stays", async () => {
    const again = `process.on('SIGINT', () => { ${log(sliceLine(2, "done"))} });`;
    const script = leaveAt(2) + again + log(sliceLine(1, "done"), sliceLine(2, "done")) + STAY;
    const outcome = await supervise(script, abortWhenReady(3));
    assert.deepEqual([outcome.stopped, outcome.code], ["hung", 105]);
  });

  it("starts nothing when the user stopped before", async () => {
    let started = false;
    const onStart = () => {
      started = true;
    };
    await assert.rejects(supervise(STAY, { signal: AbortSignal.abort(), onStart }), Interrupted);
    assert.equal(started, false);
  });

  it("says so when the program is not there", async () => {
    await assert.rejects(supervise("", { binary: "/no/such/k6" }), /ENOENT/);
  });
});

describe("lastWords", () => {
  const table = [
    [[], "it logged nothing"],
    [
      ["one", "TypeError: no", "\tat read (file:///publish.js:1:1(5))", "  at next"],
      "TypeError: no",
    ],
    [["first", "look at this"], "look at this"],
  ] as const;
  for (const [log, words] of table) {
    it(`are \`${words}\``, () => assert.equal(lastWords({ log }), words));
  }
});
