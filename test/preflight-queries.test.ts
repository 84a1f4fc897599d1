/** What a plan of questions is refused for, or told, before a run: held against relays that answer in every odd way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { WebSocketServer } from "ws";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { askingOf, whatToTry } from "../src/node/preflight/asking.ts";
import type { Finding } from "../src/node/preflight/finding.ts";
import { type Limitation, NO_INFORMATION } from "../src/node/preflight/information.ts";
import { preflight } from "../src/node/preflight/preflight.ts";
import { judgeQueries, rowCapsOf } from "../src/node/preflight/query-judge.ts";
import {
  MOST_REQS,
  probeQueries,
  type QueryProbeRequest,
  type QueryProbeTimes,
} from "../src/node/preflight/query-probe.ts";
import { matchesFilter } from "../src/nostr/filter.ts";
import type { ClientMessage, Filter, NostrEvent } from "../src/nostr/wire.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, type Plan } from "../src/plan/plan.ts";
import { shapes } from "../src/query/catalogue.ts";
import { demandsOf } from "../src/query/demands.ts";

/** A relay that waits for nothing gives up soon. */
const SOON: QueryProbeTimes = {
  handshakeMs: 2_000,
  answerMs: 5_000,
  afterNoticeMs: 40,
  settleMs: 40,
};
/** For relays that say nothing to some; an answer that is there is never waited for in so short a time. */
const SILENT_MS = 400;

type Frame = readonly unknown[] | "end";

/** What a relay knows of the connection that a message came on. */
interface Client {
  readonly open: Set<string>;
  readonly held: NostrEvent[];
  /** REQs so far, this one too. */
  reqs: number;
}

/** What is answered in place of the right answer; `null`: that. */
type Oddly = (message: ClientMessage, client: Client) => readonly Frame[] | null;

interface Script {
  /** How long an answer is waited for; where the relay gives none, `SILENT_MS`. */
  readonly answerMs?: number;
  readonly holds?: readonly NostrEvent[];
  readonly oddly?: Oddly;
  readonly greeting?: readonly Frame[];
  readonly document?: object;
}

interface Ledger {
  readonly messages: ClientMessage[];
  readonly clients: Client[];
  /** Resolves when the first connection has ended. */
  readonly ended: Promise<void>;
}

async function withRelay<T>(
  { oddly = () => null, greeting = [], document, holds = [ONE] }: Script,
  use: (admission: Admission, ledger: Ledger) => Promise<T>,
): Promise<T> {
  const server = createServer((_, response) => {
    if (document === undefined) response.writeHead(404).end();
    else response.end(JSON.stringify(document));
  });
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const ledger: Ledger = { messages: [], clients: [], ended };
  const held: NostrEvent[] = [...holds];
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    const client: Client = { open: new Set(), held, reqs: 0 };
    ledger.clients.push(client);
    socket.on("close", end);
    const send = (frames: readonly Frame[]) => {
      for (const frame of frames) {
        if (frame === "end") socket.terminate();
        else socket.send(JSON.stringify(frame));
      }
    };
    send(greeting);
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      ledger.messages.push(message);
      if (message[0] === "REQ") client.reqs++;
      const odd = oddly(message, client);
      send(odd ?? answerRightly(message, client));
    });
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = parseRelayUrl(`ws://127.0.0.1:${port}`);
  try {
    return await use({ status: "admitted", url, reason: "mine", addresses: ["127.0.0.1"] }, ledger);
  } finally {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  }
}

function answerRightly(message: ClientMessage, { open, held }: Client): readonly Frame[] {
  const [type, id] = message;
  if (type === "EVENT") {
    held.push(message[1]);
    return [["OK", message[1].id, true, ""]];
  }
  if (type === "CLOSE") open.delete(String(id));
  if (type !== "REQ" && type !== "COUNT") return [];
  const [, , ...filters] = message;
  const rows = filters.flatMap((filter) => rowsOf(held, filter));
  if (type === "COUNT") return [["COUNT", id, { count: rows.length }]];
  open.add(String(id));
  return [...rows.map((event) => ["EVENT", id, event]), ["EOSE", id]];
}

