/**
 * The gate of the k6 runtime: VU code calls it before it opens the first socket, also when a bundle is
 * started by hand. It trusts neither the environment nor the options that k6 consolidated. What it
 * leaves open is the proof of a dedicated relay (`needsProof`), which the caller fetches and checks.
 */
import { classifyAddress, parseAddress } from "./address.ts";
import { blacklistFor, findMissingBlocks, LOOPBACK_NETWORKS } from "./dialer.ts";
import { type GuardPolicy, judgeAddresses, judgeByText } from "./guard.ts";
import { liesWithin } from "./isolation.ts";
import { findProxies } from "./proxy.ts";
import type { RelayUrl } from "./relay-url.ts";

export interface K6GateRequest {
  readonly relays: readonly RelayUrl[];
  readonly policy: GuardPolicy;
  /** What this run may dial: `LOOPBACK_NETWORKS`, and single addresses that Node resolved and pinned. */
  readonly allowed: readonly string[];
  /** Names pinned to one of `allowed`: k6's `hosts`. */
  readonly hosts: Readonly<Record<string, string>>;
  /** `exec.test.options.blacklistIPs`: after environment and flags had their say. */
  readonly blacklistIps: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Everything that forbids this run to open a socket; empty if nothing does. */
export function findGuardFaults(request: K6GateRequest): string[] {
  const faults = request.relays.flatMap((relay) => judgeRelay(relay, request));
  if (request.relays.length === 0) faults.push("no relay is given");
  for (const entry of request.allowed) {
    if (!mayBeAllowed(entry, request)) faults.push(`\`${entry}\` is not an address to be dialled`);
  }
  // Entries that can't be read would make `blacklistFor` throw, and are reported already.
  if (faults.length > 0) return faults;
  const missing = findMissingBlocks(blacklistFor(request.allowed), request.blacklistIps);
  if (missing.length > 0) {
    faults.push(
      `k6's \`blacklistIPs\` was replaced (${missing.length} entries are missing, \`${missing[0]}\` first); ` +
        "remove `--blacklist-ip` and `K6_BLACKLIST_IPS`",
    );
  }
  // What `-e NO_PROXY=*` sets is seen by the script, not by k6's dialer: no exemption counts here.
  const proxies = findProxies({ ...request.env, NO_PROXY: "", no_proxy: "" });
  if (proxies.length > 0) faults.push(`${proxies.join(", ")} would lead round the guard; unset it`);
  if (request.env.K6_HOSTS) faults.push("K6_HOSTS would lead names elsewhere; unset it");
  if (request.env.PATH === undefined && request.env.Path === undefined) {
    faults.push(
      "the environment is hidden, and a proxy may be in it; remove `--include-system-env-vars=false`",
    );
  }
  return faults;
}

function judgeRelay(relay: RelayUrl, request: K6GateRequest): string[] {
  const verdict = judgeByText(relay, request.policy);
  if (verdict.status === "refused") return [`${verdict.reason}; ${verdict.remedy}`];
  const pinned = request.hosts[relay.host];
  if (pinned === undefined) return [];
  const pinnedVerdict = judgeAddresses(relay, [pinned], request.policy);
  return pinnedVerdict.status === "refused"
    ? [`${pinnedVerdict.reason}; ${pinnedVerdict.remedy}`]
    : [];
}

/** The relays that may be loaded only with their owner's proof. */
export function needsProof(relays: readonly RelayUrl[], policy: GuardPolicy): readonly RelayUrl[] {
  return relays.filter((relay) => judgeByText(relay, policy).status === "needs-proof");
}

/** Wide networks would take the blacklist apart: only loopback may be given as one. */
function mayBeAllowed(entry: string, { policy, hosts, relays }: K6GateRequest): boolean {
  if (LOOPBACK_NETWORKS.includes(entry)) return true;
  const address = parseAddress(entry);
  if (address === undefined) return false;
  const { kind } = classifyAddress(address);
  switch (kind) {
    case "loopback":
      return true;
    case "private":
      return policy.allowPrivate || isOfIsolatedNetwork(entry, policy);
    case "public":
      // No other name may reach it: the dedicated host is this address, or is pinned to it.
      return relays.some(
        ({ host }) => host === policy.dedicatedHost && (host === entry || hosts[host] === entry),
      );
    case "special":
      return false;
  }
}

function isOfIsolatedNetwork(entry: string, { isolation }: GuardPolicy): boolean {
  return isolation?.status === "isolated" && liesWithin(entry, isolation.networks);
}
