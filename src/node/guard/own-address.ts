/** Where a service of ours may listen: loopback, or where other containers of an isolated network find it. */
import { networkInterfaces } from "node:os";
import { liesWithin } from "../../guard/isolation.ts";
import { readIsolation } from "./internal-network.ts";

export interface Place {
  readonly host: string;
  /** CIDRs, for `listen`; none where `host` is loopback. */
  readonly isolatedNetworks: readonly string[];
}

/** Loopback, unless `INTERNAL_NETWORK=1` is set in a network that leads nowhere else. */
export function placeOf(environment: Readonly<Record<string, string | undefined>>): Place {
  const isolation = readIsolation(environment);
  const networks = isolation?.status === "isolated" ? isolation.networks : [];
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const address = own.find((one) => liesWithin(one.address, networks))?.address;
  return address === undefined
    ? { host: "127.0.0.1", isolatedNetworks: [] }
    : { host: address, isolatedNetworks: networks };
}
