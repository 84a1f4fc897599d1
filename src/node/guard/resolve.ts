/** Resolution of a target, once, before k6 starts; what it gives is pinned for the whole run. */
import { lookup as dnsLookup } from "node:dns/promises";
import { parseAddress } from "../../guard/address.ts";
import { type GuardPolicy, judgeAddresses, judgeByText, type Verdict } from "../../guard/guard.ts";
import { classifyName } from "../../guard/name.ts";
import type { RelayUrl } from "../../guard/relay-url.ts";

/** Gives all addresses of a name, IPv4 and IPv6. */
export type Lookup = (name: string) => Promise<readonly string[]>;

export interface Resolution {
  /** Never `candidate`. */
  readonly verdict: Verdict;
  /** All that was found, in the resolver's order; empty if refused. */
  readonly addresses: readonly string[];
}

/**
 * Judges a target by text, resolves it if it is a name that may be loaded, and judges every answer.
 * A target that is refused by text is never looked up.
 */
export async function resolveTarget(
  url: RelayUrl,
  policy: GuardPolicy,
  lookup: Lookup = lookupAll,
): Promise<Resolution> {
  const byText = judgeByText(url, policy);
  if (byText.status === "refused") return { verdict: byText, addresses: [] };
  if (parseAddress(url.host) !== undefined) return { verdict: byText, addresses: [url.host] };
  // RFC 6761 §6.3: names below `.localhost` are this machine, and are nothing to ask a resolver for.
  const name = classifyName(url.host) === "loopback" ? "localhost" : url.host;
  let found: readonly string[];
  try {
    found = await lookup(name);
  } catch (error) {
    const verdict: Verdict = {
      status: "refused",
      reason: `\`${url.host}\` can't be resolved (${errorCode(error)})`,
      remedy: "check its spelling, and that it can be resolved on this machine",
    };
    return { verdict, addresses: [] };
  }
  const addresses = [...new Set(found)];
  const verdict = judgeAddresses(url, addresses, policy);
  return { verdict, addresses: verdict.status === "refused" ? [] : addresses };
}

async function lookupAll(name: string): Promise<readonly string[]> {
  const answers = await dnsLookup(name, { all: true, order: "verbatim" });
  return answers.map(({ address }) => address);
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "no answer";
}
