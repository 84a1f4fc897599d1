/** Events that may still come, more of them than there was room for. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { History } from "../k6/lib/delivery/history.ts";
import { createSent } from "../k6/lib/delivery/sent.ts";
import { FRAME_ID_OFFSET, HEADER_LENGTH } from "../src/pool/format.ts";

const ID_LENGTH = 16;
const idOf = (order: number) => order.toString(16).padStart(ID_LENGTH, "0");

it("keeps what was published, however many, from the first that may still come on", () => {
  const history = new History();
  const topicOf = (order: number) => ({
    ...{ place: order % 7, row: 3, filter: "", size: 1, isWhole: true },
  });
  const add = (count: number) => {
    for (let n = 0; n < count; n++) {
      const order = history.next;
      const line = " ".repeat(HEADER_LENGTH + FRAME_ID_OFFSET) + idOf(order);
      const as = { topic: topicOf(order), row: order % 5, dueMs: order * 2, sentMs: order * 3 };
      history.add(createSent(line, { ...as, untilMs: 0 }, order), order * 4);
    }
  };
  add(700);
  // Those behind lie across the end of the room.
  history.first = 600;
  add(4_000);
  assert.equal(history.next, 4_700);
  for (let order = history.first; order < history.next; order++) {
    assert.deepEqual(
      [
        history.keyOf(order).slice(-ID_LENGTH),
        history.dueMsOf(order),
        history.sentMsOf(order),
        history.createdAtOf(order),
        history.rowOf(order),
        history.topicOf(order),
      ],
      [idOf(order), order * 2, order * 3, order * 4, order % 5, order % 7],
    );
  }
});
