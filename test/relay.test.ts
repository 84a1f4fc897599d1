import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { startRelayProcess } from "../src/node/relay/process.ts";
import { startRelay } from "../src/node/relay/relay.ts";
import { EventStore } from "../src/node/relay/store.ts";
import { WriteQueue } from "../src/node/relay/write-queue.ts";
import type { ClientMessage, EventTemplate, NostrEvent } from "../src/nostr/wire.ts";
import { ACCEPTED, Client, DELETED, makeFile, NOW, run, sign } from "./relay-client.ts";

describe("the relay's address", () => {
  for (const host of ["0.0.0.0", "::", "localhost", "192.0.2.1", ""]) {
    it(`refuses to listen on ${JSON.stringify(host)}`, async () => {
      await assert.rejects(startRelay({ host, port: 0, file: ":memory:" }), ConfigError);
    });
  }

  it("refuses a port that is taken, and one that is none", async (t) => {
    const { relay } = await run(t);
    for (const port of [relay.port, -1, 65_536, 1.5]) {
      await assert.rejects(startRelay({ port, file: ":memory:" }), ConfigError);
    }
  });

  it("refuses a file that another relay holds, and one in no folder", async (t) => {
    const file = await makeFile(t);
    await run(t, { file });
    await assert.rejects(startRelay({ port: 0, file }), /ConfigError: .*locked/s);
    await assert.rejects(startRelay({ port: 0, file: join(file, "x") }), ConfigError);
  });

  it("takes over the file of a relay that was killed, with all that is in it", async (t) => {
    const file = await makeFile(t);
    const killed = await startRelayProcess(["--file", file]);
    const client = new Client(killed.url);
    await once(client.socket, "open");
    const event = sign({ created_at: Math.floor(Date.now() / 1_000) });
    assert.deepEqual(await client.publish(event), ACCEPTED);
    process.kill(killed.pid, "SIGKILL");
    await killed.stop();
    const { client: next } = await run(t, { file });
    assert.deepEqual(await next.query({}), [event.id]);
  });

  for (const [whose, own, isTaken] of [
    ["of a process that runs", {}, false],
    ["of another process under the same number", { startedTicks: 1 }, true],
    ["of another host", { startedTicks: 1, host: "elsewhere" }, false],
    ["of nobody who says so", null, false],
  ] as const) {
    it(`${isTaken ? "takes over" : "leaves"} a lock ${whose}`, async (t) => {
      const file = await makeFile(t);
      const ownerFile = `${file}.owner`;
      new EventStore(file, NOW).close();
      assert.equal(existsSync(ownerFile), false);
      // What a kill leaves behind.
      const held = new EventStore(file, NOW);
      t.after(() => held.close());
      const owner = JSON.parse(await readFile(ownerFile, "utf8"));
      if (own === null) await rm(ownerFile);
      else await writeFile(ownerFile, JSON.stringify({ ...owner, ...own }));
      const open = () => new EventStore(file, NOW).close();
      if (isTaken) open();
      else assert.throws(open, /ConfigError: .*locked/s);
    });
  }
});

describe("the relay information document (NIP-11)", () => {
  const accept = "application/nostr+json";

  it("announces the limits in force", async (t) => {
    const { relay } = await run(t, { limits: { max_subscriptions: 7 } });
    const response = await fetch(relay.url.replace("ws", "http"), { headers: { accept } });
    assert.equal(response.headers.get("content-type"), accept);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    const { supported_nips, limitation } = JSON.parse(await response.text());
    assert.deepEqual(supported_nips, [1, 9, 11, 40, 45, 50, 67, 70]);
    assert.equal(limitation.max_subscriptions, 7);
    assert.equal(limitation.max_limit, 1_000);
    assert.equal(limitation.auth_required, false);
  });

  it("lists NIP-42 only where authentication is required", async (t) => {
    const { relay } = await run(t, { authRequired: true });
    const response = await fetch(relay.url.replace("ws", "http"), { headers: { accept } });
    const { supported_nips, limitation } = JSON.parse(await response.text());
    assert.ok(supported_nips.includes(42));
    assert.equal(limitation.auth_required, true);
  });

  it("answers other requests over HTTP without it", async (t) => {
    const { relay } = await run(t);
    const url = relay.url.replace("ws", "http");
    assert.match(await (await fetch(url)).text(), /WebSocket/);
    assert.equal((await fetch(url, { method: "OPTIONS" })).status, 204);
    assert.equal((await fetch(url, { method: "POST" })).status, 405);
  });
});

