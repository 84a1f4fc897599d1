/** Whatever a relay answers, the report counts it as what it was: held against the relay's ledger. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Action,
  accept,
  acceptLate,
  acceptUnasked,
  frame,
  garbage,
  notice,
  reject,
  SOME_ID,
} from "../faulty-relay/frames.ts";
import type { Published } from "../faulty-relay/relay.ts";
import { assertTrue, publish, withRelay } from "./harness.ts";

type Answer = (id: string) => readonly Action[];

/** Each event in turn is answered by the next of these. */
function inTurn(...answers: readonly Answer[]): (published: Published) => readonly Action[] {
  return ({ event, place }) => answers[place % answers.length]?.(event.id) ?? [];
}

const rejections = [
  ["other", "duplicate words, and no colon behind them"],
  ["pow", "pow: difficulty 26 is less than 30"],
  ["blocked", "blocked: you are banned"],
  ["rate-limited", "rate-limited: slow down"],
  ["invalid", "invalid: created_at is too far off"],
  ["restricted", "restricted: not allowed to write"],
  ["mute", "mute: nobody listens"],
  ["error", "error: could not connect to the database"],
  ["auth-required", "auth-required: we only take events from members"],
  ["other", "go away"],
  ["other", ""],
  ["quota", "quota: a prefix of no NIP"],
  ["invalid", "ERROR: invalid: as strfry says it"],
] as const;

test("names each rejection by its prefix", () =>
  withRelay(
    {
      answer: inTurn(
        ...rejections.map(
          ([code, text]): Answer =>
            (id) => [reject(id, code, text)],
        ),
      ),
    },
    async (relay) => {
      assertTrue(await publish(relay), relay, { exitCode: 99 });
    },
  ));

test("tells accepted, duplicate and superseded apart", () =>
  withRelay(
    {
      answer: inTurn(
        (id) => [frame(["OK", id, true, "duplicate: already have this event"], "duplicate")],
        (id) => [frame(["OK", id, false, "duplicate: already have this event"], "duplicate")],
        (id) => [frame(["OK", id, false, "replaced: have newer event"], "superseded")],
        (id) => [frame(["OK", id, true, "welcome"], "accepted")],
        (id) => [frame(`[ "OK" , "${id}" ,\n true , "" ]`, "accepted")],
        (id) => [frame(`["OK", "${id}", false, "replaced: have newer event"]`, "superseded")],
        (id) => [frame(`["OK","${id}",true,"",{"more":[1]}]`, "accepted")],
        (id) => [frame(`["OK","${id}",true]`, "accepted")],
        (id) => [frame(`["OK","${id}",true,null]`, "accepted")],
        (id) => [frame(`["OK","${id}",false,"\\u0070ow: \\"::\\" 26"]`, "rejected", "reject/pow")],
      ),
    },
    async (relay) => {
      assertTrue(await publish(relay), relay, { exitCode: 99 });
    },
  ));

test("counts what is never answered as timed out, and what it kept from being sent apart", () =>
  withRelay(
    { answer: ({ event, place }) => (place % 3 === 0 ? [] : [accept(event.id)]) },
    async (relay) => {
      const run = await publish(relay, { "max-in-flight": 1 });
      assert.ok(run.report.totals.timedOut > 0);
      assert.ok(run.report.totals.unsent.backpressure > 0);
      assertTrue(run, relay, { exitCode: 99, heldBack: true });
    },
  ));

test("goes on when publishes that filled every connection have timed out", () =>
  withRelay(
    { answer: ({ event, place }) => (place < 4 ? [] : [accept(event.id)]) },
    async (relay) => {
      const run = await publish(relay, { duration: 2, "max-in-flight": 1 });
      assertTrue(run, relay, { exitCode: 99, heldBack: true });
      const { timedOut, accepted } = run.report.totals;
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
      const { lateOk, timedOut } = run.report.totals;
      assert.deepEqual([lateOk, timedOut], [20, 20]);
      assertTrue(run, relay, { exitCode: 99 });
    },
  ));

test("counts second answers and answers for other ids apart", () =>
  withRelay(
    {
      answer: inTurn(
        (id) => [accept(id), acceptUnasked(id)],
        (id) => [acceptUnasked(SOME_ID), accept(id)],
        (id) => [acceptUnasked(id.toUpperCase()), acceptUnasked(id.slice(1)), accept(id)],
        (id) => [reject(id, "error", "error: no"), acceptUnasked(id)],
        () => [acceptUnasked(SOME_ID)],
      ),
    },
    async (relay) => {
      assertTrue(await publish(relay), relay, { exitCode: 99 });
    },
  ));

const broken: readonly (readonly [code: string, data: (id: string) => string | Buffer])[] = [
  ["not a JSON array", () => "not JSON"],
  ["not a JSON array", () => ""],
  ["not a JSON array", () => "{}"],
  ["not a JSON array", () => "null"],
  ["not a JSON array", () => "7"],
  ["not a JSON array", (id) => `["OK","${id}",true,""`],
  ["not a JSON array", (id) => `["OK","${id}",`],
  ["unknown message", () => "[]"],
  ["unknown message", () => '["HELLO","you"]'],
  ["unknown message", (id) => `["ok","${id}",true,""]`],
  ["bad OK", () => '["OK"]'],
  ["bad OK", (id) => `["OK","${id}"]`],
  ["bad OK", (id) => `["OK","${id}","true",""]`],
  ["bad NOTICE", () => '["NOTICE"]'],
  ["bad AUTH", () => '["AUTH",7]'],
  ["binary frame", () => Buffer.from([0, 255, 254])],
  ["binary frame", (id) => Buffer.from(JSON.stringify(["OK", id, true, ""]))],
];

test("names what is no message of the protocol, and goes on", () =>
  withRelay(
    {
      answer: inTurn(
        ...broken.map(
          ([code, data]): Answer =>
            (id) => [garbage(code, data(id)), accept(id)],
        ),
      ),
    },
    async (relay) => {
      const run = await publish(relay);
      assertTrue(run, relay, { exitCode: 0 });
      const binary = run.report.errors.find(({ code }) => code === "binary frame");
      assert.equal(binary?.example, "3 bytes");
    },
  ));

test("lives through frames of a megabyte", () =>
  withRelay(
    {
      answer: inTurn(
        (id) => [garbage("not a JSON array", "x".repeat(1_000_000)), accept(id)],
        (id) => [notice(`blocked: ${"y".repeat(1_000_000)}`, "blocked"), accept(id)],
        (id) => [frame(["OK", id, true, "z".repeat(1_000_000)], "accepted")],
        (id) => [garbage("binary frame", Buffer.alloc(1_000_000)), accept(id)],
      ),
    },
    async (relay) => {
      assertTrue(await publish(relay, { rate: 20 }), relay, { exitCode: 0 });
    },
  ));

test("counts a flood of notices, and challenges, and takes no offence at other messages", () =>
  withRelay(
    {
      greet: () => [frame(["AUTH", "challenge"], null, "auth/challenge")],
      answer: ({ event: { id }, place }) => [
        ...Array.from({ length: 100 }, () => notice("rate-limited: slow down", "rate-limited")),
        notice("hello", "other"),
        frame(["EOSE", "never asked"], null),
        frame(["CLOSED", "never asked", "auth-required: no"], null),
        frame(["COUNT", "never asked", { count: 7 }], null),
        place % 2 === 0 ? accept(id) : reject(id, "auth-required", "auth-required: members only"),
      ],
    },
    async (relay) => {
      assertTrue(await publish(relay), relay, { exitCode: 99 });
    },
  ));
