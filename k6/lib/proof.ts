/**
 * The proof of a dedicated relay, fetched where the load would start: variables of the environment can
 * be forged or stale, what the relay's own host serves can't. Asked of the pinned address, by every VU.
 */
import http from "k6/http";
import type { Refusal } from "../../src/guard/guard.ts";
import {
  checkProof,
  type ParsedProof,
  PROOF_MEMBER,
  PROOF_PATH,
  type ProofQuestion,
  parseProof,
  parseProofMember,
} from "../../src/guard/proof.ts";
import type { RelayUrl } from "../../src/guard/relay-url.ts";

/**
 * k6 logs the URL of a request that failed, whose path may be a secret, unless the failure is thrown
 * (k6 internal/js/modules/k6/http/request.go; its types lack the member).
 */
const UNLOGGED: object = { throw: true };

/** Fetches and checks the proof; gives why there is none, or `null` if all is well. */
export function findProofFault(
  url: RelayUrl,
  question: Omit<ProofQuestion, "host">,
): string | null {
  const scheme = url.scheme === "wss" ? "https" : "http";
  const host = url.host.includes(":") ? `[${url.host}]` : url.host;
  const text = get(`${scheme}://${host}${PROOF_PATH}`, "text/plain");
  let parsed: ParsedProof | null = text === null ? null : parseProof(text);
  if (parsed?.status !== "parsed") {
    const document = get(`${scheme}://${url.label}${url.path}`, "application/nostr+json");
    parsed = document === null ? parsed : readMember(document);
  }
  if (parsed?.status !== "parsed") return `\`${url.host}\` serves no proof that can be read`;
  const checked: Refusal | { readonly status: "ok" } = checkProof(parsed.proof, {
    ...question,
    host: url.host,
  });
  return checked.status === "ok" ? null : `${checked.reason}; ${checked.remedy}`;
}

function get(address: string, accept: string): string | null {
  try {
    const { status, body } = http.get(address, {
      headers: { Accept: accept },
      redirects: 0,
      responseType: "text",
      timeout: "10s",
      ...UNLOGGED,
    });
    return status === 200 && typeof body === "string" ? body : null;
  } catch {
    // No answer is no proof, whatever the reason.
    return null;
  }
}

function readMember(text: string): ParsedProof | null {
  try {
    const document: unknown = JSON.parse(text);
    const isObject = typeof document === "object" && document !== null;
    return parseProofMember(isObject ? Reflect.get(document, PROOF_MEMBER) : undefined);
  } catch {
    // Any text may come from a relay.
    return null;
  }
}
