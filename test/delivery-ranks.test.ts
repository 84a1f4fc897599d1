/** Ranks of receivers, of events that come too fast to look at each. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { createRanks } from "../k6/lib/delivery/ranks.ts";
import { createSent } from "../k6/lib/delivery/sent.ts";
import type { Topic } from "../k6/lib/delivery/subscriptions.ts";
import { Book } from "../src/measure/book.ts";
import { FRAME_ID_OFFSET, HEADER_LENGTH } from "../src/pool/format.ts";

const ROW = 2;
const topic: Topic = { place: 0, row: ROW, filter: "", size: 10, isWhole: true };

/** An event of an id of its own that each second receiver has, the last one first, a millisecond after another. */
function arrived(order: number) {
  const id = createHash("sha256").update(`${order}`).digest("hex");
  const line = " ".repeat(HEADER_LENGTH + FRAME_ID_OFFSET) + id;
  const sent = createSent(line, { topic, row: ROW, dueMs: 0, sentMs: 0, untilMs: 100 }, order);
  for (let nth = 0; nth < 5; nth++) sent.slots[9 - 2 * nth] = 50 + nth;
  sent.left = 5;
  return sent;
}

function rankAll(perSecond: number, events: number) {
  const { times } = new Book("delivery", 7);
  const rank = createRanks(times, perSecond);
  for (let order = 0; order < events; order++) rank(arrived(order));
  const of = (name: keyof typeof times) => times[name][ROW]?.toData();
  return { half: of("spread50"), most: of("spread90"), last: of("spread") };
}

describe("ranks of an event's receivers", () => {
  it("are of those that have it", () => {
    const { half, most } = rankAll(2_000, 10);
    assert.deepEqual([half?.count, half?.max], [10, 2]);
    assert.deepEqual([most?.count, most?.max], [10, 4]);
  });

  it("are taken of some events where many come, and of the same ones", () => {
    const { half, last } = rankAll(50_000, 4_000);
    assert.equal(last?.count, half?.count);
    // One in ten: 400, give or take four deviations.
    assert.ok(Math.abs((half?.count ?? 0) - 400) < 76, `${half?.count}`);
  });
});
