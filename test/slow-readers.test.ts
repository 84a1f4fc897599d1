/** Peers that hardly read, against relays that bear it each in their way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { parseMix } from "../src/events/mix.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { readPoolManifest } from "../src/node/pool/read.ts";
import { judgeSlowReaders } from "../src/node/preflight/slow-readers.ts";
import { planSlowReaders, type SlowReadersRequest } from "../src/node/slow-readers/slow-readers.ts";
import { endsOf, isCut, parseTcpTable } from "../src/node/slow-readers/tcp-table.ts";
import { topicFilters } from "../src/node/slow-readers/topics.ts";
import { matchesFilter } from "../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../src/nostr/wire.ts";
import { joinsOf } from "../src/plan/fanout.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { keepPool } from "./kept-pool.ts";

const FRAME = JSON.stringify(["EVENT", "slow0", { content: "x".repeat(65_000) }]);
/** More than a system takes for a connection that nobody reads. */
const FRAMES = 250;

interface Staged {
  /** Beyond so much unread a reader is ended. */
  readonly cutAbove?: { readonly bytes: number; readonly code: number };
  readonly refuses?: boolean;
}

/** Floods whoever subscribes, as soon as all have. */
async function stage(readers: number, { cutAbove, refuses = false }: Staged = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const sockets: WebSocket[] = [];
  let whenFlooded: () => void = () => {};
  const flooded = new Promise<void>((resolve) => {
    whenFlooded = resolve;
  });
  const flood = (socket: WebSocket) => {
    for (let n = 0; n < FRAMES; n++) socket.send(FRAME);
    if (cutAbove === undefined || socket.bufferedAmount < cutAbove.bytes) return;
    if (cutAbove.code === 1_006) socket.terminate();
    else socket.close(cutAbove.code);
  };
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const [, id] = JSON.parse(String(data)) as readonly string[];
      if (refuses) return socket.send(JSON.stringify(["CLOSED", id, "blocked: full"]));
      socket.send(JSON.stringify(["EOSE", id]));
      if (sockets.push(socket) < readers) return;
      setTimeout(() => {
        for (const one of sockets) flood(one);
        whenFlooded();
      }, 50);
    });
  });
  const { port } = server.address() as AddressInfo;
  const admission: Admission = {
    ...{ status: "admitted", url: parseRelayUrl(`ws://127.0.0.1:${port}`) },
    ...{ reason: "loopback", addresses: ["127.0.0.1"], headers: {} },
  };
  const stop = () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  };
  return { admission, flooded, sockets, stop };
}

type Relay = Awaited<ReturnType<typeof stage>>;

async function meet(relay: Relay, asked: Partial<SlowReadersRequest> = {}, looks = 3) {
  const seen: (() => void)[] = [];
  const helper = planSlowReaders({
    ...{ admission: relay.admission, readers: 2, bytesPerSec: 0, atSec: 1, subscriptions: 1 },
    asked: async () => ({ filters: ["{}"], topics: 4, topicsEach: 4 }),
    onNote: () => {},
    lookEveryMs: 20,
    onLook: () => seen.shift()?.(),
    ...asked,
  });
  helper.observe(null);
  helper.observe(Date.now() - 1_000);
  await relay.flooded;
  for (let n = 0; n < looks; n++) await new Promise<void>((resolve) => seen.push(resolve));
  const unread = relay.sockets.map(({ bufferedAmount }) => bufferedAmount);
  const report = await helper.close();
  relay.stop();
  assert.ok(report);
  return { report, unread };
}

