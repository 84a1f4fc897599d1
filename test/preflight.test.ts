import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { WebSocketServer } from "ws";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { type Finding, renderFindings } from "../src/node/preflight/finding.ts";
import {
  type Information,
  type Limitation,
  parseInformation,
} from "../src/node/preflight/information.ts";
import { judgeLimits, mostFrameBytes } from "../src/node/preflight/limits.ts";
import { judgeMachine, judgeReportDir, type MachineLimits } from "../src/node/preflight/machine.ts";
import { preflight, refuseStops } from "../src/node/preflight/preflight.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { planOf } from "./fixtures/reports/run.ts";

const NOW_SEC = 1_800_000_000;
const EVENTS = {
  largestFrame: 4_000,
  mostTags: 12,
  longestContent: 900,
  createdAt: { min: NOW_SEC - 90_000, max: NOW_SEC - 4_000 },
};

function judge(limitation: Limitation, information: Partial<Information> = {}): string[] {
  const findings = judgeLimits({
    label: "127.0.0.1:7777",
    information: {
      limitation,
      software: null,
      counts: false,
      problem: null,
      clockSkewMs: null,
      ...information,
    },
    events: EVENTS,
    nowSec: NOW_SEC,
    runSec: 600,
  });
  return findings.filter(({ level }) => level !== "ok").map(({ id, level }) => `${level} ${id}`);
}

describe("the limits a relay announces", () => {
  const cases: readonly (readonly [Limitation, readonly string[]])[] = [
    [{}, []],
    [{ max_message_length: 4_000, max_event_tags: 12, max_content_length: 900 }, []],
    [{ max_message_length: 3_999 }, ["stop message-length"]],
    [{ max_event_tags: 11 }, ["stop event-tags"]],
    [{ max_content_length: 899 }, ["stop content-length"]],
    [{ max_message_length: 0, max_content_length: 0 }, []],
    [{ auth_required: true }, ["stop auth"]],
    [{ payment_required: true }, ["stop payment"]],
    [{ min_pow_difficulty: 8 }, ["stop pow"]],
    [{ min_pow_difficulty: 0, auth_required: false, payment_required: false }, []],
    [{ restricted_writes: true }, ["advice writes"]],
    // 90,000 s old now, 600 s older at the end of the run.
    [{ created_at_lower_limit: 90_600 }, []],
    [{ created_at_lower_limit: 90_599 }, ["stop created-at"]],
    [{ created_at_lower_limit: 0, created_at_upper_limit: 0 }, []],
    [{ created_at_upper_limit: 1 }, []],
  ];
  for (const [limitation, found] of cases) {
    it(`${JSON.stringify(limitation)}: ${found.join() || "nothing"}`, () =>
      assert.deepEqual(judge(limitation), found));
  }

  it("are held against the relay's clock", () => {
    const limitation = { created_at_lower_limit: 100_000, created_at_upper_limit: 900 };
    assert.deepEqual(judge(limitation, { clockSkewMs: 1_900 }), []);
    assert.deepEqual(judge(limitation, { clockSkewMs: 3_000 }), ["advice clock"]);
    assert.deepEqual(judge(limitation, { clockSkewMs: -901_000 }), ["stop clock"]);
    assert.deepEqual(judge(limitation, { clockSkewMs: -5_000_000 }), [
      "stop created-at",
      "stop clock",
    ]);
    assert.deepEqual(judge({}, { clockSkewMs: 9_000_000 }), ["advice clock"]);
  });
});

describe("the largest frame that builders are held against", () => {
  const rows: readonly (readonly [limits: readonly (number | undefined)[], most: unknown])[] = [
    [[], undefined],
    [[undefined], undefined],
    [[0], undefined],
    [[4_000, 0, undefined, 3_000], 3_000],
  ];
  for (const [limits, most] of rows) {
    it(`is ${most} of ${JSON.stringify(limits)}`, () => {
      const relays = limits.map((limit): Information => {
        const limitation = limit === undefined ? null : { max_message_length: limit };
        return { limitation, software: null, counts: false, problem: null, clockSkewMs: null };
      });
      assert.equal(mostFrameBytes(relays), most);
    });
  }
});

