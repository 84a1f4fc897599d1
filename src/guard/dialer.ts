/**
 * What k6's dialer must be told so that this run can reach what was allowed and nothing else. k6 has
 * no allow-list, only `blacklistIPs`, held against the address after resolution and dialled as checked
 * (k6 lib/netext/dialer.go): so the list is the complement of what is allowed.
 */
import ipaddr from "ipaddr.js";
import { ConfigError } from "../errors.ts";
import { parseAddress, toDialled } from "./address.ts";

/** What a loopback run may dial. */
export const LOOPBACK_NETWORKS: readonly string[] = ["127.0.0.0/8", "::1/128"];

/**
 * Go reads this entry as `0.0.0.0/0` (net.IPNet.Contains normalises mapped addresses), and all that is
 * in it is held against the IPv4 entries anyway.
 */
const MAPPED_NETWORK = "::ffff:0:0/96";

interface Network {
  readonly value: bigint;
  readonly prefix: number;
}

/**
 * Gives `blacklistIPs` for a run that may dial `allowed` (addresses or CIDRs, both families): the
 * smallest list of CIDRs that covers every other address. Throws `ConfigError` for what is neither.
 */
export function blacklistFor(allowed: readonly string[]): string[] {
  const networks = allowed.map(parseNetwork);
  const v4 = networks.filter(({ width }) => width === 32);
  const v6 = networks.filter(({ width }) => width === 128);
  return [...complement(v4, 32), ...complement(v6, 128)].filter((cidr) => cidr !== MAPPED_NETWORK);
}

/**
 * The entries of `required` that k6's consolidated options lack (`exec.test.options.blacklistIPs`):
 * environment and flags replace the script's list as a whole. More entries than required are fine.
 */
export function findMissingBlocks(
  required: readonly string[],
  consolidated: readonly string[],
): string[] {
  const present = new Set(consolidated);
  return required.filter((cidr) => !present.has(cidr));
}

/**
 * Gives k6's `hosts` option: the resolved name bound to one address, so that a second answer can't
 * differ. Literal addresses need no entry; a name with an underscore can't have one (k6
 * lib/types/hosts.go refuses the pattern) and is held by `blacklistIPs` alone.
 */
export function hostsFor(host: string, addresses: readonly string[]): Record<string, string> {
  const [address] = addresses;
  const isPinnable = parseAddress(host) === undefined && !host.includes("_");
  return isPinnable && address !== undefined ? { [host]: address } : {};
}

function parseNetwork(text: string): Network & { readonly width: number } {
  const [addressText = "", prefixText, ...rest] = text.split("/");
  const address = parseAddress(addressText);
  const isPrefix = prefixText === undefined || /^(?:0|[1-9][0-9]{0,2})$/.test(prefixText);
  if (address === undefined || !isPrefix || rest.length > 0) throw notANetwork(text);
  const dialled = toDialled(address);
  const bytes = dialled.toByteArray();
  const width = bytes.length * 8;
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8.
  const shift = dialled === address ? 0 : 96;
  const prefix = prefixText === undefined ? width : Number(prefixText) - shift;
  if (prefix < 0 || prefix > width) throw notANetwork(text);
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return { value, prefix, width };
}

function notANetwork(text: string): ConfigError {
  return new ConfigError(`an allowed address must be an IP address or a CIDR, got \`${text}\``);
}

/** Walks the binary tree of all addresses and gives the topmost nodes that hold nothing allowed. */
function complement(allowed: readonly Network[], width: number): string[] {
  const blocked: string[] = [];
  const visit = (value: bigint, prefix: number, inside: readonly Network[]): void => {
    if (inside.length === 0) {
      blocked.push(toCidr(value, prefix, width));
      return;
    }
    if (inside.some((network) => network.prefix <= prefix)) return;
    const bit = BigInt(width - prefix - 1);
    const isHigh = (network: Network) => ((network.value >> bit) & 1n) === 1n;
    visit(
      value,
      prefix + 1,
      inside.filter((network) => !isHigh(network)),
    );
    visit(value | (1n << bit), prefix + 1, inside.filter(isHigh));
  };
  visit(0n, 0, allowed);
  return blocked;
}

function toCidr(value: bigint, prefix: number, width: number): string {
  const bytes: number[] = [];
  for (let shift = BigInt(width - 8); shift >= 0n; shift -= 8n) {
    bytes.push(Number((value >> shift) & 255n));
  }
  return `${ipaddr.fromByteArray(bytes)}/${prefix}`;
}
