import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Interrupted } from "../src/errors.ts";
import { awaitPorts, parsePorts } from "../src/node/run/time-wait.ts";
import { planOf } from "./fixtures/reports/run.ts";

const SOCKETS = "sockets: used 210\nTCP: inuse 12 orphan 0 tw 27000 alloc 14 mem 2\nUDP: inuse 1\n";

/** Waits with so many in TIME_WAIT second by second; the last number stays. */
async function waiting(variables: Readonly<Record<string, string>>, held: readonly number[]) {
  let looks = 0;
  let slept = 0;
  const notes: string[] = [];
  const plan = planOf({ RELAY_URL: "ws://10.0.0.1:7777", ALLOW_PRIVATE: "1", ...variables });
  const failure = await awaitPorts(plan, {
    read: async () => ({ inTimeWait: held[looks++] ?? held.at(-1) ?? null, range: 28_232 }),
    sleep: async () => {
      slept++;
    },
    onNote: (text) => notes.push(text),
  }).catch((error: unknown) => error);
  return { looks, slept, notes, failure };
}

describe("ports of closed connections", () => {
  it("are read from the system's tables", () => {
    assert.deepEqual(parsePorts(SOCKETS, "32768\t60999\n"), { inTimeWait: 27_000, range: 28_232 });
    assert.deepEqual(parsePorts("", ""), { inTimeWait: null, range: null });
  });

  it("are not waited for where enough are left, to the port", async () => {
    const { slept, notes, failure } = await waiting({ CLIENTS: "9000" }, [19_232]);
    assert.deepEqual([slept, notes, failure], [0, [], undefined]);
    const { slept: forOne } = await waiting({ CLIENTS: "9000" }, [19_233, 19_232]);
    assert.equal(forOne, 1);
  });

  it("are waited for, and said to be, until they are free", async () => {
    const { slept, notes, failure } = await waiting({ CLIENTS: "9000" }, [27_000, 25_000, 10_000]);
    assert.deepEqual([slept, notes.length, failure], [2, 1, undefined]);
    assert.match(notes[0] ?? "", /27,000 ports .* 9,000 of 28,232 are needed; waiting/);
  });

  it("stop the repetitions when they do not become free", async () => {
    const { slept, failure } = await waiting({ CLIENTS: "9000" }, [27_000]);
    assert.equal(slept, 75);
    assert.match(String(failure), /after 75 s they are not free/);
  });

  it("are waited for no longer when the user stops", async () => {
    const stop = new AbortController();
    const waited = awaitPorts(planOf({ RELAY_URL: "ws://10.0.0.1:7777", CLIENTS: "9000" }), {
      read: async () => ({ inTimeWait: 27_000, range: 28_232 }),
      sleep: async () => stop.abort(),
      onNote: () => {},
      signal: stop.signal,
    });
    await assert.rejects(waited, Interrupted);
  });

  it("do not matter on loopback, where they are not known, or to several relays alike", async () => {
    for (const url of ["ws://127.0.0.1:7777", "ws://localhost:7777", "ws://[::1]:7777"]) {
      assert.equal((await waiting({ RELAY_URL: url, CLIENTS: "9000" }, [28_000])).looks, 0, url);
    }
    assert.equal((await waiting({ CLIENTS: "9000" }, [])).slept, 0);
    const two = { RELAY_URL: "ws://10.0.0.1:7777,ws://10.0.0.2:7777", CLIENTS: "9000" };
    assert.equal((await waiting(two, [23_732])).slept, 0);
  });
});
