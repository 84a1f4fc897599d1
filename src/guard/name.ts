/** Host names by what they promise before anybody resolves them. */

/**
 * `loopback`: must be this machine (RFC 6761 §6.3). `local`: can't be registered by a stranger, may be
 * resolved and is then judged by its addresses. `unknown`: anybody's.
 */
export type NameKind = "loopback" | "local" | "unknown";

/**
 * RFC 6762 (`.local`, with it Kubernetes' `.svc.cluster.local`), ICANN's reservation of 2024-07-29
 * (`.internal`), RFC 6761 (`.test`).
 */
const LOCAL_SUFFIXES = [".local", ".internal", ".test"];

/** Classifies a normalised host name. */
export function classifyName(host: string): NameKind {
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback";
  // A single label is a service name of Docker or Kubernetes, or a machine of the own domain.
  if (!host.includes(".")) return "local";
  return LOCAL_SUFFIXES.some((suffix) => host.endsWith(suffix)) ? "local" : "unknown";
}
