/** Times of deliveries in the report are those that the relay took, by its own clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deliveryOf } from "../../../src/report/class-report.ts";
import { FanRelay, right } from "../../k6-world/fan-relay.ts";
import { runFanout } from "../fan-server.ts";
import { isOverloaded } from "../held-up.ts";

const DELAY_MS = 20;
/** Between receivers: what comes to all at once waits for one core of two that the relay has the other of. */
const APART_MS = 2;
/**
 * What a loopback round trip, two event loops and a bucket of the histogram may add: 0.5 to 0.75 on two quiet cores, where
 * any client's round trip takes 0.43.
 */
const ALLOWED_MS = 1;
/** A busy machine adds to times and never takes away: of so many runs the best one counts. */
const MOST_TRIES = 4;

test("reports a fixed delay as the service time of deliveries", async (t) => {
  let errorMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_TRIES && errorMs > ALLOWED_MS; i++) errorMs = await mostErrorMs();
  if (errorMs > ALLOWED_MS && isOverloaded()) {
    t.skip(`the machine is overloaded: the nearest median was ${errorMs} ms off`);
    return;
  }
  assert.ok(errorMs <= ALLOWED_MS, `a median is ${errorMs} ms off the relay's own`);
});

/** How far the reported median is above the true one, and those of the spread are off the true ones, at the most. */
async function mostErrorMs(): Promise<number> {
  const written = new Map<number, number>();
  const relay = new FanRelay({
    deliver: ({ eventPlace }) => {
      const nth = written.get(eventPlace) ?? 0;
      written.set(eventPlace, nth + 1);
      return right(DELAY_MS + nth * APART_MS);
    },
  });
  const sent: { readonly id: string; readonly atMs: number }[] = [];
  const report = await runFanout(relay, (data, atMs) => {
    const [type, , event] = JSON.parse(data) as readonly [string, string, { readonly id: string }];
    if (type === "EVENT") sent.push({ id: event.id, atMs });
  });
  const received = new Map(relay.events.map(({ id, receivedMs }) => [id, receivedMs]));
  const ofEvents = new Map<string, number[]>();
  for (const { id, atMs } of sent) {
    const receivedMs = received.get(id);
    if (receivedMs === undefined) continue;
    const delays = ofEvents.get(id) ?? [];
    ofEvents.set(id, [...delays, atMs - receivedMs]);
  }
  const delays = [...ofEvents.values()];
  const trueMs = medianOf(delays.flat());
  const { totals, times } = deliveryOf(report);
  assert.deepEqual([totals.due, totals.delivered, delays.flat().length], [1_000, 1_000, 1_000]);
  const toldMs = times.service.p50 ?? 0;
  assert.ok(trueMs >= DELAY_MS - 1, `${trueMs} ms`);
  assert.ok(toldMs >= trueMs * 0.99, `${toldMs} ms told, ${trueMs} ms true`);
  const { spread25, spread50, spread75, spread } = times;
  const spreads = [spread25, spread50, spread75, spread].map(({ p50 }, i) => {
    const behindFirst = delays.map((of) => {
      const [first = 0, ...others] = of.sort((a, b) => a - b);
      return (others[i] ?? 0) - first;
    });
    return Math.abs((p50 ?? 0) - medianOf(behindFirst));
  });
  return Math.max(toldMs - trueMs, ...spreads);
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1] ?? 0;
}