describe("peers that read nothing", () => {
  it("fill the system's buffers and then the relay's, and take it all at the end", async () => {
    const { report, unread } = await meet(await stage(2));
    assert.ok(
      unread.every((bytes) => bytes > 4_000_000),
      unread.join(),
    );
    assert.deepEqual([report.opened, report.ends, report.refused], [2, [], []]);
    assert.ok((report.heldBytes ?? 0) > 100_000, `${report.heldBytes} bytes`);
    assert.ok(report.bytes < 1_000_000, `${report.bytes} bytes taken`);
    assert.equal(report.frames, 2 * FRAMES);
    assert.ok(report.drainedBytes > FRAMES * 65_000, `${report.drainedBytes} bytes`);
    assert.ok((report.fromSec ?? 0) >= 1);
  });

  for (const [how, code, told] of [
    ["without a word", 1_006, "no close frame"],
    ["with a code", 1_008, "code 1008"],
  ] as const) {
    it(`are seen to be cut ${how}, though they read nothing of it`, async () => {
      const relay = await stage(2, { cutAbove: { bytes: 1_000_000, code } });
      // Behind a Close frame `ws` waits for what is unread: only who reads on learns of it.
      const { report } = await meet(relay);
      assert.deepEqual(
        report.ends.map(({ how, count }) => [how, count]),
        [[told, 2]],
      );
      if (code === 1_006) assert.ok((report.ends[0]?.firstSec ?? 0) >= 1, "seen while it went on");
    });
  }

  it("that read at a rate take some of it", async () => {
    const { report, unread } = await meet(await stage(2), { bytesPerSec: 2_000_000 }, 8);
    assert.ok(report.bytes > 0 && report.drainedBytes > report.bytes, JSON.stringify(report));
    assert.ok(unread.every((bytes) => bytes > 0));
  });

  it("are none where the relay refuses them, or the run ends before they join", async () => {
    const relay = await stage(9, { refuses: true });
    const helper = (atSec: number, asked: () => void) =>
      planSlowReaders({
        ...{ admission: relay.admission, readers: 2, bytesPerSec: 0, subscriptions: 1, atSec },
        async asked() {
          asked();
          return { filters: ["{}"], topics: 1, topicsEach: 1 };
        },
        onNote: () => {},
      });
    const early = helper(3_600, assert.fail);
    early.observe(Date.now());
    assert.equal((await early.close())?.fromSec, null);
    let whenAsked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      whenAsked = resolve;
    });
    const refused = helper(0, whenAsked);
    refused.observe(Date.now());
    await isAsked;
    const report = await refused.close();
    relay.stop();
    assert.equal(report?.fromSec, null);
    assert.ok(report?.refused.every(({ how }) => how === "CLOSED: blocked: full"));
  });
});

