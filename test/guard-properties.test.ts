import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { ConfigError } from "../src/errors.ts";
import { parseAddress } from "../src/guard/address.ts";
import { type GuardPolicy, judgeByText } from "../src/guard/guard.ts";
import { PUBLIC_RELAYS } from "../src/guard/public-relays.ts";
import { parseRelayUrl, type RelayUrl, toDialUrl } from "../src/guard/relay-url.ts";

const ISOLATION = { status: "isolated", networks: ["10.0.0.0/8", "172.16.0.0/12"] } as const;

const SEED = Number(process.env.GUARD_TEST_SEED ?? 20_261_123);
const STRICT: GuardPolicy = { allowPrivate: false };

const octet = fc.oneof(
  fc.constantFrom("0", "1", "8", "10", "127", "168", "169", "172", "192", "254", "255", "256"),
  fc.nat(300).map(String),
  fc.nat(255).map((n) => `0x${n.toString(16)}`),
  fc.nat(255).map((n) => `0${n.toString(8)}`),
  fc.nat(0xff_ff_ff).map(String),
);
const dottedQuad = fc
  .array(fc.nat(255), { minLength: 4, maxLength: 4 })
  .map((octets) => octets.join("."));
const oddIpv4 = fc.array(octet, { minLength: 1, maxLength: 5 }).map((octets) => octets.join("."));
const number = fc.oneof(
  fc.nat(0xffff_ffff).map(String),
  fc.nat(0xffff_ffff).map((n) => `0x${n.toString(16)}`),
  fc.constantFrom("2130706433", "017700000001", "0x7f000001", "0"),
);
const group = fc.oneof(
  fc.constantFrom(
    "0",
    "1",
    "ffff",
    "7f00",
    "2001",
    "2002",
    "64",
    "ff9b",
    "fe80",
    "fd00",
    "db8",
    "",
  ),
  fc.nat(0xffff).map((n) => n.toString(16)),
);
const ipv6 = fc.oneof(
  fc.ipV6(),
  fc.array(group, { minLength: 2, maxLength: 9 }).map((groups) => groups.join(":")),
  fc
    .tuple(fc.array(group, { minLength: 1, maxLength: 7 }), dottedQuad)
    .map(([groups, quad]) => [...groups, quad].join(":")),
  fc
    .tuple(
      fc.constantFrom("::", "::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "2002:", "2001:0:"),
      dottedQuad,
    )
    .map(([prefix, quad]) => prefix + quad),
);
const label = fc.oneof(
  fc.constantFrom(
    "localhost",
    "relay",
    "a",
    "xn--mnchen-3ya",
    "-a",
    "a_b",
    "com",
    "127",
    "",
    "%31",
  ),
  fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/),
);
const suffix = fc.constantFrom(
  ...[
    "",
    ".",
    ".localhost",
    ".local",
    ".internal",
    ".test",
    ".svc.cluster.local",
    ".com",
    ".damus.io",
  ],
  ...[".Local", ".LOCALHOST.", ".local..", "。local", ".nos.lol", ".1", ".0x7f", ".example.org."],
);
const name = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 4 }), suffix)
  .map(([labels, end]) => labels.join(".") + end);
const host = fc.oneof(
  dottedQuad,
  oddIpv4,
  number,
  ipv6.map((text) => `[${text}]`),
  ipv6,
  name,
  fc.constantFrom(...PUBLIC_RELAYS),
);
/** Junk that programs are known to read differently, put somewhere into a URL. */
const junk = mostly(
  [""],
  ...[
    "@",
    "\\",
    "#",
    "?",
    "/",
    ":",
    "%",
    "%2e",
    "%00",
    "%40",
    "\t",
    "\n",
    " ",
    "\u0000",
    "@@",
    "//",
  ],
  ...[".", "..", "。", "\u00ad", "\u200b", "[", "]", "%25lo", "ﬀ", "ⅷ", "１", "ſ", ",", ";"],
);
const scheme = mostly(
  ["ws://", "wss://", "WS://"],
  ...["ws:/", "ws:", "ws:///", "ws:\\\\", "http://", "wSs://", "//", "ws+x://"],
);
const userinfo = mostly([""], "user@", "a:b@", "127.0.0.1@", "localhost:1@", "@");
const port = mostly(
  ["", ":80", ":443", ":7777", ":65535"],
  ...[":", ":0", ":65536", ":007", ":x", ":-1", ":80:80", ":0x50"],
);
const path = mostly(["", "/", "/a?b", "?x"], "#y", "/@8.8.8.8", "/../x", "\\@8.8.8.8", "/%zz");
const url = fc
  .tuple(scheme, userinfo, junk, host, junk, port, junk, path)
  .map((parts) => parts.join(""));

/** Nine times out of ten one of the plain parts: else hardly any URL would be well-formed. */
function mostly(plain: readonly string[], ...odd: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...plain) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
}