function rowsOf(held: readonly NostrEvent[], filter: Filter): readonly NostrEvent[] {
  return held.filter((event) => matchesFilter(filter, event)).slice(0, filter.limit);
}

/** A relay may hold it. */
const ONE: NostrEvent = {
  id: "1".repeat(64),
  pubkey: "2".repeat(64),
  sig: "3".repeat(128),
  kind: 1,
  created_at: 1_767_225_600,
  tags: [],
  content: "a note",
};
const ALL: QueryProbeRequest = { open: 4, filters: 3, counts: true, searches: true };

const timesOf = ({ answerMs = SOON.answerMs }: Script): QueryProbeTimes => ({ ...SOON, answerMs });

async function probe(script: Script, request: Partial<QueryProbeRequest> = {}) {
  return await withRelay(script, async (admission, ledger) => {
    const found = await probeQueries(admission, { ...ALL, ...request }, timesOf(script));
    assert.ok(found.status === "reached");
    return { ...found, ...ledger };
  });
}

const isReq = ([type]: ClientMessage) => type === "REQ";
const fromReq =
  (place: number, frames: (id: string) => readonly Frame[]): Oddly =>
  (message, { reqs }) =>
    isReq(message) && reqs >= place ? frames(String(message[1])) : null;

describe("how many subscriptions a relay holds", () => {
  const rows: readonly (readonly [
    what: string,
    script: Script,
    asked: number,
    opened: number,
    words: RegExp | null,
  ])[] = [
    ["all that are asked for", {}, 40, 40, null],
    ["no more than are asked for at most", {}, 400, MOST_REQS, null],
    [
      "32, then a NOTICE in place of EOSE (nostr-rs-relay)",
      {
        oddly: fromReq(33, () => [
          ["NOTICE", "Subscription error: Maximum concurrent subscription count reached"],
        ]),
      },
      40,
      32,
      /Maximum concurrent/,
    ],
    [
      "20, then EOSE and a NOTICE behind it (strfry)",
      {
        oddly: fromReq(21, (id) => [
          ["EOSE", id],
          ["NOTICE", "ERROR: too many concurrent REQs"],
        ]),
      },
      40,
      20,
      /too many concurrent REQs/,
    ],
    [
      "20 of 21, which it says when nothing more is asked",
      {
        oddly: fromReq(21, (id) => [
          ["EOSE", id],
          ["NOTICE", "ERROR: too many concurrent REQs"],
        ]),
      },
      21,
      20,
      /too many concurrent REQs/,
    ],
    [
      "20, then CLOSED without a prefix (rnostr)",
      { oddly: fromReq(21, (id) => [["CLOSED", id, "Subscriptions exceeds limit: 20"]]) },
      40,
      20,
      /exceeds limit/,
    ],
    [
      "10, then the connection is ended",
      { oddly: fromReq(11, () => ["end"]) },
      40,
      10,
      /without a Close frame/,
    ],
    ["3, then nothing is said", { oddly: fromReq(4, () => []), answerMs: SILENT_MS }, 40, 3, /^$/],
    ["all, after a greeting", { greeting: [["NOTICE", "welcome to the relay"]] }, 8, 8, null],
    [
      "none, and why",
      { oddly: fromReq(1, (id) => [["CLOSED", id, "auth-required: no"]]) },
      8,
      0,
      /auth-required/,
    ],
  ];
  for (const [what, script, asked, opened, words] of rows) {
    it(what, async () => {
      const found = await probe(script, {
        open: asked,
        filters: 1,
        counts: false,
        searches: false,
      });
      assert.equal(found.opened, opened);
      if (words === null) assert.equal(found.refusal, null);
      else assert.match(found.refusal?.words ?? "none", words);
      const reqs = found.messages.filter(isReq);
      assert.ok(reqs.length <= Math.min(asked, opened + 2), `${reqs.length} REQs`);
      assert.equal(found.clients.length, 1);
    });
  }

  it("closes them all again, and asks for what no relay has", async () => {
    await withRelay({}, async (admission, { messages, clients, ended }) => {
      await probeQueries(admission, ALL, SOON);
      await ended;
      const closed = messages.filter(([type]) => type === "CLOSE").map(([, id]) => id);
      assert.deepEqual(new Set(closed), new Set(messages.filter(isReq).map(([, id]) => id)));
      assert.deepEqual([...(clients[0]?.open ?? ["?"])], []);
      for (const message of messages.filter(isReq)) {
        for (const filter of message.slice(2) as Filter[]) assert.equal(filter.limit, 1);
      }
    });
  });

  it("asks nothing more where the rate is limited", async () => {
    const limited = fromReq(3, () => [["NOTICE", "rate limited"]]);
    const { opened, count, search, filters } = await probe({ oddly: limited });
    assert.deepEqual([opened, count, search, filters], [2, null, null, null]);
  });
});

