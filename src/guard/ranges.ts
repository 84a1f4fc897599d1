/**
 * Which addresses are more than "somebody's computer on the internet": the IANA special-purpose
 * address registries (RFC 6890, updated by RFC 8190), read on 2026-11-23, with the RFC that defines
 * each range. The first match counts, so a narrower range stands before the wider one around it.
 */

export type AddressKind = "loopback" | "private" | "special" | "public";

/** Four bytes of an IPv6 address, beginning at byte `from`, are an IPv4 address, maybe inverted. */
export interface EmbeddedIpv4 {
  readonly from: number;
  readonly inverted?: true;
}

/** A registry line: CIDR, kind, the name to show, and the IPv4 address inside, if there is one. */
export type RangeRow = readonly [
  cidr: string,
  kind: Exclude<AddressKind, "public">,
  name: string,
  embedded?: EmbeddedIpv4,
];

/** https://www.iana.org/assignments/iana-ipv4-special-registry */
export const IPV4_RANGES: readonly RangeRow[] = [
  ["0.0.0.0/32", "special", "the unspecified address (RFC 1122)"],
  ["0.0.0.0/8", "special", "this network (RFC 791)"],
  ["10.0.0.0/8", "private", "private use (RFC 1918)"],
  // The provider's network: its other customers are strangers, and nobody on it can consent for it.
  ["100.64.0.0/10", "special", "carrier-grade NAT, shared with strangers (RFC 6598)"],
  ["127.0.0.0/8", "loopback", "loopback (RFC 1122)"],
  // Whoever is on the link answers, and in a cloud that is the metadata service.
  ["169.254.0.0/16", "special", "link-local, cloud metadata among it (RFC 3927)"],
  ["172.16.0.0/12", "private", "private use (RFC 1918)"],
  ["192.0.0.0/29", "special", "DS-Lite (RFC 7335)"],
  ["192.0.0.8/32", "special", "IPv4 dummy address (RFC 7600)"],
  ["192.0.0.9/32", "special", "port control anycast (RFC 7723)"],
  ["192.0.0.10/32", "special", "TURN anycast (RFC 8155)"],
  ["192.0.0.170/31", "special", "NAT64 discovery (RFC 8880)"],
  ["192.0.0.0/24", "special", "IETF protocol assignments (RFC 6890)"],
  ["192.0.2.0/24", "special", "documentation, TEST-NET-1 (RFC 5737)"],
  ["192.31.196.0/24", "special", "AS112 (RFC 7535)"],
  ["192.52.193.0/24", "special", "automatic multicast tunnelling (RFC 7450)"],
  ["192.88.99.0/24", "special", "6to4 relay anycast, deprecated (RFC 7526)"],
  ["192.168.0.0/16", "private", "private use (RFC 1918)"],
  ["192.175.48.0/24", "special", "AS112 direct delegation (RFC 7534)"],
  ["198.18.0.0/15", "special", "benchmarking (RFC 2544)"],
  ["198.51.100.0/24", "special", "documentation, TEST-NET-2 (RFC 5737)"],
  ["203.0.113.0/24", "special", "documentation, TEST-NET-3 (RFC 5737)"],
  ["224.0.0.0/4", "special", "multicast (RFC 5771)"],
  ["255.255.255.255/32", "special", "limited broadcast (RFC 8190)"],
  ["240.0.0.0/4", "special", "reserved for future use (RFC 1112)"],
];

/** https://www.iana.org/assignments/iana-ipv6-special-registry */
export const IPV6_RANGES: readonly RangeRow[] = [
  ["::/128", "special", "the unspecified address (RFC 4291)"],
  ["::1/128", "loopback", "loopback (RFC 4291)"],
  ["::/96", "special", "IPv4-compatible (RFC 4291)", { from: 12 }],
  ["::ffff:0:0:0/96", "special", "IPv4-translated (RFC 7915)", { from: 12 }],
  ["64:ff9b::/96", "special", "NAT64 (RFC 6052)", { from: 12 }],
  ["64:ff9b:1::/48", "special", "local-use NAT64, reaches an IPv4 address (RFC 8215)"],
  ["100::/64", "special", "discard-only (RFC 6666)"],
  ["100:0:0:1::/64", "special", "dummy prefix (RFC 9780)"],
  ["2001::/32", "special", "Teredo (RFC 4380)", { from: 12, inverted: true }],
  ["2001:1::1/128", "special", "port control anycast (RFC 7723)"],
  ["2001:1::2/128", "special", "TURN anycast (RFC 8155)"],
  ["2001:1::3/128", "special", "DNS-SD registration anycast (RFC 9665)"],
  ["2001:2::/48", "special", "benchmarking (RFC 5180)"],
  ["2001:3::/32", "special", "automatic multicast tunnelling (RFC 7450)"],
  ["2001:4:112::/48", "special", "AS112 (RFC 7535)"],
  ["2001:10::/28", "special", "ORCHID, deprecated (RFC 4843)"],
  ["2001:20::/28", "special", "ORCHIDv2 (RFC 7343)"],
  ["2001:30::/28", "special", "drone remote id (RFC 9374)"],
  ["2001::/23", "special", "IETF protocol assignments (RFC 2928)"],
  ["2002::/16", "special", "6to4 (RFC 3056)", { from: 2 }],
  ["2001:db8::/32", "special", "documentation (RFC 3849)"],
  ["2620:4f:8000::/48", "special", "AS112 direct delegation (RFC 7534)"],
  ["3fff::/20", "special", "documentation (RFC 9637)"],
  ["5f00::/16", "special", "SRv6 segment identifiers (RFC 9602)"],
  // Inside the private range, but the cloud's own metadata, DNS and time services answer there.
  ["fd00:ec2::/32", "special", "cloud metadata (Amazon EC2 instance services)"],
  ["fc00::/7", "private", "unique local (RFC 4193)"],
  ["fe80::/10", "special", "link-local (RFC 4291)"],
  ["fec0::/10", "special", "site-local, deprecated (RFC 3879)"],
  ["ff00::/8", "special", "multicast (RFC 4291)"],
];

/** All that IANA has given out as global unicast (RFC 4291 §2.4); the rest is nobody's to dial. */
export const IPV6_GLOBAL_UNICAST = "2000::/3";