function read(text: string): RelayUrl | undefined {
  try {
    return parseRelayUrl(text);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function readAsWhatwg(text: string): { hostname: string; port: number } | undefined {
  if (!URL.canParse(text)) return undefined;
  const parsed = new URL(text);
  const hostname = parsed.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const defaultPort = parsed.protocol === "wss:" || parsed.protocol === "https:" ? 443 : 80;
  return { hostname, port: parsed.port === "" ? defaultPort : Number(parsed.port) };
}

/** Written apart from the guard, with ipaddr.js' own ranges: what may be reached without a proof. */
function isHarmless(hostname: string, policy: GuardPolicy): boolean {
  if (isIP(hostname) === 0) {
    return !hostname.includes(".") || /\.(?:localhost|local|internal|test)$/.test(hostname);
  }
  const range = ipaddr.process(hostname).range();
  return range === "loopback" || (policy.allowPrivate && /^(?:private|uniqueLocal)$/.test(range));
}

function check(runs: number, property: fc.IProperty<[string]>): void {
  fc.assert(property, { numRuns: runs, seed: SEED });
}

test("100,000 URLs: what Node would dial elsewhere is never allowed, and both read the same", () => {
  const counts = { accepted: 0, refused: 0 };
  const property = fc.property(url, (text) => {
    const relay = read(text);
    const whatwg = readAsWhatwg(text);
    if (relay === undefined) {
      counts.refused++;
      return;
    }
    counts.accepted++;
    // Only punycode that doesn't decode is refused by WHATWG URL and not by us.
    if (whatwg === undefined) assert.match(relay.host, /(?:^|\.)xn--/);
    else {
      assert.equal(relay.host, whatwg.hostname);
      assert.equal(relay.port, whatwg.port);
    }
    for (const policy of [STRICT, { allowPrivate: true, isolation: ISOLATION }]) {
      const { status } = judgeByText(relay, policy);
      assert.notEqual(status, "needs-proof");
      if (status !== "refused") assert.ok(isHarmless(relay.host, policy), relay.host);
    }
  });
  check(100_000, property);
  assert.ok(counts.accepted > 5_000 && counts.refused > 5_000, JSON.stringify(counts));
});

test("40,000 well-formed URLs: accepted exactly as Node's URL reads them, and dialled as read", () => {
  const cleanHost = fc.oneof(
    dottedQuad,
    fc.ipV6().map((text) => `[${text}]`),
    fc.domain(),
  );
  const clean = fc
    .tuple(fc.constantFrom("ws", "wss"), cleanHost, fc.integer({ min: 1, max: 65_535 }))
    .map(([start, where, number_]) => `${start}://${where}:${number_}/x?y`);
  const property = fc.property(clean, (text) => {
    const relay = parseRelayUrl(text);
    assert.deepEqual({ hostname: relay.host, port: relay.port }, readAsWhatwg(text));
    assert.deepEqual(readAsWhatwg(toDialUrl(relay)), readAsWhatwg(text));
    assert.deepEqual(parseRelayUrl(toDialUrl(relay)), relay);
  });
  check(40_000, property);
});

test("20,000 public relays in any case, below any label, with any policy: refused", () => {
  const relayName = fc
    .tuple(fc.constantFrom("", "a.", "relay.eu."), fc.constantFrom(...PUBLIC_RELAYS), fc.nat())
    .map(([below, entry, bits]) => {
      const mixed = [...(below + entry)].map((c, i) =>
        (bits >> (i % 30)) & 1 ? c.toUpperCase() : c,
      );
      return `wss://${mixed.join("")}${bits % 3 === 0 ? "." : ""}`;
    });
  const property = fc.property(relayName, (text) => {
    const relay = parseRelayUrl(text);
    const policy = { allowPrivate: true, isolation: ISOLATION, dedicatedHost: relay.host };
    assert.equal(judgeByText(relay, policy).status, "refused");
  });
  check(20_000, property);
});

test("20,000 texts: an address is read as Node's `isIP` reads it", () => {
  const text = fc.oneof(dottedQuad, oddIpv4, number, ipv6, name);
  const property = fc.property(text, (candidate) => {
    assert.equal(parseAddress(candidate) !== undefined, isIP(candidate) !== 0, candidate);
  });
  check(20_000, property);
});

test("a verdict depends on nothing but its input", (context) => {
  const judgeAll = (texts: readonly string[]) =>
    texts.map((text) => {
      const relay = read(text);
      return (
        relay && judgeByText(relay, { allowPrivate: true, dedicatedHost: "relay.example.org" })
      );
    });
  const texts = fc.sample(url, { numRuns: 5_000, seed: SEED });
  const before = judgeAll(texts);
  context.mock.timers.enable({ apis: ["Date"], now: 4_000_000_000_000 });
  context.mock.method(Math, "random", () => {
    throw new Error("a verdict must not use chance");
  });
  const environment = { ...process.env };
  process.env.ALLOW_PRIVATE = "1";
  process.env.ALLOW_DEDICATED_RELAY = "8.8.8.8";
  process.env.HTTP_PROXY = "http://127.0.0.1:1";
  try {
    assert.deepEqual(judgeAll(texts.toReversed()).toReversed(), before);
  } finally {
    process.env = environment;
  }
});