function planFor(
  variables: Readonly<Record<string, string>>,
  scenario: "query" | "playback" | "fanout",
): Plan {
  const environment = { RELAY_URL: "ws://127.0.0.1:7777", CLIENTS: "10", DURATION_SEC: "10" };
  const texts = collectOptions({}, { ...environment, ...variables }, scenario);
  return buildPlan(scenario, texts, "seed-1");
}

interface Judge extends Script {
  readonly limitation?: Limitation;
  readonly software?: string;
  readonly version?: string;
  readonly mix?: string;
  readonly inFlight?: number;
}

/** What is found of a plan of `query`, a finding a line, but for what is fine. */
async function judge(of: Judge): Promise<readonly string[]> {
  const { limitation = {}, software = null, version = null, mix = "ids:1", inFlight = 8 } = of;
  const plan = planFor({ QUERY_MIX: mix, MAX_IN_FLIGHT: String(inFlight) }, "query");
  const asking = askingOf(plan, 0);
  assert.ok(asking !== null);
  const information = { ...NO_INFORMATION, limitation, software, version };
  const request = whatToTry(asking, information);
  const findings = await withRelay(of, async (admission) => {
    const probe = request && (await probeQueries(admission, request, timesOf(of)));
    return judgeQueries({ label: "r", asking, information, probe });
  });
  return findings.flatMap(describeBad);
}

function describeBad({ id, level, what, why, remedy }: Finding): string[] {
  return level === "ok" ? [] : [`${level} ${id}: ${what} | ${why} | ${remedy}`];
}

const answersTo =
  (
    type: "REQ" | "COUNT",
    meant: (filters: readonly Filter[]) => boolean,
    frames: (id: string) => readonly Frame[],
  ): Oddly =>
  (message) =>
    message[0] === type && meant(message.slice(2) as Filter[]) ? frames(String(message[1])) : null;
const any = () => true;
const isSearch = (filters: readonly Filter[]) => filters.some(({ search }) => search !== undefined);
const STRFRY = "git+https://github.com/hoytech/strfry.git";
const NSRS = "https://git.sr.ht/~gheartsfield/nostr-rs-relay";
const cannotHold = fromReq(33, () => [
  ["NOTICE", "Subscription error: Maximum concurrent subscription count reached"],
]);