describe("durability", () => {
  it("has on disk what it said OK to, while it runs", async (t) => {
    const file = await makeFile(t);
    const { client } = await run(t, { file });
    const events = Array.from({ length: 100 }, (_, at) => sign({ content: `${at}` }));
    for (const event of events) client.send(["EVENT", event]);
    for (const event of events) assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    await copyFile(file, `${file}2`);
    await copyFile(`${file}-wal`, `${file}2-wal`);
    const store = new EventStore(`${file}2`, NOW);
    t.after(() => store.close());
    assert.equal(store.count([{}], NOW), events.length);
  });

  it("keeps events, tags and deletions over a restart", async (t) => {
    const file = await makeFile(t);
    const first = await run(t, { file });
    const kept = sign({ tags: [["t", "x"]] });
    const deleted = sign({ content: "deleted" });
    for (const event of [kept, deleted]) await first.client.publish(event);
    await first.client.publish(sign({ kind: 5, tags: [["e", deleted.id]] }));
    await first.relay.close();
    const { relay, client } = await run(t, { file });
    assert.equal(relay.stored(), 2);
    assert.deepEqual(await client.query({ "#t": ["x"] }), [kept.id]);
    assert.deepEqual(await client.publish(deleted), DELETED);
  });

  it("shares one write among the events of a turn, and finishes it when told to", (t) => {
    const store = new EventStore(":memory:", NOW);
    t.after(() => store.close());
    const queue = new WriteQueue(store);
    const results: unknown[] = [];
    const events = [sign({}), sign({}), sign({ content: "other" })];
    for (const event of events) {
      queue.add({ event, raw: JSON.stringify(event) }, (result) => results.push(result));
    }
    assert.deepEqual(results, []);
    queue.flush();
    assert.deepEqual(results, ["stored", "duplicate", "stored"]);
  });

  it("closes connections with 1001 and leaves the file ready for the next", async (t) => {
    const file = await makeFile(t);
    const { relay, client } = await run(t, { file });
    const event = sign({});
    client.send(["EVENT", event]);
    assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    const closed = once(client.socket, "close");
    await Promise.all([relay.close(), relay.close()]);
    assert.equal((await closed)[0], 1001);
    const again = await run(t, { file });
    assert.equal(again.relay.stored(), 1);
  });

  it("stores nothing of a batch that fails, and says why", async (t) => {
    const store = new EventStore(":memory:", NOW);
    t.after(() => store.close());
    const event = sign({ kind: 30_078 });
    store.writeAll([{ event, raw: "damaged" }]);
    const newer = sign({ kind: 30_078, created_at: NOW + 1 });
    const batch = [sign({}), newer].map((one) => ({ event: one, raw: JSON.stringify(one) }));
    assert.throws(() => store.writeAll(batch));
    assert.equal(store.count([{}], NOW), 1);
    assert.deepEqual(store.writeAll(batch.slice(0, 1)), ["stored"]);
  });
});

describe("authentication (NIP-42)", () => {
  const auth = (relay: string, challenge: string, template: Partial<EventTemplate> = {}) =>
    sign({
      kind: 22_242,
      tags: [
        ["relay", relay],
        ["challenge", challenge],
      ],
      ...template,
    });

  async function challengeOf(client: Client): Promise<string> {
    const [type, challenge] = await client.next();
    assert.equal(type, "AUTH");
    return String(challenge);
  }

  it("refuses everything until the challenge is answered", async (t) => {
    const { relay, client } = await run(t, { authRequired: true });
    const challenge = await challengeOf(client);
    const refused: readonly [message: ClientMessage, answer: string][] = [
      [["EVENT", sign({})], "OK"],
      [["REQ", "s", {}], "CLOSED"],
      [["COUNT", "s", {}], "CLOSED"],
    ];
    for (const [message, answer] of refused) {
      client.send(message);
      const [type, , ...rest] = await client.next();
      assert.equal(type, answer);
      assert.match(String(rest.at(-1)), /^auth-required: /);
    }
    const event = auth(`${relay.url}/`, challenge);
    client.send(["AUTH", event]);
    assert.deepEqual(await client.next(), ["OK", event.id, true, ""]);
    assert.deepEqual(await client.publish(sign({})), ACCEPTED);
    assert.deepEqual(await client.publish(sign({ tags: [["-"]] })), ACCEPTED);
    assert.match((await client.publish(sign({ tags: [["-"]] }, 2)))[1], /^restricted: /);
    assert.equal(await client.count({}), 2);
    assert.deepEqual(await client.query({ kinds: [22_242] }), []);
  });

  it("refuses an answer that does not fit", async (t) => {
    // Not verifying events does not extend to authentication.
    const { relay, client } = await run(t, { authRequired: true, verify: false });
    const challenge = await challengeOf(client);
    const wrong: readonly [event: NostrEvent, text: RegExp][] = [
      [auth(relay.url, "another"), /^invalid: another challenge/],
      [auth("ws://127.0.0.1:1", challenge), /^invalid: the relay tag/],
      [auth("nonsense", challenge), /^invalid: the relay tag/],
      [auth(relay.url, challenge, { kind: 1 }), /^invalid: AUTH takes kind/],
      [auth(relay.url, challenge, { created_at: NOW - 601 }), /^invalid: created_at/],
      [{ ...auth(relay.url, challenge), sig: "0".repeat(128) }, /^invalid: signature/],
    ];
    for (const [event, text] of wrong) {
      client.send(["AUTH", event]);
      const [type, id, accepted, message] = await client.next();
      assert.deepEqual([type, id, accepted], ["OK", event.id, false]);
      assert.match(String(message), text);
    }
    assert.match((await client.publish(sign({})))[1], /^auth-required: /);
  });

  it("takes no authentication where none is asked for", async (t) => {
    const { relay, client } = await run(t);
    const event = auth(relay.url, "any");
    client.send(["AUTH", event]);
    assert.deepEqual(await client.next(), [
      "OK",
      event.id,
      false,
      "invalid: no challenge was sent",
    ]);
  });
});
