import assert from "node:assert/strict";
import { it } from "node:test";
import { createFlight, growFlight } from "../k6/lib/publish/flight.ts";

it("growing keeps what is in flight, and gives each cell out once", () => {
  let flight = createFlight();
  let height = flight.free.length;
  const taken = new Map<number, number>();
  for (let n = 0; n < 5_000; n++) {
    if (height === 0) {
      height = flight.rows.length;
      flight = growFlight(flight);
    }
    const cell = flight.free[--height] ?? -1;
    assert.ok(cell >= 0 && cell < flight.rows.length && !taken.has(cell), `cell ${cell}`);
    taken.set(cell, n);
    flight.rows[cell] = n % 256;
    flight.due[cell] = n + 0.25;
    flight.sent[cell] = n + 0.75;
  }
  for (const [cell, n] of taken) {
    const { rows, due, sent } = flight;
    assert.deepEqual([rows[cell], due[cell], sent[cell]], [n % 256, n + 0.25, n + 0.75]);
  }
  assert.equal(height, flight.rows.length - taken.size);
  assert.ok(flight.free.length >= flight.rows.length, "every cell can be given back");
});
