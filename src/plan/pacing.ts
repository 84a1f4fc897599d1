/** How closely a generator keeps to its schedule, and what that costs the cores that it may share with the relay. */
import { classifyAddress, parseAddress } from "../guard/address.ts";
import { classifyName } from "../guard/name.ts";
import type { RelayUrl } from "../guard/relay-url.ts";

/**
 * `precise`: the last 0.2 ms before an event is due are spent reading the clock, as k6's timers wake up to 1.1 ms
 * late: a core for punctuality. `shared`: the core is left to others meanwhile.
 */
export type Pacing = "precise" | "shared";

export const PACING_CHOICES = ["auto", "precise", "shared"] as const;

export interface PacingRequest {
  /** As asked for; `auto` leaves it to what is known of the machine. */
  readonly choice: (typeof PACING_CHOICES)[number];
  /** The generator's cores; `null` where they are not known. */
  readonly cores: number | null;
  readonly vus: number;
  readonly relays: readonly Pick<RelayUrl, "host">[];
}

/**
 * Precise where a core is left beside those of the VUs, and another one for a relay on the same machine: that one
 * would be taken from what is measured.
 */
export function choosePacing({ choice, cores, vus, relays }: PacingRequest): Pacing {
  if (choice !== "auto") return choice;
  if (cores === null) return "shared";
  const ofRelay = relays.some(({ host }) => isThisMachine(host)) ? 1 : 0;
  return cores - vus > ofRelay ? "precise" : "shared";
}

function isThisMachine(host: string): boolean {
  const address = parseAddress(host);
  return address === undefined
    ? classifyName(host) === "loopback"
    : classifyAddress(address).kind === "loopback";
}
