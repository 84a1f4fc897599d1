import type { Isolation } from "../../guard/isolation.ts";
import type { Admission } from "../guard/gate.ts";
import { POOL_ADDRESS } from "../pool/serve.ts";

/**
 * What k6 may dial in a run. Of a pinned name nothing else can be dialled, so nothing else is allowed. In an
 * isolated network loopback is allowed beside the relay: it is this container's own, and serves pool and companion.
 */
export function dialledBy(
  admissions: readonly Pick<Admission, "url" | "addresses">[],
  hosts: Readonly<Record<string, string>>,
  isolation: Isolation | undefined,
): readonly string[] {
  const own = isolation?.status === "isolated" ? [POOL_ADDRESS] : [];
  const relays = admissions.flatMap(({ url, addresses }) => hosts[url.host] ?? addresses);
  return [...new Set([...relays, ...own])];
}
