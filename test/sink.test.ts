import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { WebSocket } from "ws";
import { ConfigError } from "../src/errors.ts";
import { startSink } from "../src/node/relay/sink.ts";
import { buildFrame } from "../src/node/relay/sink-frames.ts";
import { makeUpRows, SinkRows } from "../src/node/relay/sink-rows.ts";
import { SinkSession } from "../src/node/relay/sink-session.ts";

const HEX = "0123456789abcdef";
const FIN = 0x80;
const hexId = fc.array(fc.constantFrom(...HEX), { minLength: 64, maxLength: 64 });

function eventFrame(id: string, content = ""): string {
  return `["EVENT",{"id":"${id}","content":${JSON.stringify(content)}}]`;
}

/** A frame of a client (RFC 6455 §5.2); `first` is its first byte. */
function clientFrame(first: number, payload: Buffer, mask: number): Buffer {
  const frame = buildFrame(0, payload);
  const masked = Buffer.from(payload);
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask >>> 0);
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] ?? 0) ^ (key[i & 3] ?? 0);
  const head = frame.subarray(0, frame.length - payload.length);
  head[0] = first;
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, key, masked]);
}

function textFrame(text: string, mask = 0x12_34_ab_cd): Buffer {
  return clientFrame(FIN | 1, Buffer.from(text), mask);
}

/** Reads the short frames that a sink sends. */
function readFrames(bytes: Buffer): { opcode: number; payload: Buffer }[] {
  const frames: { opcode: number; payload: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 1] ?? 0;
    assert.ok(length < 126, "a short frame");
    frames.push({
      opcode: (bytes[at] ?? 0) & 0x0f,
      payload: bytes.subarray(at + 2, at + 2 + length),
    });
    at += 2 + length;
  }
  return frames;
}

/** What a session writes for chunks; references are kept, so that a view overwritten later shows. */
function answerChunks(chunks: readonly Buffer[]): { frames: string[]; answered: number } {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  let answered = 0;
  const session = new SinkSession(socket, new SinkRows([]), (events) => {
    answered += events;
  });
  for (const chunk of chunks) session.receive(Buffer.from(chunk));
  return {
    frames: readFrames(Buffer.concat(written)).map(({ opcode, payload }) =>
      opcode === 8 ? `close ${payload.readUInt16BE()}` : payload.toString(),
    ),
    answered,
  };
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((place, at) => bytes.subarray(places[at], place));
}

async function runSink(t: TestContext) {
  const sink = await startSink({ port: 0 });
  t.after(() => sink.close());
  const client = new WebSocket(sink.url);
  await once(client, "open");
  t.after(() => client.terminate());
  const next = async (): Promise<unknown> => {
    const [data] = await once(client, "message");
    return JSON.parse(String(data));
  };
  return { sink, client, next };
}

describe("the sink's frames", () => {
  it("answers every event by its id, however the bytes are cut into chunks", () => {
    const message = fc.record({
      id: hexId.map((digits) => digits.join("")),
      content: fc.string({ maxLength: 200 }),
      isOurs: fc.boolean(),
      mask: fc.integer(),
    });
    const cuts = fc.array(fc.nat(), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 20 }), cuts, (messages, places) => {
        const bytes = messages.map(({ id, content, isOurs, mask }) =>
          textFrame(isOurs ? eventFrame(id, content) : `["EVENT",{"kind":1,"id":"${id}"}]`, mask),
        );
        const { frames, answered } = answerChunks(split(Buffer.concat(bytes), places));
        const expected = messages.map(({ id }) => JSON.stringify(["OK", id, true, ""]));
        assert.deepEqual(frames, expected);
        assert.equal(answered, messages.length);
      }),
    );
  });

  it("answers payloads of every length encoding", () => {
    for (const length of [0, 24, 25, 26, 200, 65_400, 65_536, 300_000]) {
      const id = "5".repeat(64);
      const { frames } = answerChunks([textFrame(eventFrame(id, "x".repeat(length)))]);
      assert.deepEqual(frames, [JSON.stringify(["OK", id, true, ""])], `content of ${length}`);
    }
  });

  it("takes the smallest payload that holds an id by the fast way, and asks JSON for the rest", () => {
    const broken = `["EVENT",{"id":"${"a".repeat(64)}"`;
    assert.deepEqual(answerChunks([textFrame(broken)]).answered, 1);
    const { frames } = answerChunks([textFrame(broken.slice(0, -1))]);
    assert.match(frames[0] ?? "", /NOTICE/);
  });

  const faults: readonly [name: string, frame: Buffer, expected: string][] = [
    ["an unmasked frame", buildFrame(1, Buffer.from("[]")), "close 1002"],
    ["a reserved bit", clientFrame(FIN | 0x41, Buffer.from("[]"), 1), "close 1002"],
    ["a reserved opcode", clientFrame(FIN | 3, Buffer.from("[]"), 1), "close 1002"],
    ["a fragmented ping", clientFrame(9, Buffer.from("x"), 1), "close 1002"],
    ["a long ping", clientFrame(FIN | 9, Buffer.alloc(126), 1), "close 1002"],
    ["a continuation of nothing", clientFrame(FIN, Buffer.from("x"), 1), "close 1002"],
    ["a binary frame", clientFrame(FIN | 2, Buffer.from("[]"), 1), "close 1003"],
    ["a payload above 1 MiB", clientFrame(FIN | 1, Buffer.alloc(1_048_577), 1), "close 1009"],
    ["a Close frame", clientFrame(FIN | 8, Buffer.from([0x03, 0xe8, 0x78]), 1), "close 1000"],
  ];
  for (const [name, frame, expected] of faults) {
    it(`answers ${name} with ${expected}, and nothing after it`, () => {
      const { frames } = answerChunks([frame, textFrame(eventFrame("a".repeat(64)))]);
      assert.deepEqual(frames, [expected]);
    });
  }

  it("refuses a fragmented message above 1 MiB", () => {
    const part = Buffer.alloc(600_000, " ");
    const { frames } = answerChunks([clientFrame(1, part, 1), clientFrame(FIN, part, 1)]);
    assert.deepEqual(frames, ["close 1009"]);
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        answerChunks(chunks.map((chunk) => Buffer.from(chunk)));
      }),
    );
  });
});

