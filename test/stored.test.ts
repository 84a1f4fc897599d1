import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { WebSocketServer } from "ws";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { acceptedKinds, type Counts, compareStored, countKinds } from "../src/node/audit/stored.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { describeStored } from "../src/report/stored.ts";
import type { StoredKind } from "../src/report/types.ts";
import { NOW, run, sign } from "./relay-client.ts";

const NEVER = new AbortController().signal;

function admissionOf(url: string): Admission {
  return { status: "admitted", url: parseRelayUrl(url), reason: "", addresses: ["127.0.0.1"] };
}

function countsOf(byKind: Readonly<Record<number, number>>): Counts {
  return { byKind: new Map(Object.entries(byKind).map(([kind, n]) => [Number(kind), n])) };
}

const UNSIGNED = {
  id: "0".repeat(64),
  pubkey: "a".repeat(64),
  sig: "0".repeat(128),
  created_at: NOW,
  tags: [],
  content: "",
};

const post = (d: string, created_at = NOW) => sign({ kind: 30_078, tags: [["d", d]], created_at });

function deletionOf(target: NostrEvent): NostrEvent {
  const d = target.tags[0]?.[1];
  return sign({ kind: 5, tags: [["a", `30078:${target.pubkey}:${d}`]] });
}

describe("what a relay keeps of a run", () => {
  it("is counted before and after, and is as expected of a relay that keeps it", async (t) => {
    const { relay, client } = await run(t);
    const admissions = [admissionOf(relay.url)];
    const kinds = [1, 5, 20_001, 30_078];
    await client.publish(sign({ content: "there before" }));
    const before = await countKinds(admissions, kinds, NEVER);
    const posts = [post("a", NOW - 1), post("a"), post("b"), post("c")];
    const accepted = [
      sign({ content: "x" }),
      sign({ content: "y" }),
      sign({ kind: 20_001 }),
      ...posts,
      deletionOf(post("c")),
    ];
    for (const event of accepted) await client.publish(event);
    const after = await countKinds(admissions, kinds, NEVER);
    const stored = compareStored({
      before,
      after,
      accepted: [accepted],
      acknowledged: accepted.length,
    });
    assert.equal(stored.why, null);
    const row = (kind: number, rest: Omit<StoredKind, "kind" | "delta">) => {
      return { kind, delta: 0, ...rest };
    };
    assert.deepEqual(stored.kinds, [
      row(1, { accepted: 2, expectedStored: 2, deleted: 0, counted: 2 }),
      row(5, { accepted: 1, expectedStored: 1, deleted: 0, counted: 1 }),
      row(20_001, { accepted: 1, expectedStored: 0, deleted: 0, counted: 0 }),
      row(30_078, { accepted: 4, expectedStored: 3, deleted: 1, counted: 2 }),
    ]);
    assert.equal(
      describeStored(stored),
      "5 events more than before, of 8 accepted; each of 4 kinds as expected",
    );
  });

  it("differs by what is missing or too much, deletions carried out or not", () => {
    const accepted = [[post("a"), post("b"), post("c"), deletionOf(post("c"))]];
    const deltaOf = (counted: number) => {
      const stored = compareStored({
        before: countsOf({ 30078: 10 }),
        after: countsOf({ 30078: 10 + counted }),
        accepted,
        acknowledged: 4,
      });
      return stored.kinds?.[0]?.delta;
    };
    assert.deepEqual([0, 1, 2, 3, 4].map(deltaOf), [-2, -1, 0, 0, 1]);
  });

  it("is expected of each relay by itself, and counted over all", () => {
    const { kinds } = compareStored({
      before: countsOf({ 30078: 0 }),
      after: countsOf({ 30078: 2 }),
      accepted: [[post("a")], [post("a", NOW + 1)]],
      acknowledged: 2,
    });
    assert.deepEqual(
      kinds?.map(({ expectedStored, delta }) => [expectedStored, delta]),
      [[2, 0]],
    );
  });

  it("is not measured, and says why, where it cannot be counted", async (t) => {
    const { relay } = await run(t);
    const whyOf = (before: Counts, after: Counts, acknowledged = 0) => {
      const stored = compareStored({ before, after, accepted: [[]], acknowledged });
      assert.equal(stored.kinds, null);
      assert.equal(describeStored(stored), `not measured: ${stored.why}`);
      return stored.why ?? "";
    };
    const none = countsOf({ 1: 0 });
    assert.match(whyOf({ why: "first" }, { why: "second" }), /^first$/);
    assert.match(whyOf(none, { why: "second" }), /^second$/);
    assert.match(whyOf(none, none, 20), /^of 20 accepted events 0 were noted$/);
    const unreachable = await countKinds([admissionOf("ws://127.0.0.1:1")], [1], NEVER);
    assert.match(whyOf(unreachable, none), /^127\.0\.0\.1:1: no connection: /);
    const admissions = [admissionOf(relay.url)];
    assert.match(whyOf(await countKinds(admissions, [], NEVER), none), /does not say which kinds/);
    const stopped = await countKinds(admissions, [1], AbortSignal.abort());
    assert.match(whyOf(stopped, none), /it took too long or was interrupted/);
  });

  it("may lack what its author deleted by id, and what expired, and nothing of others", () => {
    const notes = Array.from({ length: 4 }, (_, i) => sign({ content: String(i) }));
    const [first, second] = notes;
    const deletion = sign({ kind: 5, tags: [["e", first?.id ?? ""]] });
    const foreign = {
      ...sign({ kind: 5, tags: [["e", second?.id ?? ""]] }),
      pubkey: "b".repeat(64),
    };
    const brief = sign({ content: "brief", tags: [["expiration", String(NOW + 5)]] });
    const accepted = [[...notes, brief, deletion, foreign]];
    const deltaOf = (counted: number, nowSec: number) =>
      compareStored({
        before: countsOf({ 1: 0 }),
        after: countsOf({ 1: counted }),
        accepted,
        acknowledged: 7,
        nowSec,
      }).kinds?.[0]?.delta;
    assert.deepEqual(
      [5, 4, 3].map((counted) => deltaOf(counted, NOW)),
      [0, 0, -1],
    );
    assert.deepEqual(
      [5, 3, 2].map((counted) => deltaOf(counted, NOW + 5)),
      [0, 0, -1],
    );
  });

  it("is held against what the types and a sample tell, of a run of any length", () => {
    const events = Array.from({ length: 1_000 }, (_, i) =>
      i % 10 < 6
        ? { ...UNSIGNED, kind: 1 }
        : i % 10 < 8
          ? { ...UNSIGNED, kind: 20_001 }
          : { ...UNSIGNED, kind: 30_078, tags: [["d", String(i)]] as const },
    );
    const compare = (after: Readonly<Record<number, number>>, byKind?: Map<number, number>) =>
      compareStored({
        before: countsOf({ 1: 5, 20001: 0, 30078: 7 }),
        after: countsOf(after),
        accepted: [events],
        acknowledged: 12_000,
        ...(byKind === undefined ? {} : { byKind }),
      }).kinds?.map(({ kind, delta }) => [kind, delta]);
    // The type tells: to the event.
    const exact = new Map([[1, 7_200]]);
    const rest = { 20001: 0, 30078: 2_407 };
    assert.deepEqual(compare({ 1: 7_205, ...rest }, exact)?.[0], [1, 0]);
    assert.deepEqual(compare({ 1: 7_204, ...rest }, exact)?.[0], [1, -1]);
    // The sample alone: within four standard errors, 744 of 7,200.
    assert.deepEqual(compare({ 1: 6_500, ...rest })?.[0], [1, 0]);
    assert.deepEqual(compare({ 1: 6_405, ...rest })?.[0], [1, -56]);
    // Ephemeral events are to be kept by nobody.
    assert.deepEqual(compare({ 1: 7_205, 20001: 3, 30078: 2_407 }, exact)?.[1], [20_001, 3]);
    // Two hundred addresses are known, and each event may have its own.
    for (const [stored, delta] of [
      [206, 0],
      [199, -1],
      [3_000, 0],
      [3_100, 92],
    ] as const) {
      assert.deepEqual(compare({ 1: 7_205, 20001: 0, 30078: 7 + stored }, exact)?.[2], [
        30_078,
        delta,
      ]);
    }
  });

  it("takes the number of each kind from types of one kind, the warm-up's too", () => {
    const kinds = {
      note: [[1]],
      view: [[30_078]],
      video: [[30_078], [34_235]],
      typing: [[20_001]],
    };
    const types = Object.keys(kinds);
    const cells = (accepted: number) => [0, 0, accepted];
    const slices = [
      {
        classes: {
          publish: [
            [0, ...cells(3)],
            [1, ...cells(10)],
            [2, ...cells(10)],
          ],
        },
      },
      {
        classes: {
          publish: [
            [0, ...cells(2)],
            [3, ...cells(4)],
            [5, ...cells(7)],
          ],
        },
      },
    ] as const;
    // Of the fourth kind the video's part is not told from the view.
    assert.deepEqual(
      [...acceptedKinds(slices, { types, kinds })],
      [
        [1, 12],
        [20_001, 4],
      ],
    );
    assert.equal(acceptedKinds(slices, { types, kinds: { ...kinds, note: null } }).size, 0);
  });

  it("names the kinds that are not as expected", () => {
    const row = { accepted: 9, deleted: 0 };
    const line = describeStored({
      why: null,
      kinds: [
        { ...row, kind: 1, expectedStored: 9, counted: 7, delta: -2 },
        { ...row, kind: 7, expectedStored: 9, counted: 9, delta: 0 },
        { ...row, kind: 20_002, expectedStored: 0, counted: 4, delta: 4 },
      ],
    });
    assert.equal(
      line,
      "20 events more than before, of 27 accepted; NOT AS EXPECTED: kind 1 2 fewer (7 of 9); kind 20002 4 more (4 of 0), if nobody else wrote meanwhile",
    );
  });
});

