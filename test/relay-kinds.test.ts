import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startRelay } from "../src/node/relay/relay.ts";
import type { EventTemplate, NostrEvent, Tag } from "../src/nostr/wire.ts";
import {
  ACCEPTED,
  DELETED,
  DUPLICATE,
  makeFile,
  NOW,
  OTHER_ID,
  run,
  SUPERSEDED,
  sign,
} from "./relay-client.ts";

/** Events with one address and one time, lowest id first. */
function signVersions(template: Partial<EventTemplate>): [lowest: NostrEvent, highest: NostrEvent] {
  const [a, b] = [sign({ ...template, content: "a" }), sign({ ...template, content: "b" })];
  return a.id < b.id ? [a, b] : [b, a];
}

describe("kinds (NIP-01)", () => {
  it("keeps every event of a regular kind", async (t) => {
    const { relay, client } = await run(t);
    for (const kind of [1, 2, 7, 22, 1_063, 45_000]) {
      for (const content of ["a", "b"]) {
        assert.deepEqual(await client.publish(sign({ kind, content })), ACCEPTED);
      }
    }
    assert.equal(relay.stored(), 12);
  });

  for (const kind of [0, 3, 10_002, 30_078]) {
    it(`keeps the newest event of kind ${kind}`, async (t) => {
      const { relay, client } = await run(t);
      const tags: Tag[] = [["d", "x"]];
      const [old, kept, late] = [-2, 0, -1].map((offset) =>
        sign({ kind, tags, created_at: NOW + offset }),
      );
      assert.ok(old && kept && late);
      assert.deepEqual(await client.publish(old), ACCEPTED);
      assert.deepEqual(await client.publish(kept), ACCEPTED);
      assert.deepEqual(await client.publish(late), SUPERSEDED);
      assert.deepEqual(await client.publish(old), SUPERSEDED);
      assert.deepEqual(await client.query({ "#d": ["x"] }), [kept.id]);
      assert.equal(relay.stored(), 1);
    });

    it(`keeps the lowest id of kind ${kind} among equal times, in either order`, async (t) => {
      const { client } = await run(t);
      for (const created_at of [NOW - 1, NOW]) {
        const [lowest, highest] = signVersions({ kind, created_at });
        const isLowestFirst = created_at === NOW;
        const order = isLowestFirst ? [lowest, highest] : [highest, lowest];
        const answers = [];
        for (const event of order) answers.push(await client.publish(event));
        assert.deepEqual(answers, [ACCEPTED, isLowestFirst ? SUPERSEDED : ACCEPTED]);
        assert.deepEqual(await client.query({ kinds: [kind] }), [lowest.id]);
      }
    });
  }

  it("tells addresses apart by kind, author and first d tag; none is an empty one", async (t) => {
    const { relay, client } = await run(t);
    const publish = async (kind: number, tags: Tag[], author: number, created_at: number) => {
      assert.deepEqual(await client.publish(sign({ kind, tags, created_at }, author)), ACCEPTED);
      return relay.stored();
    };
    assert.equal(await publish(30_078, [["d", "a"]], 1, NOW), 1);
    assert.equal(await publish(30_079, [["d", "a"]], 1, NOW), 2);
    assert.equal(await publish(30_078, [["d", "a"]], 2, NOW), 3);
    assert.equal(await publish(30_078, [["d", "b"]], 1, NOW), 4);
    assert.equal(await publish(30_078, [["d", "c\0d"]], 1, NOW), 5);
    assert.equal(await publish(30_078, [["d", "c\0e"]], 1, NOW), 6);
    assert.equal(await publish(30_078, [], 1, NOW), 7);
    assert.equal(await publish(30_078, [["d", ""]], 1, NOW + 1), 7);
    assert.equal(await publish(30_078, [["d"]], 1, NOW + 2), 7);
    const tags: Tag[] = [
      ["d", "a"],
      ["d", "z"],
    ];
    assert.equal(await publish(30_078, tags, 1, NOW + 3), 7);
  });

  it("passes ephemeral events on and does not keep them", async (t) => {
    const { relay, client } = await run(t);
    client.send(["REQ", "live", { kinds: [20_001] }]);
    assert.deepEqual(await client.next(), ["EOSE", "live"]);
    const event = sign({ kind: 20_001 });
    assert.deepEqual(await client.publish(event), ACCEPTED);
    assert.deepEqual(await client.next(), ["EVENT", "live", event]);
    assert.equal(relay.stored(), 0);
  });

  it("answers a known id with duplicate and does not pass it on", async (t) => {
    const { relay, client } = await run(t);
    const event = sign({});
    assert.deepEqual(await client.publish(event), ACCEPTED);
    client.send(["REQ", "live", { limit: 0 }]);
    assert.deepEqual(await client.next(), ["EOSE", "live"]);
    const answer = await client.publish(event);
    assert.deepEqual(answer, DUPLICATE);
    assert.equal(await client.count({}), 1);
    assert.equal(relay.stored(), 1);
  });

  it("settles versions and duplicates that arrive together", async (t) => {
    const { relay, client } = await run(t);
    const versions = [0, 1, 2, 1, 2].map((offset) =>
      sign({ kind: 10_000, created_at: NOW + offset }),
    );
    for (const event of versions) client.send(["EVENT", event]);
    const answers = [];
    for (const _ of versions) answers.push((await client.next()).slice(2));
    // Signatures differ from call to call, ids do not.
    assert.deepEqual(answers, [ACCEPTED, ACCEPTED, ACCEPTED, SUPERSEDED, DUPLICATE]);
    assert.equal(relay.stored(), 1);
  });
});

