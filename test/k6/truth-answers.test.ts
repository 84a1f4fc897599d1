/** Whatever a relay answers, the report counts it as what it was: held against the relay's ledger. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { publishOf } from "../../src/report/class-report.ts";
import {
  type Answer,
  broken,
  challenge,
  flooding,
  huge,
  inTurn,
  rejected,
  toldApart,
  unasked,
} from "../faulty-relay/answers.ts";
import { accept, acceptLate } from "../faulty-relay/frames.ts";
import { assertTrue, type Flags, publish, withRelay } from "./harness.ts";

const table: readonly (readonly [
  does: string,
  answers: readonly Answer[],
  exitCode: number,
  flags?: Flags,
])[] = [
  ["names each rejection by its prefix", rejected, 99],
  ["tells accepted, duplicate and superseded apart", toldApart, 99],
  ["counts second answers and answers for other ids apart", unasked, 99],
  ["lives through frames of a megabyte", huge, 0, { rate: 20 }],
];

for (const [does, answers, exitCode, flags] of table) {
  test(does, () =>
    withRelay({ answer: inTurn(answers) }, async (relay) => {
      assertTrue(await publish(relay, flags), relay, { exitCode });
    }),
  );
}

test("names what is no message of the protocol, and goes on", () =>
  withRelay({ answer: inTurn(broken) }, async (relay) => {
    const run = await publish(relay);
    assertTrue(run, relay, { exitCode: 0 });
    const binary = run.report.errors.find(({ code }) => code === "binary frame");
    assert.equal(binary?.example, "3 bytes");
  }));

test("counts a flood of notices, and challenges, and takes no offence at other messages", () =>
  withRelay({ greet: () => [challenge], answer: inTurn(flooding) }, async (relay) => {
    assertTrue(await publish(relay), relay, { exitCode: 99 });
  }));

test("counts what is never answered as timed out, and what it kept from being sent apart", () =>
  withRelay(
    { answer: ({ event, place }) => (place % 3 === 0 ? [] : [accept(event.id)]) },
    async (relay) => {
      const run = await publish(relay, { "max-in-flight": 1 });
      assert.ok(publishOf(run.report).totals.timedOut > 0);
      assert.ok(publishOf(run.report).totals.backpressure > 0);
      assertTrue(run, relay, { exitCode: 99, heldBack: true });
    },
  ));

test("goes on when publishes that filled every connection have timed out", () =>
  withRelay(
    { answer: ({ event, place }) => (place < 4 ? [] : [accept(event.id)]) },
    async (relay) => {
      const run = await publish(relay, { duration: 2, "max-in-flight": 1 });
      assertTrue(run, relay, { exitCode: 99, heldBack: true });
      const { timedOut, accepted } = publishOf(run.report).totals;
      assert.equal(timedOut, 4);
      // Held back for half a second of two: most of the 100 events are sent.
      assert.ok(accepted > 50, `${accepted} accepted`);
    },
  ));

test("counts an answer after the timeout as late and not as accepted", () =>
  withRelay(
    // Early in the run, so that the late answers come before the client has gone.
    { answer: ({ event, place }) => [place < 20 ? acceptLate(event.id, 800) : accept(event.id)] },
    async (relay) => {
      const run = await publish(relay, { duration: 2 });
      const { timedOut } = publishOf(run.report).totals;
      assert.deepEqual([run.report.frames.lateOk, timedOut], [20, 20]);
      assertTrue(run, relay, { exitCode: 99 });
    },
  ));
