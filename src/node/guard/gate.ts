/**
 * The gate of the Node runtime: every command that opens a socket to a relay goes through it first,
 * the preflight and the proof's own request included.
 */
import { ConfigError } from "../../errors.ts";
import type { GuardPolicy, Refusal } from "../../guard/guard.ts";
import { checkProof, type Proof } from "../../guard/proof.ts";
import type { RelayUrl } from "../../guard/relay-url.ts";
import { type FetchedProof, fetchProof } from "./fetch-proof.ts";
import { type Lookup, resolveTarget } from "./resolve.ts";

export interface GateRequest {
  readonly policy: GuardPolicy;
  readonly nowMs: number;
  readonly rateEps: number;
  readonly clients: number;
  /** The user's own, for what is asked of an admitted relay. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly lookup?: Lookup;
  readonly fetchProof?: (url: RelayUrl, address: string) => Promise<FetchedProof | Refusal>;
}

export interface Admission {
  readonly status: "admitted";
  readonly url: RelayUrl;
  readonly reason: string;
  /** All that this run may dial for this relay: for `blacklistFor`, the first one for `hostsFor`. */
  readonly addresses: readonly [string, ...string[]];
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
  const { headers = {} } = request;
  const admission = { status: "admitted", url, addresses: [address, ...others], headers } as const;
  if (verdict.status === "allowed") return { ...admission, reason: verdict.reason };
  const fetched = await (request.fetchProof ?? fetchProof)(url, address);
  if (fetched.status === "refused") return fetched;
  const { proof, source, digest } = fetched;
  const checked = checkProof(proof, { ...request, host: url.host });
  if (checked.status === "refused") return checked;
  return { ...admission, reason: checked.reason, proof: { ...proof, source, digest } };
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
