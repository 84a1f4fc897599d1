/**
 * Is this process in a network that leads nowhere else? Read from the kernel's own routing tables (Linux,
 * `/proc/net/route` and `/proc/net/ipv6_route`): a container on Docker networks that are all `internal` has
 * attached networks and no gateway. Whatever has a gateway is a machine among others, and gains nothing.
 */
import { classifyAddress, parseAddress } from "./address.ts";

export const ROUTE_FILE = "/proc/net/route";
export const ROUTE6_FILE = "/proc/net/ipv6_route";

export type Isolation =
  | { readonly status: "isolated"; readonly networks: readonly string[] }
  /** Why nothing is opened. */
  | { readonly status: "open"; readonly reason: string };

/** `RTF_UP`, `RTF_GATEWAY`, `RTF_REJECT` of `linux/route.h`. */
const UP = 0x1;
const GATEWAY = 0x2;
const REJECT = 0x200;

interface Route {
  readonly network: string;
  readonly prefix: number;
  readonly hasGateway: boolean;
}

type Row = Route | "unreadable";

/**
 * Judges the tables' texts; `ipv6` is empty where the kernel has no IPv6. The networks given are the
 * directly attached ones, CIDRs, all private.
 */
export function judgeIsolation(ipv4: string, ipv6: string): Isolation {
  const routes = [...readIpv4(ipv4), ...readIpv6(ipv6)];
  if (routes.includes("unreadable")) return open("its routing table can't be read");
  const known = routes.filter((route) => route !== "unreadable");
  if (known.some(({ hasGateway, prefix }) => hasGateway || prefix === 0)) {
    return open("a route leads out of this network, so it is not an internal one");
  }
  const attached = known.filter(({ network }) => !isOfTheLink(network));
  if (attached.length === 0) return open("no network is attached");
  for (const { network, prefix } of attached) {
    const address = parseAddress(network);
    if (address === undefined || classifyAddress(address).kind !== "private" || prefix < 8) {
      return open(`the attached network ${network}/${prefix} is not a private one`);
    }
  }
  const networks = attached.map(({ network, prefix }) => `${network}/${prefix}`);
  return { status: "isolated", networks: [...new Set(networks)] };
}

/** Reads the networks that the CLI found and hands to the k6 script, which can't read the tables itself. */
export function parseIsolatedNetworks(text: string): Isolation {
  const networks = text.split(",");
  const arePrivate = networks.every((cidr) => {
    const [base = "", prefix = ""] = cidr.split("/");
    const address = parseAddress(base);
    const isNetwork = address !== undefined && /^\d{1,3}$/.test(prefix) && Number(prefix) >= 8;
    return isNetwork && classifyAddress(address).kind === "private";
  });
  return arePrivate
    ? { status: "isolated", networks }
    : open("the command line found no isolated network; start the run with `npx k6-nostr run`");
}

/** Whether an address lies in one of the networks, CIDRs of either family. */
export function liesWithin(addressText: string, networks: readonly string[]): boolean {
  const address = parseAddress(addressText);
  if (address === undefined) return false;
  return networks.some((cidr) => {
    const [base = "", prefix = ""] = cidr.split("/");
    const network = parseAddress(base);
    return network?.kind() === address.kind() && address.match(network, Number(prefix));
  });
}

/** Interface, destination, gateway, flags, …, mask; numbers in hex, least significant byte first. */
function readIpv4(text: string): readonly Row[] {
  const [head = "", ...lines] = text.trim().split("\n");
  if (!head.startsWith("Iface")) return ["unreadable"];
  return lines.flatMap((line): readonly Row[] => {
    const [name, destination = "", , flagsText = "", , , , mask = ""] = line.trim().split(/\s+/);
    const flags = Number.parseInt(flagsText, 16);
    const isRead = /^[0-9A-F]{8}$/i.test(destination) && /^[0-9A-F]{8}$/i.test(mask);
    if (!isRead || Number.isNaN(flags)) return ["unreadable"];
    if (name === "lo" || !(flags & UP) || flags & REJECT) return [];
    const prefix = octetsOf(mask)
      .map((octet) => octet.toString(2).replaceAll("0", "").length)
      .reduce((sum, ones) => sum + ones, 0);
    const hasGateway = (flags & GATEWAY) !== 0;
    return [{ network: octetsOf(destination).join("."), prefix, hasGateway }];
  });
}

/** Destination, its prefix, source, its prefix, next hop, metric, references, use, flags, interface. */
function readIpv6(text: string): readonly Row[] {
  const lines = text.trim() === "" ? [] : text.trim().split("\n");
  return lines.flatMap((line): readonly Row[] => {
    const columns = line.trim().split(/\s+/);
    const [destination = "", prefixText = "", , , nextHop = "", , , , flagsText = "", name] =
      columns;
    const flags = Number.parseInt(flagsText, 16);
    const prefix = Number.parseInt(prefixText, 16);
    if (!/^[0-9a-f]{32}$/i.test(destination) || Number.isNaN(flags) || Number.isNaN(prefix)) {
      return ["unreadable"];
    }
    if (name === "lo" || flags & REJECT) return [];
    const network = (destination.match(/.{4}/g) ?? []).join(":");
    return [{ network, prefix, hasGateway: (flags & GATEWAY) !== 0 || !/^0+$/.test(nextHop) }];
  });
}

/** Link-local and multicast: every interface has them, and they lead nowhere. */
function isOfTheLink(network: string): boolean {
  return (
    /^(?:fe[89ab]|ff)[0-9a-f:]*$/i.test(network) || /^(?:169\.254|22[4-9]|23\d)\./.test(network)
  );
}

function octetsOf(hex: string): readonly number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function open(reason: string): Isolation {
  return { status: "open", reason };
}
