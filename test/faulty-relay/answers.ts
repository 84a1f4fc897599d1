/**
 * What a relay may say to an EVENT, well or badly. Each list is held against a report twice: under the real
 * k6, and in virtual time, where it takes a tenth of a second.
 */
import {
  type Action,
  accept,
  acceptUnasked,
  frame,
  garbage,
  notice,
  reject,
  SOME_ID,
} from "./frames.ts";
import type { Published } from "./relay.ts";

export type Answer = (id: string) => readonly Action[];

/** Each event in turn is answered by the next of these. */
export function inTurn(answers: readonly Answer[]): (published: Published) => readonly Action[] {
  return ({ event, place }) => answers[place % answers.length]?.(event.id) ?? [];
}

const REJECTIONS = [
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

/** With each prefix, with one of no NIP, and with none. */
export const rejected: readonly Answer[] = REJECTIONS.map(([code, text]) => (id) => [
  reject(id, code, text),
]);

export const toldApart: readonly Answer[] = [
  (id) => [frame(["OK", id, true, "duplicate: already have this event"], "duplicate")],
  (id) => [frame(["OK", id, false, "duplicate: already have this event"], "duplicate")],
  (id) => [frame(["OK", id, false, "replaced: have newer event"], "superseded")],
  (id) => [frame(["OK", id, true, "duplicate: have a newer version"], "superseded")],
  (id) => [frame(["OK", id, true, "welcome"], "accepted")],
  (id) => [frame(`[ "OK" , "${id}" ,\n true , "" ]`, "accepted")],
  (id) => [frame(`["OK", "${id}", false, "replaced: have newer event"]`, "superseded")],
  (id) => [frame(`["OK","${id}",true,"",{"more":[1]}]`, "accepted")],
  (id) => [frame(`["OK","${id}",true]`, "accepted")],
  (id) => [frame(`["OK","${id}",true,null]`, "accepted")],
  (id) => [frame(`["OK","${id}",false,"\\u0070ow: \\"::\\" 26"]`, "rejected", "reject/pow")],
];

/** Second answers, and answers for ids that were never sent. */
export const unasked: readonly Answer[] = [
  (id) => [accept(id), acceptUnasked(id)],
  (id) => [acceptUnasked(SOME_ID), accept(id)],
  (id) => [acceptUnasked(id.toUpperCase()), acceptUnasked(id.slice(1)), accept(id)],
  (id) => [reject(id, "error", "error: no"), acceptUnasked(id)],
  (id) => [
    reject(id, "error", "error: no"),
    frame(["OK", id, false, "error: no"], "unknownOk", "unknownOk/unmatched"),
  ],
  () => [acceptUnasked(SOME_ID)],
];

const BROKEN: readonly (readonly [code: string, data: (id: string) => string | Buffer])[] = [
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
  ["bad EVENT", () => '["EVENT",{}]'],
  ["bad EOSE", () => '["EOSE"]'],
  ["bad CLOSED", () => '["CLOSED",null,"error: shut"]'],
  ["binary frame", () => Buffer.from([0, 255, 254])],
  ["binary frame", (id) => Buffer.from(JSON.stringify(["OK", id, true, ""]))],
];

/** What is no message of the protocol, before the answer. */
export const broken: readonly Answer[] = BROKEN.map(([code, data]) => (id) => [
  garbage(code, data(id)),
  accept(id),
]);

const MEGABYTE = 1_000_000;

export const huge: readonly Answer[] = [
  (id) => [garbage("not a JSON array", "x".repeat(MEGABYTE)), accept(id)],
  (id) => [notice(`blocked: ${"y".repeat(MEGABYTE)}`, "blocked"), accept(id)],
  (id) => [frame(["OK", id, true, "z".repeat(MEGABYTE)], "accepted")],
  (id) => [garbage("binary frame", Buffer.alloc(MEGABYTE)), accept(id)],
];

export const challenge = frame(["AUTH", "challenge"], null, "auth/challenge");

const chatter = (): readonly Action[] => [
  ...Array.from({ length: 100 }, () => notice("rate-limited: slow down", "rate-limited")),
  notice("hello", "other"),
  frame(["EOSE", "never asked"], null),
  frame(["CLOSED", "never asked", "auth-required: no"], null),
  frame(["COUNT", "never asked", { count: 7 }], null),
  frame('["EVENT","never asked",{}]', null),
];

/** A flood of notices, and messages that nobody asked for and that are no fault. */
export const flooding: readonly Answer[] = [
  (id) => [...chatter(), accept(id)],
  (id) => [...chatter(), challenge, reject(id, "auth-required", "auth-required: members only")],
];
