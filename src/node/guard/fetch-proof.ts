/** Fetches the proof of a dedicated relay (format: src/guard/proof.ts) under the guard's own rules. */
import { createHash } from "node:crypto";
import type { Refusal } from "../../guard/guard.ts";
import {
  type ParsedProof,
  PROOF_MEMBER,
  PROOF_PATH,
  type Proof,
  parseProof,
  parseProofMember,
} from "../../guard/proof.ts";
import type { RelayUrl } from "../../guard/relay-url.ts";
import { type Body, type GetLimits, pinnedGet } from "./pinned-get.ts";

export interface FetchedProof {
  readonly status: "found";
  readonly proof: Proof;
  readonly source: "well-known" | "nip-11";
  /** SHA-256 of what was read, hex. */
  readonly digest: string;
}

export interface ProofFetchLimits extends GetLimits {
  /** Where `/.well-known/` is asked for; the default port of http or https if left out. */
  readonly wellKnownPort?: number;
}

const DEFAULT_LIMITS: ProofFetchLimits = { timeoutMs: 10_000, maxBytes: 65_536 };

/**
 * Asks the relay's host for `/.well-known/nostr-load-test`, then the relay itself for its NIP-11
 * document; the first proof that can be read counts. `address` is one that `resolveTarget` gave. The
 * proof is not checked yet: see `checkProof`.
 */
export async function fetchProof(
  url: RelayUrl,
  address: string,
  limits: ProofFetchLimits = DEFAULT_LIMITS,
  ca?: string,
): Promise<FetchedProof | Refusal> {
  const port = limits.wellKnownPort ?? (url.scheme === "wss" ? 443 : 80);
  const text = await pinnedGet({
    url,
    address,
    limits,
    port,
    path: PROOF_PATH,
    accept: "text/plain",
    ca,
  });
  const wellKnown = text.status === "read" ? parseProof(text.text) : text;
  if (text.status === "read" && wellKnown.status === "parsed") {
    return found(wellKnown.proof, "well-known", text.text);
  }
  const accept = "application/nostr+json";
  const json = await pinnedGet({
    url,
    address,
    limits,
    port: url.port,
    path: url.path,
    accept,
    ca,
  });
  const member = json.status === "read" ? readMember(json.text) : json;
  if (json.status === "read" && member.status === "parsed") {
    return found(member.proof, "nip-11", json.text);
  }
  return {
    status: "refused",
    reason:
      `\`${url.host}\` serves no proof that it is dedicated to load tests: ` +
      `${PROOF_PATH}: ${reasonOf(wellKnown)}; NIP-11 member \`${PROOF_MEMBER}\`: ${reasonOf(member)}`,
    remedy: `its owner serves the lines \`host: ${url.host}\` and \`until: YYYY-MM-DD\` at ${PROOF_PATH}`,
  };
}

function readMember(text: string): ParsedProof {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // Any text may come from a relay; that it isn't JSON is all there is to say.
    return { status: "malformed", reason: "the document is not JSON" };
  }
  const member: unknown =
    typeof document === "object" && document !== null
      ? Reflect.get(document, PROOF_MEMBER)
      : undefined;
  return member === undefined
    ? { status: "malformed", reason: "not there" }
    : parseProofMember(member);
}

function found(proof: Proof, source: FetchedProof["source"], text: string): FetchedProof {
  const digest = createHash("sha256").update(text).digest("hex");
  return { status: "found", proof, source, digest };
}

function reasonOf(result: ParsedProof | Body): string {
  return "reason" in result ? result.reason : "not there";
}
