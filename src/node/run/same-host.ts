/** Does a relay share this machine, and so its processor, with the generator? */
import { networkInterfaces } from "node:os";
import type { Isolation } from "../../guard/isolation.ts";
import type { Admission } from "../guard/gate.ts";

/**
 * By the addresses that the run dials: one of this machine's own is this machine. Within an isolated
 * network, which Docker makes as a bridge on one host, every relay is.
 */
export function sharesHost(
  admissions: readonly Pick<Admission, "addresses">[],
  isolation: Isolation | undefined,
  own: readonly string[] = ownAddresses(),
): boolean {
  if (isolation?.status === "isolated") return true;
  return admissions.some(({ addresses }) => addresses.some((address) => own.includes(address)));
}

/** Addresses of this machine. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
}
