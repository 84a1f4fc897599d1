import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ClientMessage, EventTemplate, Tag } from "../src/nostr/wire.ts";
import { ACCEPTED, NOW, OTHER_ID, openClient, run, sign, stringify } from "./relay-client.ts";

describe("refusals", () => {
  it("answers a broken event with OK false and invalid:", async (t) => {
    const { relay, client } = await run(t);
    const event = sign({});
    const broken: readonly [change: Record<string, unknown>, text: RegExp][] = [
      [{ id: OTHER_ID }, /^invalid: id/],
      [{ content: "changed" }, /^invalid: id/],
      [{ sig: sign({}, 2).sig }, /^invalid: signature/],
      [{ sig: "0".repeat(128) }, /^invalid: signature/],
      [{ id: "x" }, /^invalid: id/],
      [{ pubkey: "x" }, /^invalid: pubkey/],
      [{ kind: "1" }, /^invalid: kind/],
      [{ tags: [[]] }, /^invalid: tags/],
      [{ created_at: 1.5 }, /^invalid: created_at/],
      [{ sig: undefined }, /^invalid: sig/],
    ];
    for (const [change, text] of broken) {
      client.send(JSON.stringify(["EVENT", { ...event, ...change }]));
      const [type, id, accepted, message] = await client.next();
      assert.deepEqual([type, id, accepted], ["OK", change.id ?? event.id, false]);
      assert.match(String(message), text);
    }
    const kind = sign({ kind: 22_242 });
    assert.deepEqual(await client.publish(kind), [false, "invalid: kind 22242 belongs in AUTH"]);
    assert.equal(relay.stored(), 0);
  });

  it("takes ids and signatures on trust when told to", async (t) => {
    const { client } = await run(t, { verify: false });
    assert.deepEqual(await client.publish({ ...sign({}), id: OTHER_ID }), ACCEPTED);
  });

  it("enforces the limits on events", async (t) => {
    const limits = {
      max_event_tags: 2,
      max_content_length: 3,
      created_at_lower_limit: 10,
      created_at_upper_limit: 5,
    };
    const { client } = await run(t, { limits });
    const tag: Tag = ["t", "x"];
    const table: readonly [taken: Partial<EventTemplate>, refused: Partial<EventTemplate>][] = [
      [{ tags: [tag, tag] }, { tags: [tag, tag, tag] }],
      [{ content: "🦤🦤🦤" }, { content: "abcd" }],
      [{ created_at: NOW - 10 }, { created_at: NOW - 11 }],
      [{ created_at: NOW + 5 }, { created_at: NOW + 6 }],
    ];
    for (const [taken, refused] of table) {
      assert.deepEqual(await client.publish(sign(taken)), ACCEPTED);
      const [accepted, message] = await client.publish(sign(refused));
      assert.equal(accepted, false);
      assert.match(message, /^invalid: /);
    }
  });

  it("enforces the limits on requests", async (t) => {
    const limits = {
      max_subscriptions: 2,
      max_subid_length: 5,
      max_filters: 2,
      max_limit: 3,
      default_limit: 2,
    };
    const { client } = await run(t, { limits });
    for (const content of ["a", "b", "c", "d"]) await client.publish(sign({ content }));
    assert.equal((await client.query({})).length, 2);
    assert.equal((await client.query({ limit: 9 })).length, 3);
    const refused: readonly [message: ClientMessage, text: RegExp][] = [
      [["REQ", "123456", {}], /^invalid: .* 1 to 5 char/],
      [["REQ", "", {}], /^invalid: .* 1 to 5 char/],
      [["REQ", "s"], /^invalid: .* 1 to 2 filters/],
      [["COUNT", "s", {}, {}, {}], /^invalid: .* 1 to 2 filters/],
      [["REQ", "s", {}, { kinds: [-1] }], /^invalid: .*"kinds"/],
      [["COUNT", "s", { "#p": ["x"] }], /^invalid: .*"#p"/],
    ];
    for (const [message, text] of refused) {
      client.send(message);
      const [type, id, reason] = await client.next();
      assert.deepEqual([type, id], ["CLOSED", message[1]]);
      assert.match(String(reason), text);
    }
    for (const id of ["1", "2", "3"]) client.send(["REQ", id, { limit: 0 }]);
    const answers = [await client.next(), await client.next(), await client.next()];
    assert.deepEqual(answers, [
      ["EOSE", "1"],
      ["EOSE", "2"],
      ["CLOSED", "3", "blocked: too many subscriptions, 2 may be open"],
    ]);
    client.send(["CLOSE", "1"]);
    client.send(["REQ", "3", { limit: 0 }]);
    assert.deepEqual(await client.next(), ["EOSE", "3"]);
  });

  it("answers a message above the limit, and closes the connection far above it", async (t) => {
    const { relay, client } = await run(t, { limits: { max_message_length: 1_000 } });
    const event = sign({ content: "x".repeat(1_000) });
    assert.match((await client.publish(event))[1], /^invalid: message of \d+ bytes/);
    client.send(["REQ", "s", { "#t": ["x".repeat(1_000)] }]);
    assert.equal((await client.next())[0], "CLOSED");
    client.send("x".repeat(1_001));
    assert.equal((await client.next())[0], "NOTICE");
    client.send("x".repeat(10_000));
    assert.equal((await once(client.socket, "close"))[0], 1009);
    assert.equal(await (await openClient(t, relay)).count({}), 0);
  });

  it("takes a protected event from its author only (NIP-70)", async (t) => {
    const { client } = await run(t);
    const event = sign({ tags: [["-"]] });
    assert.deepEqual(await client.publish(event), [
      false,
      "blocked: protected events are not taken",
    ]);
  });

  const malformed = ["", "{}", "[]", "null", "[1]", '["PING"]', '["REQ"]', '["REQ",1]'];
  malformed.push(
    '["CLOSE"]',
    '["COUNT",{}]',
    '["EVENT"]',
    '["EVENT",{}]',
    '["AUTH",1]',
    "[".repeat(9),
  );
  for (const frame of malformed) {
    it(`answers ${frame || "nothing"} with a NOTICE`, async (t) => {
      const { client } = await run(t);
      client.send(frame);
      const [type, text] = await client.next();
      assert.equal(type, "NOTICE");
      assert.match(String(text), /^invalid: /);
    });
  }

  it("survives any frame", async (t) => {
    const { relay, client } = await run(t);
    const event = sign({});
    const part = fc.oneof(fc.jsonValue(), fc.constant(event), fc.constantFrom("s", "query"));
    const type = fc.constantFrom("EVENT", "REQ", "CLOSE", "COUNT", "AUTH");
    const member = fc.constantFrom("ids", "kinds", "#t", "#e", "since", "limit");
    const frame = fc.oneof(
      fc.string(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json(),
      fc.tuple(type, part, part).map(stringify),
      fc.tuple(type, fc.constant("s"), fc.dictionary(member, fc.jsonValue())).map(stringify),
      fc.dictionary(fc.constantFrom(...Object.keys(event)), fc.jsonValue()).map((changes) => {
        return stringify(["EVENT", { ...event, ...changes }]);
      }),
    );
    for (const message of fc.sample(frame, { numRuns: 500, seed: 11 })) client.socket.send(message);
    client.send(["COUNT", "last one", {}]);
    for (;;) {
      const message = await client.next();
      if (message[0] === "COUNT" && message[1] === "last one") break;
    }
    assert.deepEqual(await (await openClient(t, relay)).publish(sign({ kind: 7 })), ACCEPTED);
  });
});
