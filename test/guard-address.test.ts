import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { classifyAddress, parseAddress, toDialled } from "../src/guard/address.ts";
import { classifyName } from "../src/guard/name.ts";
import { findPublicRelay, PUBLIC_RELAYS } from "../src/guard/public-relays.ts";
import { IPV4_RANGES, IPV6_RANGES } from "../src/guard/ranges.ts";

function classify(text: string): { kind: string; name: string } {
  const address = parseAddress(text);
  assert.ok(address, `${text} is an address`);
  return classifyAddress(address);
}

test("every range is named at its first and its last address", () => {
  for (const [cidr, kind, name] of [...IPV4_RANGES, ...IPV6_RANGES]) {
    const networks = cidr.includes(":") ? ipaddr.IPv6 : ipaddr.IPv4;
    const ends = [networks.networkAddressFromCIDR(cidr), networks.broadcastAddressFromCIDR(cidr)];
    const found = ends.map((end) => classify(end.toString()));
    assert.ok(
      found.some((range) => range.name.startsWith(name)),
      `${cidr} is shadowed by ${found.map((range) => range.name).join(", ")}`,
    );
    for (const range of found) assert.ok(range.kind === kind || range.kind === "special", cidr);
  }
});

test("reads one spelling of an address, and refuses the others", () => {
  for (const text of ["127.0.0.1", "::1", "::FFFF:1.2.3.4", "1:2:3:4:5:6:7::"]) {
    assert.ok(parseAddress(text), text);
  }
  const bad = ["", "127.0.0.1.", "127.1", "0177.0.0.1", "1.2.3.256", "[::1]", "::1%lo", "1::2::3"];
  for (const text of [...bad, "::01.2.3.4", "::00001", " ::1", "127.0.0.1\n", "localhost", ":"]) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

test("an address beside a range is not in it", () => {
  const outside = ["9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0", "172.32.0.0"];
  for (const text of outside) assert.equal(classify(text).kind, "public", text);
  assert.equal(classify("::2").kind, "special");
  assert.equal(classify("fbff::1").kind, "special");
  assert.equal(classify("fd00:ec3::1").kind, "private");
});

test("what ipaddr.js calls special is never public or loopback to us", () => {
  // In hexadecimal groups: ipaddr.js takes `::1.2.3.4` for a mapped address.
  const ipv6 = fc.ipV6().map((text) => new URL(`ws://[${text}]`).hostname.slice(1, -1));
  const property = fc.property(fc.oneof(fc.ipV4(), ipv6), (text) => {
    const range = ipaddr.process(text).range();
    const { kind } = classify(text);
    if (range === "unicast") assert.ok(kind === "public" || kind === "special", `${text} ${kind}`);
    else assert.notEqual(kind, "public", `${text} ${range}`);
    assert.equal(kind === "loopback", range === "loopback", text);
    assert.ok(kind !== "private" || /private|uniqueLocal/.test(range), text);
  });
  fc.assert(property, { numRuns: 20_000, seed: 7 });
});

test("a mapped address is the IPv4 address that Go dials", () => {
  assert.equal(toDialled(ipaddr.parse("::ffff:7f00:1")).toString(), "127.0.0.1");
  assert.equal(toDialled(ipaddr.parse("::1")).toString(), "::1");
  assert.equal(classify("::ffff:127.0.0.1").kind, "loopback");
  assert.equal(classify("::ffff:10.0.0.1").kind, "private");
  assert.equal(classify("::ffff:8.8.8.8").kind, "public");
});

test("a form that only a translator understands is special, and named by what it carries", () => {
  const forms = [
    ["::127.0.0.1", "127.0.0.1, loopback"],
    ["64:ff9b::10.0.0.1", "10.0.0.1, private"],
    ["2002:808:808::", "8.8.8.8, a public"],
    ["2001::f7f7:f7f7", "8.8.8.8, a public"],
    ["::ffff:0:192.168.0.1", "192.168.0.1, private"],
  ] as const;
  for (const [text, name] of forms) {
    assert.equal(classify(text).kind, "special");
    assert.ok(classify(text).name.includes(name), classify(text).name);
  }
});

test("names that a stranger could register are unknown, the others are local or this machine", () => {
  const names = [
    ["localhost", "loopback"],
    ["a.localhost", "loopback"],
    ["alocalhost", "local"],
    ["a.alocalhost", "unknown"],
    ["relay", "local"],
    ["relay.local", "local"],
    ["relay.xlocal", "unknown"],
    ["relay.internal", "local"],
    ["relay.test", "local"],
    ["relay.ns.svc.cluster.local", "local"],
    ["relay.ns.svc", "unknown"],
    ["relay.example", "unknown"],
  ] as const;
  for (const [name, kind] of names) assert.equal(classifyName(name), kind, name);
});

test("a public relay is known by itself, its sub-domains and its spelling in capitals", () => {
  for (const entry of PUBLIC_RELAYS) {
    assert.equal(entry, entry.toLowerCase());
    assert.equal(findPublicRelay(entry), entry);
    assert.equal(findPublicRelay(`X.${entry.toUpperCase()}.`), entry);
    assert.equal(findPublicRelay(`x${entry}`), undefined);
    assert.equal(findPublicRelay(`${entry}.example`), undefined);
  }
});

test("no public relay is listed below another", () => {
  for (const entry of PUBLIC_RELAYS) {
    const others = PUBLIC_RELAYS.filter((other) => other !== entry);
    assert.ok(!others.some((other) => entry.endsWith(`.${other}`)), entry);
  }
});