describe("startSink", () => {
  const answers: readonly [frame: string, answer: unknown][] = [
    [eventFrame("1".repeat(64)), ["OK", "1".repeat(64), true, ""]],
    [`[ "EVENT", {"kind":1,"id":"x"} ]`, ["OK", "x", true, ""]],
    ['["REQ","s",{}]', ["EOSE", "s"]],
    ['["COUNT","s",{}]', ["COUNT", "s", { count: 0 }]],
    ['["AUTH",{"id":"x"}]', ["OK", "x", true, ""]],
    ['["EVENT",{}]', ["NOTICE", "invalid: an event needs an id"]],
    ["nonsense", ["NOTICE", "invalid: a message must be a JSON array"]],
  ];
  for (const [frame, answer] of answers) {
    it(`answers ${frame.slice(0, 40)}`, async (t) => {
      const { client, next } = await runSink(t);
      client.send('["CLOSE","s"]');
      client.send(frame);
      assert.deepEqual(await next(), answer);
    });
  }

  it("answers a fragmented message, with a ping between the fragments", async (t) => {
    const { sink, client, next } = await runSink(t);
    const frame = eventFrame("2".repeat(64));
    const pong = once(client, "pong");
    const answer = next();
    client.send(frame.slice(0, 30), { fin: false });
    client.ping("alive");
    client.send(frame.slice(30), { fin: true });
    assert.equal(String((await pong)[0]), "alive");
    assert.deepEqual(await answer, ["OK", "2".repeat(64), true, ""]);
    assert.equal(sink.answered(), 1);
  });

  it("answers a REQ with as many rows as its limits ask for, under its id", async (t) => {
    const rows = makeUpRows(5);
    const sink = await startSink({ port: 0, rows });
    t.after(() => sink.close());
    const socket = new WebSocket(sink.url);
    t.after(() => socket.terminate());
    await once(socket, "open");
    for (const [id, filters, count] of [
      ["q1", '{"limit":2}', 2],
      ["q2", '{"limit":2},{"kinds":[1],"limit":1}', 3],
      ["another", '{"limit":100}', 5],
      ["all", "{}", 5],
      ['with "quotes" é', '{"limit":1}', 1],
    ] as const) {
      const got: unknown[] = [];
      const ended = new Promise<void>((resolve) => {
        const take = (data: unknown) => {
          const message = JSON.parse(String(data));
          got.push(message);
          if (message[0] !== "EOSE") return;
          socket.off("message", take);
          resolve();
        };
        socket.on("message", take);
      });
      socket.send(`["REQ",${JSON.stringify(id)},${filters}]`);
      await ended;
      const expected = rows.slice(0, count).map((row) => ["EVENT", id, JSON.parse(row)]);
      assert.deepEqual(got, [...expected, ["EOSE", id]]);
    }
  });

  it("answers frames cut over TCP segments", async (t) => {
    const sink = await startSink({ port: 0 });
    t.after(() => sink.close());
    const socket = connect(sink.port, "127.0.0.1").setNoDelay();
    t.after(() => socket.destroy());
    const send = (bytes: Buffer) => new Promise((resolve) => socket.write(bytes, resolve));
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    await send(
      Buffer.from(
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
    );
    while (!received.includes("\r\n\r\n")) await once(socket, "data");
    // The key and its answer are those of RFC 6455 §1.3.
    assert.match(received.toString(), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
    received = Buffer.alloc(0);
    const ids = ["3", "4", "5"].map((digit) => digit.repeat(64));
    const bytes = Buffer.concat(ids.map((id) => textFrame(eventFrame(id))));
    for (const chunk of split(bytes, [1, 7, 20, 60, 150, 151])) await send(chunk);
    while (received.length < ids.length * 83) await once(socket, "data");
    const frames = readFrames(received).map(({ payload }) => JSON.parse(payload.toString()));
    assert.deepEqual(
      frames,
      ids.map((id) => ["OK", id, true, ""]),
    );
  });

  it("completes the close handshake with the client's code", async (t) => {
    const { client } = await runSink(t);
    client.close(1000);
    const [code] = await once(client, "close");
    assert.equal(code, 1000);
  });

  it("says goodbye with 1001 when it closes", async (t) => {
    const { sink, client } = await runSink(t);
    const closed = once(client, "close");
    await sink.close();
    assert.equal((await closed)[0], 1001);
  });

  it("serves a relay information document and refuses a handshake without a key", async (t) => {
    const { sink } = await runSink(t);
    const url = `http://127.0.0.1:${sink.port}/`;
    const response = await fetch(url, { headers: { accept: "application/nostr+json" } });
    assert.match(await response.text(), /"name":"k6-nostr sink"/);
    const socket = connect(sink.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    assert.match(String((await once(socket, "data"))[0]), /^HTTP\/1.1 400/);
    socket.destroy();
  });

  it("says which port is taken", async (t) => {
    const { sink } = await runSink(t);
    await assert.rejects(startSink({ port: sink.port }), ConfigError);
  });
});
