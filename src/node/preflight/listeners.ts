/** Whether a name that answers at several addresses is one relay. */
import { findPortOwner } from "../companion/port-owner.ts";
import type { Admission } from "../guard/gate.ts";
import { advice, type Finding } from "./finding.ts";

/** A finding where different processes of this machine listen; of other machines it can't be told. */
export async function judgeListeners({
  url,
  addresses,
  alsoAt = [],
}: Admission): Promise<Finding[]> {
  const [used] = addresses;
  const own = await findPortOwner(used, url.port);
  if (own.status === "unknown") return [];
  for (const address of alsoAt) {
    const other = await findPortOwner(address, url.port);
    if (other.status === "unknown" || other.pids.some((pid) => own.pids.includes(pid))) continue;
    return [
      advice("address", {
        what: `\`${url.label}\` is two listeners: ${own.name} (process ${own.pids[0]}) at ${used}, ${other.name} (process ${other.pids[0]}) at ${address}`,
        why: `the run loads the one at ${used}; other clients may reach the other one`,
        remedy: "give the address of the one that is meant in place of the name",
      }),
    ];
  }
  return [];
}
