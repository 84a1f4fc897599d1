/** What the CLI learns by handshakes of its own, against a relay that refuses in every way. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { Histogram } from "../src/measure/histogram.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import {
  type Asked,
  askHandshake,
  describeRedirect,
  type HandshakeAnswer,
  type HandshakeParts,
} from "../src/node/run/ask-handshake.ts";
import { openHandshakeDesk } from "../src/node/run/handshakes.ts";
import { type Handshake, startFaultyRelay } from "./faulty-relay/relay.ts";
import { sliceOf } from "./fixtures/reports/run.ts";

function admissionOf(url: string, headers: Readonly<Record<string, string>> = {}): Admission {
  return {
    status: "admitted",
    url: parseRelayUrl(url),
    reason: "loopback",
    addresses: ["127.0.0.1"],
    headers,
  };
}

const refusedSlice = sliceOf({
  errors: [{ class: "connect", code: "handshake", count: 3, firstAtSec: 0, example: "" }],
});

describe("a handshake of the CLI's own", () => {
  const answers: readonly (readonly [Handshake, HandshakeAnswer])[] = [
    ["open", { status: 101, text: "" }],
    ...[401, 403, 404, 429, 502, 503].map(
      (status) => [status, { status, text: "Refused" }] as const,
    ),
    ["reset", { status: null, text: "ECONNRESET" }],
  ];
  for (const [handshake, expected] of answers) {
    it(`tells ${JSON.stringify(handshake)}`, async () => {
      const relay = await startFaultyRelay({ handshake: () => handshake });
      try {
        const { answer, parts } = await askHandshake(admissionOf(relay.url));
        assert.deepEqual(answer, expected);
        assert.equal(parts !== null, expected.status === 101);
      } finally {
        await relay.stop();
      }
    });
  }

  const NGINX_PAGE = "<html><center><h1>429 Too Many Requests</h1></center>nginx/1.24.0</html>";
  const proxies: readonly (readonly [string, Handshake, Partial<HandshakeAnswer>])[] = [
    [
      "nginx that answers by itself",
      {
        status: 429,
        headers: { Server: "nginx/1.24.0", "Content-Type": "text/html" },
        body: NGINX_PAGE,
      },
      { by: "nginx/1.24.0", isOwn: true },
    ],
    [
      "nginx with the relay's words",
      { status: 503, headers: { Server: "nginx" }, body: "too many clients" },
      { text: "Refused: too many clients", by: "nginx" },
    ],
    [
      "Cloudflare's own limit",
      { status: 429, headers: { Server: "cloudflare" }, body: "error code: 1015" },
      { text: "Refused: error code: 1015", by: "cloudflare", isOwn: true },
    ],
    ["Caddy on the way", { status: 403, headers: { Via: "1.1 Caddy" } }, { via: "1.1 Caddy" }],
  ];
  for (const [what, handshake, expected] of proxies) {
    it(`tells ${what}`, async () => {
      const relay = await startFaultyRelay({ handshake: () => handshake });
      try {
        const { status } = handshake as { readonly status: number };
        const { answer } = await askHandshake(admissionOf(relay.url));
        assert.deepEqual(answer, { status, text: "Refused", ...expected });
      } finally {
        await relay.stop();
      }
    });
  }

  it("tells where a redirect leads", async () => {
    const handshake = { status: 302, headers: { Location: "wss://relay.example/" } };
    const relay = await startFaultyRelay({ handshake: () => handshake });
    try {
      const { answer } = await askHandshake(admissionOf(relay.url));
      assert.deepEqual(answer, { status: 302, text: "wss://relay.example:443/" });
    } finally {
      await relay.stop();
    }
  });

  it("tells what its time went into", async () => {
    const LATE_MS = 60;
    const relay = await startFaultyRelay({ handshake: () => ({ afterMs: LATE_MS }) });
    try {
      const { parts } = await askHandshake(admissionOf(relay.url));
      // A timer of Node may come a millisecond early.
      assert.ok(parts && parts.upgrade >= LATE_MS - 1, JSON.stringify(parts));
      assert.ok(parts.tcp > 0 && parts.tcp < parts.upgrade, JSON.stringify(parts));
      assert.equal(parts.tls, null);
    } finally {
      await relay.stop();
    }
  });

  it("tells that nobody listens", async () => {
    const relay = await startFaultyRelay({});
    await relay.stop();
    const { answer } = await askHandshake(admissionOf(relay.url));
    assert.deepEqual(answer, { status: null, text: "ECONNREFUSED" });
  });

  it("has the relay's words, but for the user's own headers, pages and what never ends", async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      const isPage = request.url === "/page";
      const type = { "content-type": isPage ? "text/html" : "text/plain" };
      const server = `nginx ${request.headers.authorization}`;
      response.writeHead(403, isPage ? { ...type, server } : type);
      response.write(isPage ? "<html>no</html>" : `no\n for ${request.headers.authorization}`);
      if (request.url !== "/endless") response.end();
    });
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const base = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = { Authorization: "Basic c2VjcmV0" };
    try {
      for (const [path, text] of [
        ["/", "Forbidden: no for …"],
        ["/page", "Forbidden"],
        ["/endless", "Forbidden: no for …"],
      ] as const) {
        const { answer } = await askHandshake(admissionOf(`${base}${path}`, headers));
        const by = path === "/page" ? { by: "nginx …" } : {};
        assert.deepEqual(answer, { status: 403, text, ...by });
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 3 }, () => headers.Authorization),
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe("where a redirect leads", () => {
  const table: readonly (readonly [asked: string, location: string, told: string])[] = [
    ["ws://127.0.0.1:7777", "https://relay.example/", "wss://relay.example:443/"],
    ["ws://127.0.0.1:7777", "/ws?key=secret", "ws://127.0.0.1:7777/ws"],
    [
      "ws://127.0.0.1:7777/a",
      "https://b.example:8443/a",
      "wss://b.example:8443 with the same path",
    ],
    [
      "ws://127.0.0.1:7777/secret",
      "/secret/",
      "ws://127.0.0.1:7777 with the same path and a slash at its end",
    ],
    ["ws://127.0.0.1:7777/secret?k=1", "/login?to=secret", "ws://127.0.0.1:7777 with another path"],
    ["ws://127.0.0.1:7777", "", "it says not where to"],
    ["ws://127.0.0.1:7777", "http://[", "it says not where to"],
    ["ws://127.0.0.1:7777", "file:///etc/passwd", "to file:"],
  ];
  for (const [asked, location, told] of table) {
    it(`is told of \`${location}\` for \`${asked}\``, () => {
      assert.equal(describeRedirect(location, parseRelayUrl(asked)), told);
    });
  }
});

describe("the desk", () => {
  const one = [admissionOf("ws://127.0.0.1:7777")];
  const two = [...one, admissionOf("ws://127.0.0.1:7778")];

  it("asks while three handshakes or more of a slice are slow in the median, and has the medians of their parts", async () => {
    const parts: readonly HandshakeParts[] = [
      { tcp: 1, tls: 8, upgrade: 120 },
      { tcp: 3, tls: 6, upgrade: 140 },
      { tcp: 2, tls: 7, upgrade: 130 },
    ];
    for (const [times, asks] of [
      [[120, 120, 3, 3], 0],
      [[120, 120], 0],
      [[120, 3, 120], 3],
      [[3, 120, 120, 120], 3],
    ] as const) {
      let asked = 0;
      let nowMs = 0;
      const answer: HandshakeAnswer = { status: 101, text: "" };
      const ask = async (): Promise<Asked> => ({ answer, parts: parts[asked++] ?? null });
      const histogram = new Histogram();
      for (const ms of times) histogram.record(ms);
      const slow = sliceOf({ histograms: { "connection.connect.3": histogram.toData() } });
      const desk = openHandshakeDesk(
        one,
        () => {},
        ask,
        () => nowMs,
      );
      for (; nowMs < 7_000; nowMs += 500) {
        desk.observe(slow);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(asked, asks, times.join());
      const told = await desk.close();
      if (asks === 0) assert.equal(told, null);
      else assert.deepEqual(told?.parts, { count: 3, tcp: 2, tls: 7, upgrade: 130 });
    }
  });

  it("asks nothing while no handshake is refused", async () => {
    const fail = () => assert.fail("asked");
    const desk = openHandshakeDesk(one, fail, fail);
    const refused = { ...refusedSlice.errors[0], code: "refused" };
    desk.observe(sliceOf());
    desk.observe(sliceOf({ errors: [refused as (typeof refusedSlice.errors)[0]] }));
    assert.equal(await desk.close(), null);
  });

  it("asks a few times at growing distances, each relay in turn, and adds equal answers up", async () => {
    let nowMs = 0;
    const asked: (readonly [sec: number, label: string])[] = [];
    const ask = async ({ url }: Admission): Promise<Asked> => {
      asked.push([nowMs / 1_000, url.label]);
      const answer = url.port === 7777 ? { status: 429, text: "no" } : { status: 101, text: "" };
      return { answer, parts: null };
    };
    const notes: HandshakeAnswer[] = [];
    const desk = openHandshakeDesk(
      two,
      (answer) => notes.push(answer),
      ask,
      () => nowMs,
    );
    for (; nowMs < 120_000; nowMs += 100) {
      desk.observe(refusedSlice);
      await Promise.resolve();
      await Promise.resolve();
    }
    const [first, other] = two.map(({ url }) => url.label);
    assert.deepEqual(asked, [
      [0, first],
      [1, other],
      [3, first],
      [7, other],
      [15, first],
      [31, other],
    ]);
    assert.deepEqual(await desk.close(), {
      asked: 6,
      answers: [
        { status: 429, text: "no", count: 3 },
        { status: 101, text: "", count: 3 },
      ],
    });
    assert.equal(notes.length, 6);
  });

  it("waits for what is under way, and asks no second meanwhile", async () => {
    let answer: (given: HandshakeAnswer) => void = () => {};
    let asked = 0;
    const ask = () => {
      asked++;
      return new Promise<Asked>((resolve) => {
        answer = (given) => resolve({ answer: given, parts: null });
      });
    };
    const desk = openHandshakeDesk(one, () => {}, ask);
    desk.observe(refusedSlice);
    desk.observe(refusedSlice);
    const closed = desk.close();
    answer({ status: 503, text: "" });
    assert.deepEqual((await closed)?.answers, [{ status: 503, text: "", count: 1 }]);
    assert.equal(asked, 1);
  });
});
