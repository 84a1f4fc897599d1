import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { type GuardPolicy, judgeByText } from "../src/guard/guard.ts";
import {
  parseDedicatedHost,
  parseRelayUrl,
  parseRelayUrls,
  toDialUrl,
} from "../src/guard/relay-url.ts";
import corpus from "./fixtures/relay-urls.json" with { type: "json" };

interface Spelling {
  readonly url: string;
  readonly verdict: string;
  readonly reason: string;
  readonly policy?: Pick<Partial<GuardPolicy>, "allowPrivate" | "dedicatedHost"> & {
    readonly networks?: readonly string[];
  };
}

const spellings: readonly Spelling[] = corpus;

function judge(
  text: string,
  { networks, ...policy }: NonNullable<Spelling["policy"]> = {},
): { status: string; reason: string } {
  const isolation = networks && { isolation: { status: "isolated" as const, networks } };
  try {
    return judgeByText(parseRelayUrl(text), { allowPrivate: false, ...policy, ...isolation });
  } catch (error) {
    if (error instanceof ConfigError) return { status: "refused", reason: error.message };
    throw error;
  }
}

test("the corpus holds at least 300 spellings", () => {
  assert.ok(new Set(spellings.map(({ url }) => url)).size >= 300);
});

for (const verdict of ["allowed", "candidate", "needs-proof", "refused"]) {
  test(`spellings of the corpus that are ${verdict}`, () => {
    const ofVerdict = spellings.filter((spelling) => spelling.verdict === verdict);
    assert.ok(ofVerdict.length > 0);
    for (const { url, reason, policy } of ofVerdict) {
      const got = judge(url, policy);
      const where = `${JSON.stringify(url)} ${JSON.stringify(policy ?? {})}: ${got.reason}`;
      assert.equal(got.status, verdict, where);
      assert.ok(got.reason.includes(reason), `${where} lacks ${reason}`);
    }
  });
}

test("takes a URL apart", () => {
  assert.deepEqual(parseRelayUrl("WSS://Relay.Internal.:8443/chat?token=1"), {
    scheme: "wss",
    host: "relay.internal",
    port: 8443,
    path: "/chat?token=1",
    label: "relay.internal:8443",
  });
  assert.equal(parseRelayUrl("ws://[0:0::1]").label, "[::1]:80");
  assert.equal(parseRelayUrl("wss://localhost").port, 443);
});

test("gives the URL to dial from what was judged", () => {
  const url = "WS://LOCALHOST.?a=b";
  assert.equal(toDialUrl(parseRelayUrl(url)), "ws://localhost:80/?a=b");
});

test("reads a list, and refuses an empty one and a repeated relay", () => {
  const urls = parseRelayUrls("ws://127.0.0.1:1, ws://127.0.0.1:2/a,ws://127.0.0.1:2/b");
  assert.deepEqual(
    urls.map(({ label }) => label),
    ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:2"],
  );
  assert.throws(() => parseRelayUrls(" "), /required/);
  assert.throws(() => parseRelayUrls("ws://127.0.0.1,"), /required/);
  assert.throws(() => parseRelayUrls("ws://LOCALHOST,ws://localhost:80/"), /twice/);
});

test("reads the host of a dedicated relay, and refuses a URL, a port and a bad name", () => {
  assert.equal(parseDedicatedHost("Relay.Example.com."), "relay.example.com");
  assert.equal(parseDedicatedHost("2606:4700:4700:0::1111"), "2606:4700:4700::1111");
  assert.equal(parseDedicatedHost("[2606:4700:4700:0::1111]"), "2606:4700:4700::1111");
  const refused = [
    "wss://a.example",
    "a.example:80",
    "a@b",
    "",
    "[::1]:80",
    "*.example",
    "a/b",
    "0x7f",
  ];
  for (const text of refused) assert.throws(() => parseDedicatedHost(text), ConfigError, text);
});

test("errors repeat no credentials, path or query", () => {
  const urls = [
    "ws://hunter2:hunter2@127.0.0.1",
    "ws://hunter2@hunter2@127.0.0.1/hunter2",
    "ws://127.0.0.1/hunter2#hunter2",
    "ws://127.0.0.1:hunter2/",
    "ws://127.0.0.1:hunter2/x@y",
    "ws://127.0.0.1/hunter2?hunter2=%zz",
    "http://hunter2@127.0.0.1/hunter2",
    "ws://127.0.0.1/hunter2 hunter2",
    "ws://8.8.8.8/hunter2?hunter2",
    "ws://[hunter2]/",
    "hunter2",
  ];
  for (const url of urls) {
    const { status, reason } = judge(url);
    assert.equal(status, "refused");
    assert.ok(!reason.includes("hunter2"), reason);
  }
});