describe("a plan of questions", () => {
  const rows: readonly (readonly [what: string, of: Judge, found: readonly RegExp[]])[] = [
    ["goes on where all is well", {}, []],
    ["goes on with all there is to ask", { mix: shapes.map(({ name }) => `${name}:1`).join() }, []],
    ["goes on where as many subscriptions are held", { limitation: { max_subscriptions: 8 } }, []],
    [
      "is refused where fewer subscriptions are announced",
      { limitation: { max_subscriptions: 4 } },
      [/^stop subscriptions: `r` announces to hold 4 .* up to 8 open .*--max-in-flight 4\b/],
    ],
    ["takes 0 for no limit", { limitation: { max_subscriptions: 0, max_limit: 0 } }, []],
    [
      "tries several filters where 0 is announced",
      {
        limitation: { max_filters: 0 },
        mix: "thread:1",
        answerMs: SILENT_MS,
        oddly: answersTo(
          "REQ",
          ({ length }) => length > 1,
          () => [],
        ),
      },
      [/^stop queries: `r` gives no answer to a REQ of 2 filters/],
    ],
    [
      "goes on with as many as its software usually holds",
      { software: NSRS, inFlight: 32, oddly: cannotHold },
      [],
    ],
    [
      "is refused where the software holds no more",
      { software: NSRS, inFlight: 40, oddly: cannotHold },
      [
        /^stop subscriptions: `r` held 32 .* NOTICE: `Subscription error: Maximum .*up to 40 .*--max-in-flight 32\b/,
      ],
    ],
    [
      "goes on where the software is set to hold more than usual",
      { software: NSRS, inFlight: 40 },
      [],
    ],
    [
      "is refused where the relay shows that it holds fewer",
      { inFlight: 40, oddly: cannotHold },
      [/^stop subscriptions: .*--max-in-flight 32\b/],
    ],
    [
      "is told that its answers will be cut off",
      { limitation: { max_limit: 100 }, mix: "home:1,ids:1,thread:2" },
      [
        /^advice max-limit: .* at most 100 rows \(announced\), `home`, `thread` ask for up to 500 \| .*`truncated`.* --query-mix ids:1$/,
      ],
    ],
    [
      "is told nothing where it asks for no more than the software usually answers",
      { software: STRFRY, version: "1.1.0-1-g691a533f11eb", mix: "home:1" },
      [],
    ],
    [
      "is told so by the software's name",
      { software: "https://github.com/rnostr/rnostr", mix: "notifications:1" },
      [/^advice max-limit: .* 300 rows \(usual of rnostr\), `notifications` asks for up to 500/],
    ],
    [
      "is refused where its filters are too many",
      { limitation: { max_filters: 2 }, mix: "home:1,thread:1,ids:2" },
      [
        /^stop queries: `r` announces to take 2 filters in a REQ, `home` needs up to 3 .*--query-mix ids:2,thread:1$/,
      ],
    ],
    [
      "is refused where its filters turn out to be too many",
      {
        mix: "home:1,ids:1",
        oddly: answersTo(
          "REQ",
          ({ length }) => length > 2,
          (id) => [["CLOSED", id, "blocked: too many filters"]],
        ),
      },
      [
        /^stop queries: `r` refuses a REQ of 3 filters: `blocked: too many filters` .*--query-mix ids:1$/,
      ],
    ],
    [
      "is refused where its REQs are too long",
      { limitation: { max_message_length: 65_536 }, mix: "home:1,profiles:1" },
      [
        /^stop queries: `r` announces to take 65,536 bytes a message, `home` needs up to 1\d\d,\d{3} .*--query-mix profiles:1$/,
      ],
    ],
    [
      "is refused where its ids are too long",
      { limitation: { max_subid_length: 7 } },
      [/^stop queries: .*max_subid_length/],
    ],
    [
      "is refused where nobody may read",
      { oddly: answersTo("REQ", any, (id) => [["CLOSED", id, "auth-required: sign in first"]]) },
      [/^stop queries: `r` refuses a REQ: `auth-required: sign in first` .*NIP-42/],
    ],
    [
      "is refused where no REQ is answered",
      { oddly: answersTo("REQ", any, () => []), answerMs: SILENT_MS },
      [/^stop queries: `r` gives no answer to a REQ/],
    ],
    [
      "is told of a limit on rates",
      { oddly: fromReq(3, () => [["NOTICE", "rate limited"]]) },
      [/^advice rate: `r` limits the rate of REQs: `rate limited`/],
    ],
    [
      "is refused where nothing is counted, by CLOSED",
      {
        mix: "ids:1,count-reactions:1",
        oddly: answersTo("COUNT", any, (id) => [["CLOSED", id, "unsupported: no NIP-45"]]),
      },
      [
        /^stop count: `r` refuses a COUNT \(NIP-45\): `unsupported: no NIP-45` .*leave `count-reactions` out: --query-mix ids:1$/,
      ],
    ],
    [
      "is refused where nothing is counted, by a NOTICE (nostr-rs-relay)",
      {
        mix: "count-reactions:1",
        oddly: answersTo("COUNT", any, () => [["NOTICE", "could not parse command"]]),
      },
      [/^stop count: .*NOTICE: `could not parse command` .*another mix of questions$/],
    ],
    [
      "is refused where 0 is counted beside a NOTICE (khatru)",
      {
        mix: "count",
        oddly: answersTo("COUNT", any, (id) => [
          ["NOTICE", "unsupported: this relay does not support NIP-45"],
          ["COUNT", id, { count: 0 }],
        ]),
      },
      [/^stop count: .*does not support NIP-45/],
    ],
    [
      "is refused where nothing is said to a COUNT",
      { mix: "count", oddly: answersTo("COUNT", any, () => []), answerMs: SILENT_MS },
      [/^stop count: `r` gives no answer to a COUNT/],
    ],
    [
      "is refused where all is counted, whatever is asked",
      { mix: "count", oddly: answersTo("COUNT", any, (id) => [["COUNT", id, { count: 7 }]]) },
      [/^stop count: `r` counts 7 events of an id that no event has/],
    ],
    [
      "is refused where `search` is ignored",
      {
        mix: "ids:1,search:1",
        oddly: answersTo("REQ", isSearch, (id) => [
          ["EVENT", id, ONE],
          ["EOSE", id],
        ]),
      },
      [/^stop search: `r` ignores `search` .*leave `search` out: --query-mix ids:1$/],
    ],
    [
      "is refused where `search` is (strfry)",
      {
        mix: "ids:1,search:1",
        oddly: answersTo("REQ", isSearch, (id) => [
          ["CLOSED", id, "ERROR: bad req: unrecognised filter item"],
        ]),
      },
      [/^stop search: `r` refuses a search \(NIP-50\): `ERROR: bad req: unrecognised/],
    ],
  ];
  for (const [what, of, found] of rows) {
    it(what, async () => {
      const lines = await judge(of);
      assert.equal(lines.length, found.length, lines.join("\n"));
      for (const [i, line] of lines.entries()) assert.match(line, found[i] ?? /^$/);
    });
  }

  it("that searches is told whether a word that is there is found", async () => {
    const asking = askingOf(planFor({ QUERY_MIX: "search:1" }, "query"), 0);
    assert.ok(asking !== null);
    const finds: Oddly = answersTo("REQ", isSearch, (id) => [["EOSE", id]]);
    for (const [oddly, said] of [
      [undefined, /^ok search: `r` finds a word/],
      [finds, /^advice search: `r` does not find a word/],
    ] as const) {
      const holds = [{ ...ONE, content: "a planted w0rd5678" }];
      const findings = await withRelay(
        { holds, ...(oddly ? { oddly } : {}) },
        async (admission) => {
          const asked = { open: 1, filters: 1, counts: false, searches: true, planted: "w0rd5678" };
          const probe = await probeQueries(admission, asked, SOON);
          return judgeQueries({ label: "r", asking, information: NO_INFORMATION, probe });
        },
      );
      const lines = findings.map(({ id, level, what }) => `${level} ${id}: ${what}`);
      assert.match(lines.find((line) => line.includes("search:")) ?? "", said);
    }
  });

  it("that searches is told where it can't be known", async () => {
    const plan = planFor({ QUERY_MIX: "search:1" }, "query");
    const asking = askingOf(plan, 0);
    assert.ok(asking !== null);
    for (const [holds, said] of [
      [[], /can't be known/],
      [[ONE], /finds nothing where there is nothing/],
    ] as const) {
      const findings = await withRelay({ holds }, async (admission) => {
        const asked = { open: 1, filters: 1, counts: false, searches: true };
        const probe = await probeQueries(admission, asked, SOON);
        return judgeQueries({ label: "r", asking, information: NO_INFORMATION, probe });
      });
      assert.match(findings.map(({ what }) => what).join("\n"), said);
    }
  });
});

describe("what is tried", () => {
  const tryFor = (
    limitation: Limitation | null,
    inFlight: number,
    software: string | null = null,
    version: string | null = null,
  ) => {
    const asking = askingOf(planFor({ MAX_IN_FLIGHT: String(inFlight) }, "query"), 0);
    assert.ok(asking !== null);
    return whatToTry(asking, { ...NO_INFORMATION, limitation, software, version })?.open;
  };

  it("are subscriptions as many as the plan needs, where it is not known that they are held", () => {
    assert.equal(tryFor(null, 40), 40);
    assert.equal(tryFor({}, 40), 40);
    assert.equal(tryFor({ max_subscriptions: 20 }, 40), 1);
    assert.equal(tryFor({ max_subscriptions: 40 }, 40), 1);
    assert.equal(tryFor({}, 32, NSRS), 1);
    assert.equal(tryFor({}, 33, NSRS), 33);
    assert.equal(tryFor({}, 200, STRFRY, "1.1.0-1-g691a533f11eb"), 1);
    assert.equal(tryFor({}, 21, STRFRY, "0.9.6-7-g7196547"), 21);
    assert.equal(tryFor({}, 20, STRFRY, "v1.0.4"), 1);
  });

  it("are the queries of `playback` only where a connection may have many", () => {
    const tried = (rate: number, limitation: Limitation = {}) => {
      const asking = askingOf(planFor({ RATE_EPS: String(rate) }, "playback"), 0.8);
      assert.ok(asking !== null);
      const information = { ...NO_INFORMATION, limitation };
      const found = judgeQueries({ label: "r", asking, information, probe: null });
      return [
        whatToTry(asking, information)?.open,
        ...found.map(({ id, level }) => `${level} ${id}`),
      ];
    };
    // 2 queries for 80 % of 50 events/s over 10 connections: 8 a second on each.
    assert.deepEqual(tried(50), [undefined]);
    assert.deepEqual(tried(100), [16]);
    assert.deepEqual(tried(100, { max_subscriptions: 10 }), [undefined, "advice subscriptions"]);
    assert.deepEqual(tried(50, { max_subscriptions: 7 }), [undefined, "advice subscriptions"]);
    assert.deepEqual(tried(50, { max_subscriptions: 8 }), [undefined]);
    assert.deepEqual(tried(50, { max_limit: 19, max_subid_length: 7 }), [
      undefined,
      "advice queries",
      "advice max-limit",
    ]);
    assert.deepEqual(tried(50, { max_limit: 20, max_subid_length: 8, default_limit: 1 }), [
      undefined,
    ]);
  });

  it("are the subscriptions of `fanout` on a connection", () => {
    const judgeFan = (subs: string, limitation: Limitation) => {
      const variables = { SUBS_PER_CONNECTION: subs, FANOUT: "1" };
      const asking = askingOf(planFor(variables, "fanout"), 0);
      assert.ok(asking !== null);
      const information = { ...NO_INFORMATION, limitation };
      const found = judgeQueries({ label: "r", asking, information, probe: null });
      return [whatToTry(asking, information)?.open, ...found.flatMap(describeBad)].join("\n");
    };
    assert.equal(judgeFan("20", { max_subscriptions: 20 }), "1");
    assert.match(
      judgeFan("21", { max_subscriptions: 20 }),
      /^1\nstop subscriptions: .* to hold 20 .* up to 21 open .*--subs-per-connection 20\b/,
    );
    assert.equal(judgeFan("21", {}), "21");
  });

  it("is nothing of a run that only publishes", () => {
    const plan = planFor({}, "playback");
    assert.equal(askingOf({ ...plan, scenario: "publish" }, 0.8), null);
  });
});

describe("demandsOf", () => {
  it("has the shapes' largest questions, whatever the corpus", () => {
    const of = Object.fromEntries(demandsOf("home:1,thread:1", 500).map((one) => [one.shape, one]));
    assert.deepEqual(
      { ...of.home, bytes: 0 },
      { shape: "home", verb: "REQ", filters: 3, limit: 500, bytes: 0, searches: false },
    );
    // 3 × 500 keys of 64 digits in quotes, and their commas.
    assert.ok(Number(of.home?.bytes) > 3 * 500 * 67 && Number(of.home?.bytes) < 3 * 500 * 67 + 300);
    assert.equal(of.thread?.filters, 2);
    const [few] = demandsOf("home:1", 100);
    assert.ok(Number(few?.bytes) < 3 * 100 * 67 + 300);
  });

  it("knows every shape", () => {
    for (const { name, verb } of shapes) {
      const [one] = demandsOf(`${name}:1`);
      assert.equal(one?.verb, verb);
      assert.equal(one?.searches, name === "search");
    }
  });
});

describe("the bound on rows that a run is told of", () => {
  it("is announced, usual of the software, or not known", () => {
    const of = (
      limitation: Limitation,
      software: string | null = null,
      version: string | null = null,
    ) => rowCapsOf([{ ...NO_INFORMATION, limitation, software, version }])[0];
    assert.equal(of({ max_limit: 250 }, STRFRY), 250);
    assert.equal(of({}, STRFRY), 500);
    assert.equal(of({}, NSRS), 0);
    assert.equal(of({ max_limit: 0 }, "git+https://github.com/Cameri/nostream.git"), 0);
    assert.equal(of({}, "https://github.com/fiatjaf/khatru"), 0);
    assert.deepEqual(rowCapsOf([]), []);
  });
});

describe("preflight of a plan of questions", () => {
  const run = async (script: Script, variables: Readonly<Record<string, string>>) =>
    await withRelay(script, async (admission, ledger) => {
      const plan = planFor(variables, "query");
      const { findings } = await preflight({
        plan,
        admissions: [admission],
        poolDir: undefined,
        force: false,
      });
      const published = ledger.messages.filter(([type]) => type === "EVENT").length;
      return { bad: findings.flatMap(describeBad), published, findings };
    });

  it("publishes events of the corpus, and asks", async () => {
    const document = { limitation: { max_subscriptions: 4, max_limit: 500 }, software: "x" };
    const { bad, published } = await run({ document }, { QUERY_MIX: "ids:1" });
    assert.ok(published > 0);
    assert.match(bad.join("\n"), /^stop subscriptions: .*--max-in-flight 4\b/);
    assert.equal(bad.length, 1);
  });

  it("looks for a word of what it published", async () => {
    const { findings } = await run({ holds: [] }, { QUERY_MIX: "search:1" });
    const search = findings.find(({ id }) => id === "search");
    assert.equal(search?.level, "ok");
    assert.match(search?.what ?? "", /finds a word of an event that it took/);
  });

  it("publishes nothing where it asks about what the relay holds", async () => {
    const { bad, published, findings } = await run({}, { QUERY_MIX: "ids:1", CORPUS: "relay" });
    assert.equal(published, 0);
    assert.deepEqual(bad, []);
    assert.ok(findings.some(({ id, level }) => id === "subscriptions" && level === "ok"));
  });

  it("stops where the relay would have the corpus in part", async () => {
    const refuses: Oddly = (message) =>
      message[0] === "EVENT" && message[1].kind === 30_023
        ? [["OK", message[1].id, false, "blocked: kind 30023 not allowed"]]
        : null;
    const { bad } = await run({ oddly: refuses }, { QUERY_MIX: "ids:1" });
    assert.match(bad.join("\n"), /^stop probe: .*kind 30023 not allowed.*corpus.*--corpus relay$/);
  });
});
