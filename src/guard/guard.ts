/**
 * May this relay be loaded? The answer by text (both runtimes, before anything else) and the answer by
 * resolution (Node). Both are pure: the same input gives the same verdict, whatever the time, the
 * environment or the network.
 */
import { type Address, classifyAddress, parseAddress, toDialled } from "./address.ts";
import { type Isolation, liesWithin } from "./isolation.ts";
import { classifyName } from "./name.ts";
import { findPublicRelay } from "./public-relays.ts";
import type { AddressKind } from "./ranges.ts";
import type { RelayUrl } from "./relay-url.ts";

export interface GuardPolicy {
  /** Private addresses other than loopback may be loaded (`--allow-private`). */
  readonly allowPrivate: boolean;
  /** The host of `--allow-dedicated-relay`, as `parseDedicatedHost` gives it. */
  readonly dedicatedHost?: string;
  /**
   * `INTERNAL_NETWORK=1`, and what the routes of this process say to it. In a container network without a
   * way out, single-label names may resolve to its addresses without `allowPrivate`; literal addresses
   * gain nothing, and elsewhere nothing does.
   */
  readonly isolation?: Isolation;
}

export type Refusal = {
  readonly status: "refused";
  readonly reason: string;
  readonly remedy: string;
};

export type Verdict =
  | { readonly status: "allowed"; readonly reason: string }
  /** A name that must be resolved, and every answer judged. */
  | { readonly status: "candidate"; readonly reason: string }
  /** Named by `dedicatedHost`: its owner's proof must be fetched and checked (`checkProof`). */
  | { readonly status: "needs-proof"; readonly reason: string }
  | Refusal;

const OWN_RELAY = "load a relay of your own: `npx k6-nostr relay` starts one";
const SHARED_NETWORK =
  "several people may share this network: if the relay and the network are yours to load, add `--allow-private`";

/** Judges a relay by its URL alone: no clock, no environment, no network. */
export function judgeByText(url: RelayUrl, policy: GuardPolicy): Verdict {
  const publicRelay = findPublicRelay(url.host);
  if (publicRelay !== undefined) {
    return refuse(`\`${url.host}\` is a public relay (${publicRelay})`, OWN_RELAY);
  }
  const address = parseAddress(url.host);
  if (address !== undefined) return judgeLiteral(url, address, policy);
  switch (classifyName(url.host)) {
    case "loopback":
      return candidate(`\`${url.host}\` must resolve to this machine`);
    case "local":
      return candidate(`\`${url.host}\` is a local name, to be judged by its addresses`);
    case "unknown":
      return judgeStranger(url, "is not a name of this machine or a local network", policy);
  }
}

/**
 * Judges what a name resolved to. All answers count, since a dialer may take any: they must be of one
 * kind, and of a kind that the name and the policy allow. Gives `needs-proof` where the text did and
 * the addresses agree; never `candidate`.
 */
export function judgeAddresses(
  url: RelayUrl,
  addresses: readonly string[],
  policy: GuardPolicy,
): Verdict {
  const byText = judgeByText(url, policy);
  if (byText.status === "refused") return byText;
  if (addresses.length === 0) {
    return refuse(`\`${url.host}\` has no address`, "check its spelling and the resolver");
  }
  const kinds = new Set<AddressKind>();
  for (const text of addresses) {
    const address = parseAddress(text);
    if (address === undefined) return refuse(`\`${url.host}\` resolved to no address`, OWN_RELAY);
    const { kind, name } = classifyAddress(address);
    if (kind === "special") {
      return refuse(
        `\`${url.host}\` resolved to ${text}: ${name}`,
        "give one of its other addresses",
      );
    }
    kinds.add(kind);
  }
  const [kind, ...others] = kinds;
  if (kind === undefined || others.length > 0) {
    const found = [...kinds].sort().join(" and ");
    return refuse(`\`${url.host}\` resolves to ${found} addresses at once`, "name one address");
  }
  if (parseAddress(url.host) !== undefined) return judgePinned(url, addresses, byText);
  return judgeKind(url, { kind, addresses, byText }, policy);
}

function judgeLiteral(url: RelayUrl, address: Address, policy: GuardPolicy): Verdict {
  const { kind, name } = classifyAddress(address);
  switch (kind) {
    case "loopback":
      return { status: "allowed", reason: `${url.host} is this machine: ${name}` };
    case "private":
      return policy.allowPrivate
        ? { status: "allowed", reason: `${url.host} is private, and \`--allow-private\` was given` }
        : refuse(`${url.host} is a private address: ${name}`, SHARED_NETWORK);
    case "special":
      return refuse(`${url.host} can't be a relay to load: ${name}`, "use a loopback address");
    case "public":
      return judgeStranger(url, "is a public address", policy);
  }
}

function judgeStranger(url: RelayUrl, what: string, policy: GuardPolicy): Verdict {
  if (policy.dedicatedHost === url.host) {
    return {
      status: "needs-proof",
      reason: `\`${url.host}\` ${what}: its owner's proof is needed`,
    };
  }
  return refuse(
    `\`${url.host}\` ${what}`,
    `${OWN_RELAY}; a relay dedicated to load tests needs \`--allow-dedicated-relay <host>\` and its owner's proof`,
  );
}

/** A literal can't resolve to anything but itself; whatever says so is broken or hostile. */
function judgePinned(url: RelayUrl, addresses: readonly string[], byText: Verdict): Verdict {
  const own = dialledText(url.host);
  return addresses.every((text) => dialledText(text) === own)
    ? byText
    : refuse(`${url.host} was resolved to another address`, "check the resolver");
}

interface Resolved {
  readonly kind: AddressKind;
  readonly addresses: readonly string[];
  readonly byText: Verdict;
}

function judgeKind(
  url: RelayUrl,
  { kind, addresses, byText }: Resolved,
  policy: GuardPolicy,
): Verdict {
  const nameKind = classifyName(url.host);
  if (kind === "public") {
    if (byText.status === "needs-proof") return byText;
    return refuse(`\`${url.host}\` resolves to a public address`, OWN_RELAY);
  }
  if (kind === "private") {
    if (nameKind === "loopback") {
      return refuse(
        `\`${url.host}\` must be this machine, but resolves to a private address`,
        OWN_RELAY,
      );
    }
    const { isolation } = policy;
    const isOwnService =
      isolation?.status === "isolated" &&
      !url.host.includes(".") &&
      addresses.every((address) => liesWithin(address, isolation.networks));
    if (!policy.allowPrivate && !isOwnService) {
      return refuse(
        `\`${url.host}\` resolves to a private address`,
        isolation?.status === "open"
          ? `INTERNAL_NETWORK=1 opens nothing here: ${isolation.reason}; ${SHARED_NETWORK}`
          : SHARED_NETWORK,
      );
    }
    if (isOwnService) {
      return { status: "allowed", reason: `\`${url.host}\` is in this isolated network` };
    }
  }
  if (byText.status === "needs-proof") return byText;
  return { status: "allowed", reason: `every address of \`${url.host}\` is ${kind}` };
}

function dialledText(text: string): string | undefined {
  const address = parseAddress(text);
  return address && toDialled(address).toString();
}

function candidate(reason: string): Verdict {
  return { status: "candidate", reason };
}

function refuse(reason: string, remedy: string): Refusal {
  return { status: "refused", reason, remedy };
}
