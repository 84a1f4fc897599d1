/**
 * Fetches the proof of a dedicated relay (format: src/guard/proof.ts). It dials one address that was
 * resolved and judged before, by its number; follows no redirect, uses no proxy, and is bounded in
 * time and size.
 */
import { createHash } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import { parseAddress } from "../../guard/address.ts";
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

export interface FetchedProof {
  readonly status: "found";
  readonly proof: Proof;
  readonly source: "well-known" | "nip-11";
  /** SHA-256 of what was read, hex. */
  readonly digest: string;
}

export interface ProofFetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Where `/.well-known/` is asked for; the default port of http or https if left out. */
  readonly wellKnownPort?: number;
}

const DEFAULT_LIMITS: ProofFetchLimits = { timeoutMs: 10_000, maxBytes: 65_536 };

type Body =
  | { readonly status: "read"; readonly text: string }
  | { readonly status: "absent"; readonly reason: string };

/**
 * Asks the relay's host for `/.well-known/nostr-load-test`, then the relay itself for its NIP-11
 * document; the first proof that can be read counts. `address` is one that `resolveTarget` gave. The
 * proof is not checked yet: see `checkProof`.
 */
export async function fetchProof(
  url: RelayUrl,
  address: string,
  limits: ProofFetchLimits = DEFAULT_LIMITS,
): Promise<FetchedProof | Refusal> {
  const port = limits.wellKnownPort ?? (url.scheme === "wss" ? 443 : 80);
  const text = await get({ url, address, limits, port, path: PROOF_PATH, accept: "text/plain" });
  const wellKnown = text.status === "read" ? parseProof(text.text) : text;
  if (text.status === "read" && wellKnown.status === "parsed") {
    return found(wellKnown.proof, "well-known", text.text);
  }
  const accept = "application/nostr+json";
  const json = await get({ url, address, limits, port: url.port, path: url.path, accept });
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

interface GetRequest {
  readonly url: RelayUrl;
  readonly address: string;
  readonly limits: ProofFetchLimits;
  readonly port: number;
  readonly path: string;
  readonly accept: string;
}

function get({ url, address, limits, port, path, accept }: GetRequest): Promise<Body> {
  const isTls = url.scheme === "wss";
  const isName = parseAddress(url.host) === undefined;
  const hostHeader = url.host.includes(":") ? `[${url.host}]` : url.host;
  const isDefaultPort = port === (isTls ? 443 : 80);
  const options: https.RequestOptions = {
    // A number, so that nothing is left to be resolved; the name is told to the relay only.
    host: address,
    port,
    path,
    headers: {
      host: isDefaultPort ? hostHeader : `${hostHeader}:${port}`,
      accept,
      "accept-encoding": "identity",
    },
    // An agent of its own: none that a proxy setting or a kept-alive socket could have changed.
    agent: false,
    signal: AbortSignal.timeout(limits.timeoutMs),
    // RFC 6066: a server name is never an address; the certificate is then held against `host`.
    ...(isTls && isName ? { servername: url.host } : {}),
    ...(isTls ? { rejectUnauthorized: true } : {}),
  };
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve(absent(describe(error)));
    const request = (isTls ? https : http).request(options, (response) => {
      readBody(response, limits.maxBytes).then(resolve, fail);
    });
    request.on("error", fail);
    request.end();
  });
}

async function readBody(response: http.IncomingMessage, maxBytes: number): Promise<Body> {
  const status = response.statusCode ?? 0;
  if (status !== 200) {
    response.destroy();
    const isRedirect = status >= 300 && status < 400;
    return absent(isRedirect ? "a redirect, which is not followed" : `HTTP status ${status}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    // Leaving the loop destroys the response and its socket.
    if (bytes > maxBytes) return absent(`more than ${maxBytes} bytes`);
    chunks.push(part);
  }
  return { status: "read", text: Buffer.concat(chunks).toString("utf8") };
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

function absent(reason: string): Body {
  return { status: "absent", reason };
}

function reasonOf(result: ParsedProof | Body): string {
  return "reason" in result ? result.reason : "not there";
}

function describe(error: Error): string {
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer in time";
  return "code" in error ? String(error.code) : "the connection failed";
}
