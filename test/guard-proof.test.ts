import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ConfigError } from "../src/errors.ts";
import {
  checkProof,
  PROOF_PATH,
  type Proof,
  parseProof,
  parseProofMember,
} from "../src/guard/proof.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { fetchProof } from "../src/node/guard/fetch-proof.ts";
import { admitRelays, judgeRelay } from "../src/node/guard/gate.ts";

const HOST = "relay.example.com";
const TEXT = `# ours\n\nhost: ${HOST}\nuntil: 2027-01-31\nmax-rate: 500\nmax-connections: 2000\n`;
const PROOF: Proof = { host: HOST, until: "2027-01-31", maxRateEps: 500, maxConnections: 2_000 };
const QUESTION = { host: HOST, nowMs: Date.parse("2027-01-01"), rateEps: 50, clients: 1_000 };

test("reads the text that an owner writes by hand", () => {
  for (const text of [TEXT, TEXT.replaceAll("\n", "\r\n"), `\ufeff${TEXT}`, TEXT.trim()]) {
    assert.deepEqual(parseProof(text), { status: "parsed", proof: PROOF });
  }
  assert.deepEqual(parseProof("until:2028-02-29\n host :\tRelay.Example.com. "), {
    status: "parsed",
    proof: { host: HOST, until: "2028-02-29" },
  });
});

test("reads the examples of the documentation", async () => {
  const text = await readFile("docs/dedicated-relays.md", "utf8");
  const example = (language: string) =>
    new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(text)?.[1] ?? "";
  assert.deepEqual(parseProof(example("text")), { status: "parsed", proof: PROOF });
  const { load_test: member } = JSON.parse(example("json"));
  assert.deepEqual(parseProofMember(member), { status: "parsed", proof: PROOF });
  assert.ok(text.includes(PROOF_PATH));
});

test("reads the NIP-11 member", () => {
  const member = { host: HOST, until: "2027-01-31", "max-rate": 500, "max-connections": "2000" };
  assert.deepEqual(parseProofMember(member), { status: "parsed", proof: PROOF });
});

const MALFORMED: readonly (readonly [text: string, reason: RegExp])[] = [
  ["", /host/],
  ["until: 2027-01-31", /host/],
  [`host: ${HOST}`, /until/],
  [`host: ${HOST}\nuntil: soon`, /until/],
  [`host: ${HOST}\nuntil: 2027-02-30`, /until/],
  [`host: ${HOST}\nuntil: 2027-13-01`, /until/],
  [`host: ${HOST}\nuntil: 2027-1-1`, /until/],
  [`host: ${HOST}:80\nuntil: 2027-01-31`, /host/],
  [`host: https://${HOST}\nuntil: 2027-01-31`, /host/],
  [`host: *\nuntil: 2027-01-31`, /host/],
  [`${TEXT}max-rate: 5000`, /twice/],
  [`${TEXT}max_rate: 5`, /line 7/],
  [`${TEXT}rate: 5`, /no other/],
  [`host: ${HOST}\nuntil: 2027-01-31\nmax-rate: 0`, /max-rate/],
  [`host: ${HOST}\nuntil: 2027-01-31\nmax-rate: 1e9`, /max-rate/],
  [`host: ${HOST}\nuntil: 2027-01-31\nmax-rate: -1`, /max-rate/],
  [`host: ${HOST}\nuntil: 2027-01-31\nmax-connections: 0`, /max-connections/],
  [`host: ${HOST}\nuntil: 2027-01-31\nmax-connections: 1.5`, /max-connections/],
  ["<!doctype html>", /line 1/],
  ["ok", /line 1/],
];

test("a proof that can't be read is void, and says why", () => {
  for (const [text, reason] of MALFORMED) {
    const parsed = parseProof(text);
    assert.ok(parsed.status === "malformed", text);
    assert.match(parsed.reason, reason);
  }
  for (const value of [null, true, "yes", [], { host: HOST, until: null }, { host: [HOST] }, {}]) {
    assert.equal(parseProofMember(value).status, "malformed", JSON.stringify(value));
  }
});

