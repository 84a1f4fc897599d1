/** The audit over real sockets: what a relay says to a reader, and what comes of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { WebSocketServer } from "ws";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { auditRun, readAcknowledged } from "../src/node/audit/audit.ts";
import { openReader, type ReaderTimes, Unanswered } from "../src/node/audit/relay-reader.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import type { ClientMessage, NostrEvent, RelayMessage } from "../src/nostr/wire.ts";
import { formatLine } from "../src/pool/format.ts";
import { sliceOf } from "./fixtures/reports/run.ts";

/** An unsigned event; ids differ in their first digits, as hashes do. */
function eventOf(place: number): NostrEvent {
  const id = place.toString(16).padStart(4, "0").padEnd(64, "7");
  const [pubkey, sig] = ["a".repeat(64), "0".repeat(128)];
  return { id, pubkey, sig, kind: 1, created_at: 1_750_000_000, tags: [], content: "" };
}

const TIMES: ReaderTimes = { handshakeMs: 5_000, silenceMs: 5_000, afterNoticeMs: 40 };

/** A relay that answers each REQ with these messages, and the address to reach it at. */
async function relayOf(
  t: TestContext,
  answer: (subscription: string) => readonly RelayMessage[] | "end",
  onConnection: () => void = () => {},
) {
  const server = createServer();
  const relay = new WebSocketServer({ server });
  const received: ClientMessage[] = [];
  relay.on("connection", (socket) => {
    onConnection();
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      received.push(message);
      if (message[0] !== "REQ") return;
      const replies = answer(message[1]);
      if (replies === "end") socket.terminate();
      else for (const reply of replies) socket.send(JSON.stringify(reply));
    });
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  t.after(() => {
    for (const client of relay.clients) client.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const admission: Admission = {
    status: "admitted",
    // A name that no resolver knows: only the admitted address leads to the relay.
    url: parseRelayUrl(`ws://nowhere.test:${port}/path`),
    reason: "",
    addresses: ["127.0.0.1"],
  };
  return { admission, received };
}

describe("the reader", () => {
  it("dials the admitted address, and collects what belongs to its subscription", async (t) => {
    const { admission, received } = await relayOf(t, (id) => [
      ["EVENT", "another", eventOf(2)],
      ["EVENT", id, eventOf(1)],
      ["EOSE", "another"],
      ["EOSE", id],
    ]);
    const reader = await openReader(admission, TIMES);
    const answer = await reader.ask([{ ids: [eventOf(1).id] }]);
    assert.deepEqual(answer, { status: "complete", events: [eventOf(1)] });
    await reader.ask([{ ids: [] }]);
    reader.close();
    assert.deepEqual(
      received.slice(0, 3).map(([type, id]) => [type, id]),
      [
        ["REQ", "audit0"],
        ["CLOSE", "audit0"],
        ["REQ", "audit1"],
      ],
    );
  });

  const refusals: readonly (readonly [string, (id: string) => readonly RelayMessage[], RegExp])[] =
    [
      ["CLOSED", (id) => [["CLOSED", id, "error: too many filters"]], /^error: too many filters$/],
      ["a NOTICE alone", () => [["NOTICE", "bad\u001b[2J req"]], /^bad \[2J req$/],
    ];
  for (const [name, answer, text] of refusals) {
    it(`takes ${name} for a refusal`, async (t) => {
      const { admission } = await relayOf(t, answer);
      const reader = await openReader(admission, TIMES);
      const given = await reader.ask([{ ids: [] }]);
      reader.close();
      assert.match(given.status === "refused" ? given.text : "", text);
    });
  }

  const failures: readonly (readonly [
    string,
    (id: string) => readonly RelayMessage[] | "end",
    RegExp,
  ])[] = [
    ["the end of the connection", () => "end", /the relay ended the connection/],
    ["silence", () => [], /no answer in 80 ms/],
    [
      "a demand for AUTH",
      (id) => [
        ["AUTH", "challenge"],
        ["CLOSED", id, "auth-required: members only"],
      ],
      /members only/,
    ],
    ["a restriction", (id) => [["CLOSED", id, "restricted: not for you"]], /not for you/],
  ];
  for (const [name, answer, reason] of failures) {
    it(`gives up at ${name}, and says so`, async (t) => {
      const { admission } = await relayOf(t, answer);
      const times = name === "silence" ? { ...TIMES, silenceMs: 80 } : TIMES;
      const reader = await openReader(admission, times);
      await assert.rejects(reader.ask([{ ids: [] }]), reason);
      reader.close();
      await assert.rejects(reader.ask([{ ids: [] }]), Unanswered);
    });
  }

  it("says so when nothing listens", async () => {
    const server = createServer().listen({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const url = parseRelayUrl(`ws://127.0.0.1:${port}`);
    const admission = { status: "admitted", url, reason: "", addresses: ["127.0.0.1"] } as const;
    await assert.rejects(openReader(admission, TIMES), /no connection: .*ECONNREFUSED/);
  });
});

describe("the audit", () => {
  async function makePoolOf(t: TestContext, events: readonly NostrEvent[]): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-audit-"));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const lines = events.map(
      (event) => `${formatLine({ type: 0, part: 0, lastPart: 0 }, event)}\n`,
    );
    await writeFile(join(dir, "frames.txt"), lines.join(""));
    return dir;
  }
  const events = Array.from({ length: 150 }, (_, place) => eventOf(place));
  const noted = (chosen: readonly NostrEvent[]) => chosen.map(({ id }) => id.slice(0, 16));

  it("finds the events in the pool, by relay", async (t) => {
    const dir = await makePoolOf(t, events);
    const slices = [
      sliceOf({ seq: 0, accepted: [noted(events.slice(7, 9)), noted(events.slice(2, 3))] }),
      sliceOf({ seq: 1 }),
      sliceOf({ seq: 2, accepted: [noted(events.slice(0, 1))] }),
    ];
    const [first, second, third] = await readAcknowledged(dir, slices, 3);
    assert.deepEqual(first, [events[0], events[7], events[8]]);
    assert.deepEqual(second, [events[2]]);
    assert.deepEqual(third, []);
  });

  it("lists the first hundred missing, and counts all", async (t) => {
    const { admission } = await relayOf(t, (id) => [["EOSE", id]]);
    const { audit, notes } = await auditRun({
      accepted: [events],
      admissions: [admission],
      acknowledged: 300,
      signal: new AbortController().signal,
    });
    const missing = events.slice(0, 100).map(({ id }) => id);
    const counts = { checked: 150, found: 0, excused: 0, missingCount: 150, acknowledged: 300 };
    assert.deepEqual(audit, { ...counts, missing });
    assert.deepEqual(notes, []);
  });

  it("ends when it takes too long or is interrupted, whatever the relay does", async (t) => {
    const controllers = { asking: new AbortController(), opening: new AbortController() };
    const audit = async (
      answer: () => [],
      onConnection: () => void,
      limits: { readonly signal: AbortSignal; readonly mostMs?: number },
    ) => {
      const { admission } = await relayOf(t, answer, onConnection);
      return auditRun({
        accepted: [events],
        admissions: [admission],
        acknowledged: 150,
        ...limits,
      });
    };
    const interrupt = (when: keyof typeof controllers): [] => {
      controllers[when].abort();
      return [];
    };
    const never = new AbortController().signal;
    for (const { audit: none, notes } of [
      await audit(
        () => [],
        () => {},
        { signal: never, mostMs: 60 },
      ),
      await audit(
        () => [],
        () => {},
        { signal: AbortSignal.abort(), mostMs: 60 },
      ),
      await audit(
        () => interrupt("asking"),
        () => {},
        { signal: controllers.asking.signal },
      ),
      await audit(
        () => [],
        () => interrupt("opening"),
        { signal: controllers.opening.signal },
      ),
    ]) {
      assert.equal(none, null);
      assert.match(notes.join(), /not measured: it took too long or was interrupted/);
    }
  });

  it("is null, with the reason, when the relay lets nobody read; and not when nothing was noted", async (t) => {
    const { admission } = await relayOf(t, (id) => [["CLOSED", id, "auth-required: who are you"]]);
    const ask = (accepted: readonly NostrEvent[]) =>
      auditRun({
        accepted: [accepted],
        admissions: [admission],
        acknowledged: accepted.length,
        // An interrupted run is audited too.
        signal: AbortSignal.abort(),
      });
    const refused = await ask(events.slice(0, 2));
    assert.equal(refused.audit, null);
    assert.match(refused.notes.join(), /not measured: .*auth-required: who are you/);
    assert.equal((await ask([])).audit?.checked, 0);
  });
});
