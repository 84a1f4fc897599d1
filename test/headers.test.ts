/** A user's own headers: what may be one, where they go, and that their values are told to nobody else. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { WebSocketServer } from "ws";
import { ConfigError } from "../src/errors.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { openReader } from "../src/node/audit/relay-reader.ts";
import { admitRelays } from "../src/node/guard/gate.ts";
import { ownHeaders, policyOf } from "../src/node/guard/policy.ts";
import { k6Environment } from "../src/node/k6/environment.ts";
import { fetchInformation } from "../src/node/preflight/information.ts";
import { probeRelay } from "../src/node/preflight/probe.ts";
import { describePlan } from "../src/node/run/dry-run.ts";
import { clientAddress, OWN_ADDRESS, parseHeaders } from "../src/plan/headers.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { rerunCommand } from "../src/report/command.ts";
import { buildOf, planOf } from "./fixtures/reports/run.ts";

const SECRET = "Basic c2VjcmV0OnZhbHVl";
const variables = {
  RELAY_HEADERS: `Authorization: ${SECRET}\nOrigin: https://app.example`,
  CLIENT_IP_HEADER: "X-Real-IP",
};

describe("a header", () => {
  it("is read with its value, one a line", () => {
    assert.deepEqual(parseHeaders(`Origin:https://a\n\n X-Key :  a: b \n`, "--header"), [
      { name: "Origin", value: "https://a" },
      { name: "X-Key", value: "a: b" },
    ]);
  });

  const refused: readonly (readonly [text: string, why: RegExp])[] = [
    ["Origin", /must be `Name: value`/],
    [": secret", /must begin with a header's name/],
    ["My Header: secret", /must begin with a header's name/],
    ["Origin: ", /a value of printable ASCII/],
    ["Origin: secr\u00e9t", /a value of printable ASCII/],
    [`Origin: ${"s".repeat(4_097)}`, /at most 4096 characters/],
    ["Origin: a\norigin: b", /once, got `origin` twice/],
    ...[
      ...["Host", "connection", "UPGRADE", "Sec-WebSocket-Key", "sec-websocket-protocol"],
      ...["Sec-WebSocket-Extensions", "Accept", "Content-Length", "Transfer-Encoding"],
    ].map((name) => [`${name}: secret`, /must not set `/] as const),
  ];
  for (const [text, why] of refused) {
    it(`is refused as \`${text.slice(0, 40).replaceAll("\n", "\\n")}\`, without its value`, () => {
      assert.throws(
        () => parseHeaders(text, "--header"),
        (error: unknown) =>
          error instanceof ConfigError &&
          why.test(error.message) &&
          !/secret|sssss/.test(error.message),
      );
    });
  }

  it("may hold a token of 64 hex digits, and no key of Nostr", () => {
    const collect = (value: string) => collectOptions({ header: `X-Token: ${value}` }, {});
    assert.match(collect("ab".repeat(32)).header ?? "", /abab/);
    assert.throws(() => collect("nsec1qqqq"), ConfigError);
  });

  it("is not given a second time where each connection has its own", () => {
    assert.throws(
      () => planOf({ RELAY_HEADERS: "x-real-ip: 1.2.3.4", CLIENT_IP_HEADER: "X-Real-IP" }),
      /gives `X-Real-IP` for each connection/,
    );
    assert.throws(() => planOf({ CLIENT_IP_HEADER: "Host" }), /must not set `Host`/);
  });
});

describe("the address of a connection", () => {
  it("lies in the network that is kept for tests, and is another for each of 100,000", () => {
    const all = Array.from({ length: 100_000 }, (_, i) => clientAddress(i));
    assert.equal(new Set([...all, OWN_ADDRESS]).size, 100_001);
    assert.ok(
      [...all, OWN_ADDRESS].every((address) => /^198\.(18|19)(\.\d{1,3}){2}$/.test(address)),
    );
    assert.deepEqual(
      [all[0], all[255], all[70_000]],
      ["198.18.0.1", "198.18.1.0", "198.19.17.113"],
    );
  });
});

describe("a user's headers", () => {
  it("go with all that the CLI asks of an admitted relay", async () => {
    const seen: [string, IncomingMessage["headers"]][] = [];
    const server = createServer((request, response) => {
      seen.push(["document", request.headers]);
      response.end("{}");
    });
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (_, request) => seen.push(["socket", request.headers]));
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const plan = planOf({ ...variables, RELAY_URL: `ws://127.0.0.1:${port}` });
      const [admission] = await admitRelays(plan.relays, {
        policy: policyOf(plan),
        nowMs: 0,
        rateEps: 1,
        clients: 1,
        headers: ownHeaders(plan),
      });
      assert.ok(admission);
      await fetchInformation(admission);
      await probeRelay(admission, []);
      (await openReader(admission)).close();
      assert.deepEqual(
        seen.map(([what, headers]) => [
          what,
          headers.authorization,
          headers.origin,
          headers["x-real-ip"],
        ]),
        ["document", "socket", "socket"].map((what) => [
          what,
          SECRET,
          "https://app.example",
          OWN_ADDRESS,
        ]),
      );
      assert.ok(seen.every(([, headers]) => headers.host === `127.0.0.1:${port}`));
    } finally {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    }
  });

  it("reach k6 in its environment as they came", () => {
    const plan = planOf(variables);
    const request = { plan, dialUrls: [], poolDir: "", poolUrl: null, runId: "", runDir: "" };
    const environment = k6Environment(
      { ...request, script: "", allowed: [], hosts: {}, blacklist: [], memory: null },
      {},
    );
    const again = buildPlan(
      "publish",
      collectOptions({}, { ...environment, RELAY_URL: "ws://127.0.0.1:7777" }),
      "s",
    );
    assert.deepEqual(again.headers, plan.headers);
    assert.equal(again.clientIpHeader, "X-Real-IP");
  });

  it("are named in dry run, report and the command for it, without their values", async () => {
    const plan = planOf(variables);
    const report = buildOf({ plan });
    const texts = [await describePlan(plan), JSON.stringify(report), rerunCommand(report)];
    for (const text of texts) {
      assert.match(text, /Authorization/);
      assert.match(text, /X-Real-IP/);
      assert.ok(!text.includes("c2VjcmV0") && !text.includes("app.example"), text);
    }
  });
});

describe("credentials in a relay's URL", () => {
  it("are refused with the header that does the same", () => {
    assert.throws(
      () => parseRelayUrl("ws://user:secret@127.0.0.1:7777"),
      (error: unknown) =>
        error instanceof ConfigError &&
        /--header 'Authorization: Basic …'/.test(error.message) &&
        !error.message.includes("secret"),
    );
  });
});