describe("an information document", () => {
  it("may lack anything, and hold anything", () => {
    assert.equal(parseInformation("<html>"), null);
    assert.equal(parseInformation("[]"), null);
    assert.deepEqual(parseInformation("{}"), { limitation: {}, software: null, counts: false });
    const odd = {
      software: "a\u001b[31mb",
      supported_nips: [1, 45],
      limitation: { max_message_length: "9", auth_required: 1 },
    };
    assert.deepEqual(parseInformation(JSON.stringify(odd)), {
      limitation: {},
      software: "a [31mb",
      counts: true,
    });
  });
});

describe("the machine", () => {
  const plenty: MachineLimits = {
    cores: 4,
    openFiles: 65_536,
    ephemeralPorts: 28_232,
    freeBytes: 16e9,
  };
  const cases: readonly (readonly [Partial<MachineLimits>, readonly string[]])[] = [
    [{}, []],
    [{ openFiles: null, ephemeralPorts: null, freeBytes: null }, []],
    [{ openFiles: 1_064 }, []],
    [{ openFiles: 1_063 }, ["stop open-files"]],
    [{ ephemeralPorts: 1_100 }, ["advice ports"]],
    [{ ephemeralPorts: 999 }, ["stop ports"]],
    [{ freeBytes: 250e6 }, ["advice memory"]],
    [{ freeBytes: 199e6 }, ["stop memory"]],
    [{ cores: 1 }, ["advice cores"]],
  ];
  for (const [change, found] of cases) {
    it(`${JSON.stringify(change)}: ${found.join() || "enough for 1,000 clients"}`, () => {
      const findings = judgeMachine(planOf({ CLIENTS: "1000" }), { ...plenty, ...change }, 50e6);
      assert.deepEqual(namesOf(findings), found);
    });
  }

  it("takes a report folder that can be made, and no other", async () => {
    assert.equal((await judgeReportDir("/tmp/not/there/yet")).level, "ok");
    assert.equal((await judgeReportDir("/dev/null/reports")).level, "stop");
    assert.equal((await judgeReportDir("package.json")).level, "stop");
  });
});

interface Behaviour {
  /** The NIP-11 answer: a document, or a status. */
  readonly document?: object | number;
  readonly ok?: (event: NostrEvent) => readonly [accepted: boolean, message: string];
}

interface Seen {
  readonly requests: IncomingMessage[];
  readonly events: NostrEvent[];
}