describe("deletion (NIP-09)", () => {
  it("removes the author's events by id, and refuses them afterwards", async (t) => {
    const { client } = await run(t);
    const mine = sign({ tags: [["t", "x"]] });
    const theirs = sign({}, 2);
    const unseen = sign({ content: "unseen" });
    for (const event of [mine, theirs]) await client.publish(event);
    const tags = [mine, theirs, unseen].map((event): Tag => ["e", event.id]);
    const request = sign({ kind: 5, tags });
    assert.deepEqual(await client.publish(request), ACCEPTED);
    assert.deepEqual(await client.query({ kinds: [1] }), [theirs.id]);
    assert.deepEqual(await client.query({ "#t": ["x"] }), []);
    assert.deepEqual(await client.publish(mine), DELETED);
    assert.deepEqual(await client.publish(unseen), DELETED);
    assert.deepEqual(await client.query({ kinds: [5] }), [request.id]);
  });

  it("removes an address up to the request's time, and takes newer versions", async (t) => {
    const { client } = await run(t);
    const tags: Tag[] = [["d", "x:y"]];
    const versions = [-1, 0, 1].map((offset) =>
      sign({ kind: 30_078, tags, created_at: NOW + offset }),
    );
    const [old, deleted, newer] = versions;
    assert.ok(old && deleted && newer);
    await client.publish(deleted);
    const address = `30078:${deleted.pubkey}:x:y`;
    await client.publish(sign({ kind: 5, tags: [["a", address]] }, 2));
    assert.deepEqual(await client.query({ kinds: [30_078] }), [deleted.id]);
    await client.publish(sign({ kind: 5, tags: [["a", address]] }));
    assert.deepEqual(await client.query({ kinds: [30_078] }), []);
    assert.deepEqual(await client.publish(old), DELETED);
    assert.deepEqual(await client.publish(deleted), DELETED);
    assert.deepEqual(await client.publish(newer), ACCEPTED);
    await client.publish(sign({ kind: 5, tags: [["a", address]], content: "again" }));
    assert.deepEqual(await client.query({ kinds: [30_078] }), [newer.id]);
  });

  it("does not delete a deletion request", async (t) => {
    const { client } = await run(t);
    const request = sign({ kind: 5, tags: [["e", OTHER_ID]] });
    await client.publish(request);
    await client.publish(sign({ kind: 5, tags: [["e", request.id]] }));
    assert.deepEqual(await client.query({ ids: [request.id] }), [request.id]);
  });
});

describe("expiration (NIP-40)", () => {
  it("refuses what has expired and serves nothing that expired since", async (t) => {
    let nowSec = NOW;
    const { relay, client } = await run(t, { nowSec: () => nowSec });
    const expiring = (at: string) => sign({ tags: [["expiration", at]] });
    const refused = [false, "invalid: the event has expired"];
    assert.deepEqual(await client.publish(expiring(`${NOW}`)), refused);
    assert.deepEqual(await client.publish(expiring("0")), refused);
    const kept = expiring("never");
    const passing = expiring(`${NOW + 10}`);
    assert.deepEqual(await client.publish(kept), ACCEPTED);
    assert.deepEqual(await client.publish(passing), ACCEPTED);
    assert.equal(await client.count({}), 2);
    nowSec = NOW + 10;
    assert.deepEqual(await client.query({}), [kept.id]);
    assert.equal(await client.count({}), 1);
    assert.equal(relay.stored(), 1);
  });

  it("drops expired events when the file is opened", async (t) => {
    const file = await makeFile(t);
    const first = await run(t, { file });
    const tags: Tag[] = [
      ["expiration", `${NOW + 10}`],
      ["t", "x"],
    ];
    await first.client.publish(sign({ tags }));
    await first.relay.close();
    await (await startRelay({ port: 0, file, nowSec: () => NOW + 10 })).close();
    const { relay } = await run(t, { file });
    assert.equal(relay.stored(), 0);
  });
});