describe("the table of connections", () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1E61 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1E61 0100007F:C350 01 00280000:00000000 04:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1E61 01 00000000:00010000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:1E61 0100007F:C351 04 00000010:00000000 01:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
   4: 0100007F:C351 0100007F:1E61 01 00000000:00000020 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
   5: 0100007F:C352 0100007F:1E61 08 00000000:00000020 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1`;
  const table = parseTcpTable(text, new Set([50_000, 50_001, 50_002]));
  const at = (port: number) => endsOf(table, { port, relayPort: 7_777 });

  it("tells both ends of one, and what waits in them", () => {
    assert.equal(table.length, 5);
    const { own, relays } = at(50_000);
    assert.deepEqual([own?.unread, relays?.unsent], [0x10000, 0x280000]);
  });

  it("tells a connection that goes on from one that the relay ended, or that is gone", () => {
    assert.equal(isCut(at(50_000), true), false);
    assert.equal(isCut(at(50_001), true), true);
    assert.equal(isCut(at(50_002), false), true);
    assert.equal(isCut(at(50_003), false), true);
    // Of a relay elsewhere only the own end is there.
    const { own } = at(50_000);
    assert.equal(isCut({ own, relays: undefined }, false), false);
    assert.equal(isCut({ own, relays: undefined }, true), true);
  });
});

describe("what they ask for", () => {
  const fanoutOf = (variables: Readonly<Record<string, string>>) => {
    const texts = collectOptions(
      {},
      { RELAY_URL: "ws://127.0.0.1:7777", SUBSCRIBERS: "20", FANOUT: "5", ...variables },
      "fanout",
    );
    const { fanout } = buildPlan("fanout", texts, "seed", 2);
    assert.ok(fanout);
    return fanout;
  };

  for (const [filter, type] of [
    ["author", "topic:4x2"],
    ["tag", "topic:4x2"],
    ["kind", "topic-kind:4x2"],
  ] as const) {
    it(`is every topic of the run, by ${filter}`, async () => {
      const pool = { seed: "slow", events: 40, epoch: 1_767_225_600 };
      const dir = await keepPool({ ...pool, mix: parseMix(`${type}:1`) });
      const manifest = await readPoolManifest(dir);
      const fanout = fanoutOf({ FANOUT_FILTER: filter });
      const { filters, topics, topicsEach } = await topicFilters(dir, manifest, { fanout, vus: 2 });
      assert.deepEqual([filters.length, topics, topicsEach], [1, 4, 4]);
      const asked = JSON.parse(filters[0] ?? "") as Filter;
      const { readFile } = await import("node:fs/promises");
      const lines = (await readFile(`${dir}/frames.txt`, "utf8")).trim().split("\n");
      const events = lines.map((line) => (JSON.parse(line.slice(3)) as ["EVENT", NostrEvent])[1]);
      assert.equal(events.length, 40);
      assert.ok(events.every((event) => matchesFilter(asked, event)));
      assert.equal((asked.authors ?? asked["#t"] ?? asked.kinds)?.length, 4);
    });
  }

  it("is little where the system takes it all, and then a person is told", () => {
    const judge = (variables: Readonly<Record<string, string>>) => {
      const all = { RELAY_URL: "ws://127.0.0.1:7777", DURATION_SEC: "60", ...variables };
      const plan = buildPlan("fanout", collectOptions({}, all, "fanout"), "seed", 2);
      return judgeSlowReaders(plan, 600).map(({ level, what }) => `${level}: ${what}`);
    };
    assert.deepEqual(judge({}), []);
    // 30 s of 50 events a second, 618 bytes each.
    assert.match(
      judge({ SLOW_READERS: "1" })[0] ?? "",
      /^advice: .*30\.9 kB a second.*927 kB unread/,
    );
    assert.match(
      judge({ SLOW_READERS: "1", SUBS_PER_CONNECTION: "13", FANOUT: "26" })[0] ?? "",
      /^ok: .* leaves 12\.1 MB unread/,
    );
    // 1,000 topics, of which it has half.
    assert.match(
      judge({ SLOW_READERS: "1", SUBS_PER_CONNECTION: "13", FANOUT: "13" })[0] ?? "",
      /^advice: .*20[01](\.\d)? kB a second/,
    );
    assert.match(
      judge({
        ...{ SLOW_READERS: "1", SUBS_PER_CONNECTION: "13" },
        FANOUT: "26",
        SLOW_READER_RATE: "9000",
      })[0] ?? "",
      /^advice/,
    );
  });

  it("is refused of several instances, each of which would bring its own", () => {
    const several = (slow: string) => {
      const all = { RELAY_URL: "ws://127.0.0.1:7777", INSTANCES: "2", SLOW_READERS: slow };
      return buildPlan("fanout", collectOptions({}, all, "fanout"), "seed", 2);
    };
    assert.equal(several("0").instances, 2);
    assert.throws(
      () => several("1"),
      /^ConfigError: SLOW_READERS \(--slow-readers\) must be 0 with INSTANCES/,
    );
  });

  it("comes when others had their part of the window", () => {
    const of = (baseline: string, decoys: string, slow: string) => {
      const joins = joinsOf(fanoutOf({ BASELINE: baseline, DECOYS: decoys, SLOW_READERS: slow }));
      return [joins.decoys, joins.slowReaders].map((share) => share?.toFixed(3));
    };
    assert.deepEqual(of("0", "5", "0"), [undefined, undefined]);
    assert.deepEqual(of("0", "5", "1"), [undefined, "0.500"]);
    assert.deepEqual(of("0.2", "0", "1"), [undefined, "0.600"]);
    assert.deepEqual(of("0.2", "5", "0"), ["0.600", undefined]);
    assert.deepEqual(of("0.4", "5", "1"), ["0.600", "0.800"]);
  });
});
