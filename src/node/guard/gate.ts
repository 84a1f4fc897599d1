/**
 * The gate of the Node runtime: every command that opens a socket to a relay goes through it first,
 * the preflight and the proof's own request included.
 */
import { ConfigError } from "../../errors.ts";
import type { GuardPolicy, Refusal } from "../../guard/guard.ts";
import { checkProof, type Proof } from "../../guard/proof.ts";
import type { RelayUrl } from "../../guard/relay-url.ts";
import { type FetchedProof, fetchProof } from "./fetch-proof.ts";
import { type Connects, chooseAddress, type Reached } from "./reach.ts";
import { type Lookup, resolveTarget } from "./resolve.ts";

export interface GateRequest {
  readonly policy: GuardPolicy;
  readonly nowMs: number;
  readonly rateEps: number;
  readonly clients: number;
  /** The user's own, for what is asked of an admitted relay. */
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM certificates that are trusted beside the system's. */
  readonly ca?: string | undefined;
  readonly lookup?: Lookup;
  readonly connects?: Connects;
  readonly fetchProof?: (url: RelayUrl, address: string) => Promise<FetchedProof | Refusal>;
}

export interface Admission {
  readonly status: "admitted";
  readonly url: RelayUrl;
  readonly reason: string;
  /**
   * All that this run may dial for this relay: for `blacklistFor`, the first one for `hostsFor` and all that
   * Node asks. The first is the first of the resolver's that takes connections.
   */
  readonly addresses: readonly [string, ...string[]];
  /** Others of them that take connections too. */
  readonly alsoAt?: readonly string[];
  readonly ca?: string | undefined;
  /** Go with each request to it; their values may be secrets. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly proof?: Proof & Pick<FetchedProof, "source" | "digest">;
}

/** Judges one relay by text, resolution and, where it needs one, its owner's proof. */
export async function judgeRelay(
  url: RelayUrl,
  request: GateRequest,
): Promise<Admission | Refusal> {
  const { verdict, addresses } = await resolveTarget(url, request.policy, request.lookup);
  if (verdict.status === "refused") return verdict;
  const [address, ...others] = addresses;
  if (address === undefined || verdict.status === "candidate") {
    throw new Error(`the resolution of ${url.label} ended without a verdict`);
  }
  const { headers = {}, ca, connects } = request;
  // Each of them was judged: none is tried that may not be dialled.
  const reached = await chooseAddress([address, ...others], url.port, connects);
  const admission = {
    status: "admitted",
    url,
    addresses: reached.addresses,
    alsoAt: reached.alsoAt,
    headers,
    ca,
  } as const;
  const where = describeReached(reached);
  if (verdict.status === "allowed") return { ...admission, reason: `${verdict.reason}${where}` };
  const ask = request.fetchProof ?? ((of, at) => fetchProof(of, at, undefined, ca));
  const fetched = await ask(url, reached.addresses[0]);
  if (fetched.status === "refused") return fetched;
  const { proof, source, digest } = fetched;
  const checked = checkProof(proof, { ...request, host: url.host });
  if (checked.status === "refused") return checked;
  const reason = `${checked.reason}${where}`;
  return { ...admission, reason, proof: { ...proof, source, digest } };
}

/** Nothing for a host with one address, or where none answers: then the probe says so. */
function describeReached({ addresses: [used], alsoAt, silentAt }: Reached): string {
  if (alsoAt.length > 0) return `; it answers at ${used} and ${alsoAt.join(", ")}, ${used} is used`;
  return silentAt.length > 0 ? `; it answers at ${used}, not at ${silentAt.join(", ")}` : "";
}

/** Admits all relays of a run or none: throws `ConfigError` for the first that is refused. */
export async function admitRelays(
  urls: readonly RelayUrl[],
  request: GateRequest,
): Promise<readonly Admission[]> {
  const admissions: Admission[] = [];
  for (const url of urls) {
    const result = await judgeRelay(url, request);
    if (result.status === "refused") {
      throw new ConfigError(`refused \`${url.label}\`: ${result.reason}\n${result.remedy}`);
    }
    admissions.push(result);
  }
  return admissions;
}