test("holds a proof against host, clock and plan", () => {
  const cases = [
    [{}, "ok", /allows it until/],
    [{ nowMs: Date.parse("2027-01-31T23:59:59.999Z") }, "ok", /2027-01-31/],
    [{ nowMs: Date.parse("2027-02-01T00:00:00Z") }, "refused", /ended on 2027-01-31/],
    [{ host: "other.example.com" }, "refused", /names `relay/],
    [{ rateEps: 500 }, "ok", /allows/],
    [{ rateEps: 500.5 }, "refused", /500 events or queries a second/],
    [{ clients: 2_000 }, "ok", /allows/],
    [{ clients: 2_001 }, "refused", /2000 connections/],
  ] as const;
  for (const [change, status, reason] of cases) {
    const checked = checkProof(PROOF, { ...QUESTION, ...change });
    assert.equal(checked.status, status, checked.reason);
    assert.match(checked.reason, reason);
  }
  const unlimited = checkProof({ host: HOST, until: "2027-01-31" }, { ...QUESTION, rateEps: 1e6 });
  assert.equal(unlimited.status, "ok");
});

async function withServer(listener: RequestListener, use: (port: number) => Promise<void>) {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A relay's HTTP side: the well-known text and the NIP-11 document, on one loopback port. */
function fetchFrom(listener: RequestListener, maxBytes = 4_096, timeoutMs = 5_000) {
  let result: Awaited<ReturnType<typeof fetchProof>> | undefined;
  return withServer(listener, async (port) => {
    const url = parseRelayUrl(`ws://${HOST}:${port}/inbox?key=hunter2`);
    result = await fetchProof(url, "127.0.0.1", { timeoutMs, maxBytes, wellKnownPort: port });
  }).then(() => result ?? assert.fail("no result"));
}

test("fetches the text by the relay's host name from the pinned address", async () => {
  const seen: (string | undefined)[] = [];
  const result = await fetchFrom((request, response) => {
    seen.push(request.url, request.headers.host?.replace(/:[0-9]+$/, ""));
    response.end(TEXT);
  });
  assert.ok(result.status === "found");
  assert.deepEqual(result.proof, PROOF);
  assert.equal(result.source, "well-known");
  assert.match(result.digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(seen, [PROOF_PATH, HOST]);
});

test("falls back to the NIP-11 member, asked for as NIP-11 says", async () => {
  const result = await fetchFrom((request, response) => {
    const isNip11 = request.headers.accept === "application/nostr+json";
    if (request.url === "/inbox?key=hunter2" && isNip11) {
      response.end(JSON.stringify({ name: "x", load_test: { host: HOST, until: "2027-01-31" } }));
    } else response.writeHead(404).end();
  });
  assert.ok(result.status === "found");
  assert.equal(result.source, "nip-11");
});

const UNPROVED: readonly (readonly [what: string, listener: RequestListener, reason: RegExp])[] = [
  ["nothing", (_, response) => response.writeHead(404).end(), /HTTP status 404/],
  ["an error", (_, response) => response.writeHead(500).end(TEXT), /HTTP status 500/],
  ["any other page", (_, response) => response.end("<html>"), /line 1.*not JSON/],
  ["too much", (_, response) => response.end("#".repeat(5_000)), /more than 4096 bytes/],
  ["an empty document", (_, response) => response.end("{}"), /not there/],
  ["a hang-up", (request) => request.socket.destroy(), /ECONNRESET/],
];

for (const [what, listener, reason] of UNPROVED) {
  test(`a relay that answers with ${what} has no proof`, async () => {
    const result = await fetchFrom(listener);
    assert.ok(result.status === "refused");
    assert.match(result.reason, reason);
    assert.ok(!result.reason.includes("hunter2"));
  });
}

test("a redirect is refused and never followed", async () => {
  const asked: (string | undefined)[] = [];
  const result = await fetchFrom((request, response) => {
    asked.push(request.url);
    if (request.url === "/moved") response.end(TEXT);
    else response.writeHead(302, { location: "/moved" }).end(TEXT);
  });
  assert.ok(result.status === "refused");
  assert.match(result.reason, /redirect/);
  assert.ok(!asked.includes("/moved"));
});

test("a relay that never answers is given up in time", async () => {
  const result = await fetchFrom((_, response) => response.write("host"), 4_096, 50);
  assert.ok(result.status === "refused");
  assert.match(result.reason, /no answer in time/);
});

const URL_OF_HOST = parseRelayUrl(`wss://${HOST}`);
const REQUEST = {
  policy: { allowPrivate: false, dedicatedHost: HOST },
  ...QUESTION,
  lookup: async () => ["192.0.43.7", "192.0.43.8"],
  // Nothing is dialled here.
  connects: async () => true,
  fetchProof: async () =>
    ({ status: "found", proof: PROOF, source: "well-known", digest: "00" }) as const,
};

test("admits a dedicated relay with its addresses and its proof", async () => {
  const [admission] = await admitRelays([URL_OF_HOST], REQUEST);
  assert.deepEqual(admission?.addresses, ["192.0.43.7", "192.0.43.8"]);
  assert.deepEqual(admission?.proof, { ...PROOF, source: "well-known", digest: "00" });
});

test("refuses a dedicated relay without a proof, and with one for another plan", async () => {
  const refused = { status: "refused", reason: "no proof", remedy: "serve it" } as const;
  const unproved = await judgeRelay(URL_OF_HOST, { ...REQUEST, fetchProof: async () => refused });
  assert.deepEqual(unproved, refused);
  const tooFast = await judgeRelay(URL_OF_HOST, { ...REQUEST, rateEps: 501 });
  assert.equal(tooFast.status, "refused");
});

test("asks for no proof where none is needed, and none of a relay that is refused", async () => {
  const fetchNothing = async () => assert.fail("fetched a proof");
  const request = { ...REQUEST, fetchProof: fetchNothing };
  const urls = [parseRelayUrl("ws://127.0.0.1:7777/secret")];
  const [admission] = await admitRelays(urls, request);
  assert.deepEqual(admission?.addresses, ["127.0.0.1"]);
  const lookup = async () => ["10.0.0.1"];
  assert.equal((await judgeRelay(URL_OF_HOST, { ...request, lookup })).status, "refused");
});

test("admits all relays or none, and the error shows host and port only", async () => {
  const urls = [parseRelayUrl("ws://127.0.0.1"), parseRelayUrl("ws://8.8.8.8/hunter2?hunter2")];
  await assert.rejects(admitRelays(urls, REQUEST), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /8\.8\.8\.8:80.*public address/);
    return !error.message.includes("hunter2");
  });
});