describe("a relay", () => {
  it("that announces its limits is asked once, and sent nothing", async () => {
    const document = { limitation: { max_message_length: 131_072, created_at_lower_limit: 1e9 } };
    const { seen, result } = await ask({ document });
    assert.deepEqual(troubles(result.findings), []);
    assert.equal(result.epoch, DEFAULT_EPOCH);
    assert.equal(seen.events.length, 0);
    assert.deepEqual(
      seen.requests.map(({ url, headers }) => [url, headers.accept]),
      [["/in/box?k=v", "application/nostr+json"]],
    );
  });

  it("that is silent is sent two events of their own, the second the largest", async () => {
    const { seen, result } = await ask({ document: 404 });
    assert.deepEqual(troubles(result.findings), []);
    assert.ok(seen.events.length >= 1 && seen.events.length <= 2);
  });

  it("that redirects is not followed", async () => {
    const { seen, result } = await ask({ document: 302 });
    assert.equal(seen.requests.length, 1);
    assert.match(what(result.findings, "nip-11"), /redirect, which is not followed/);
  });

  for (const [message, found] of [
    ["auth-required: members only", "stop probe"],
    ["pow: 20 bits", "stop probe"],
    ["restricted: no", "stop probe"],
    ["invalid: something else", "advice probe"],
    ["go away\u0007", "advice probe"],
  ] as const) {
    it(`that answers \`${message}\` to the probe: ${found}`, async () => {
      const { result } = await ask({ document: 404, ok: () => [false, message] });
      assert.ok(troubles(result.findings).every((finding) => finding === found));
      assert.ok(troubles(result.findings).length > 0);
      assert.ok(!what(result.findings, "probe").includes("\u0007"));
    });
  }

  const yesterday = Math.floor(Date.now() / 86_400_000 - 1) * 86_400;
  const week = 604_800;
  for (const behaviour of [
    { document: { limitation: { max_message_length: 131_072, created_at_lower_limit: week } } },
    {
      document: 404,
      ok: ({ created_at }: NostrEvent) =>
        [created_at > Date.now() / 1_000 - week, "invalid: created_at too early"] as const,
    },
  ] satisfies Behaviour[]) {
    it(`that takes only young events gets a pool of yesterday (${typeof behaviour.document})`, async () => {
      const { result } = await ask(behaviour);
      assert.deepEqual(troubles(result.findings), []);
      assert.equal(result.epoch, yesterday);
      assert.match(result.epochNote ?? "", /takes no events as old/);
    });
  }

  it("that takes events of the last hour only stops the run", async () => {
    const limitation = { max_message_length: 131_072, created_at_lower_limit: 3_600 };
    const { result } = await ask({ document: { limitation } });
    assert.deepEqual(troubles(result.findings), ["stop created-at"]);
    assert.throws(() => refuseStops(result.findings), /takes events of the last 3,600 s/);
  });

  it("that is not there stops the run in two lines", async () => {
    const server = await startRelay({});
    await server.stop();
    const result = await preflight(requestFor(server.port));
    assert.throws(
      () => refuseStops(result.findings),
      (error: Error) =>
        /ECONNREFUSED/.test(error.message) && error.message.split("\n").length === 2,
    );
  });

  it("is not asked at all with --force", async () => {
    const server = await startRelay({});
    const result = await preflight({ ...requestFor(server.port), force: true });
    await server.stop();
    assert.equal(server.connections(), 0);
    assert.deepEqual(troubles(result.findings), []);
  });
});

it("findings are shown by level, with the verdict last", () => {
  const text = renderFindings([
    { id: "a", level: "ok", what: "all well", why: "", remedy: "" },
    { id: "b", level: "stop", what: "broken", why: "it matters", remedy: "mend it" },
  ]);
  assert.match(text, /^stops a run\n {2}b +broken\n +why: it matters\n +do: +mend it\n\nfine\n/);
  assert.match(text, /verdict {5}not ready: 1 would stop a run\n$/);
});

/** All but the number of cores, which is what the test's machine happens to have. */
function troubles(findings: readonly Finding[]): string[] {
  return namesOf(findings.filter(({ id }) => id !== "cores"));
}

function namesOf(findings: readonly Finding[]): string[] {
  return findings.filter(({ level }) => level !== "ok").map(({ id, level }) => `${level} ${id}`);
}

function what(findings: readonly Finding[], id: string): string {
  return findings.find((finding) => finding.id === id)?.what ?? "";
}

function requestFor(port: number) {
  const url = parseRelayUrl(`ws://127.0.0.1:${port}/in/box?k=v`);
  const admission: Admission = {
    status: "admitted",
    url,
    reason: "mine",
    addresses: ["127.0.0.1"],
  };
  const plan = planOf({ CLIENTS: "4", DURATION_SEC: "5", RATE_EPS: "20" });
  return { plan, admissions: [admission], poolDir: undefined, force: false };
}

async function ask(behaviour: Behaviour) {
  const relay = await startRelay(behaviour);
  try {
    return { seen: relay.seen, result: await preflight(requestFor(relay.port)) };
  } finally {
    await relay.stop();
  }
}

async function startRelay({ document = 404, ok = () => [true, ""] }: Behaviour) {
  const seen: Seen = { requests: [], events: [] };
  let connections = 0;
  const server = createServer((request, response) => {
    seen.requests.push(request);
    if (typeof document === "number") response.writeHead(document, { location: "/" }).end();
    else response.end(JSON.stringify(document));
  });
  const sockets = new WebSocketServer({ server });
  server.on("connection", () => connections++);
  sockets.on("connection", (socket) =>
    socket.on("message", (data) => {
      const [, event]: [string, NostrEvent] = JSON.parse(String(data));
      seen.events.push(event);
      socket.send(JSON.stringify(["OK", event.id, ...ok(event)]));
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    seen,
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    stop: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