describe("the reader of counts", () => {
  it("takes no number that is not exact, and no relay that refuses", async (t) => {
    const answers: readonly (readonly [reply: unknown, why: RegExp])[] = [
      [{ count: 3, approximate: true }, /not exact/],
      [{ count: 3, limited: true }, /not exact/],
      [{ count: "3" }, /not exact/],
      [null, /not exact/],
    ];
    for (const [reply, why] of answers) {
      const counts = await countKinds([await relayThatCounts(t, ["COUNT", reply])], [1], NEVER);
      assert.ok("why" in counts);
      assert.match(counts.why, why);
    }
    const closed = await relayThatCounts(t, ["CLOSED", "unsupported: no COUNT"]);
    const refused = await countKinds([closed], [1], NEVER);
    assert.ok("why" in refused);
    assert.match(refused.why, /the relay does not count: unsupported: no COUNT/);
  });
});

/** A relay that answers every message of a subscription with this. */
async function relayThatCounts(
  t: TestContext,
  [type, body]: readonly [type: string, body: unknown],
): Promise<Admission> {
  const relay = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  relay.on("connection", (socket) => {
    socket.on("message", (data) => {
      socket.send(JSON.stringify([type, JSON.parse(String(data))[1], body]));
    });
  });
  await once(relay, "listening");
  t.after(() => {
    for (const client of relay.clients) client.terminate();
    relay.close();
  });
  return admissionOf(`ws://127.0.0.1:${(relay.address() as AddressInfo).port}`);
}
