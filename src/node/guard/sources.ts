/** Where connections are to come from: this machine alone, and as the relay is reached. */
import { ConfigError } from "../../errors.ts";
import { classifyAddress, parseAddress } from "../../guard/address.ts";
import { optionLabel } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import { ownAddresses } from "../run/same-host.ts";
import type { Admission } from "./gate.ts";

/** Throws `ConfigError` for a source that is not this machine's, or from which a relay can't be reached. */
export function refuseSources(
  { localIps }: Pick<Plan, "localIps">,
  admissions: readonly Pick<Admission, "url" | "addresses">[],
  own: readonly string[] = ownAddresses(),
): void {
  if (localIps === null) return;
  const label = optionLabel("localIps");
  const { addresses } = localIps;
  const foreign = addresses.find((address) => !isLoopback(address) && !own.includes(address));
  if (foreign !== undefined) {
    throw new ConfigError(
      `${label} must be addresses of this machine, got \`${foreign}\`\nAll of 127.0.0.0/8 are this machine's on Linux; others are added with \`ip address add ${foreign}/32 dev <interface>\`.`,
    );
  }
  const isOwn = (address: string) => isLoopback(address) || own.includes(address);
  for (const { url, addresses: reached } of admissions) {
    if (reached.some((address) => parseAddress(address)?.kind() !== "ipv4")) {
      throw new ConfigError(
        `${label} are IPv4 addresses: \`${url.label}\` has others\nGive the relay by its IPv4 address.`,
      );
    }
    if (!reached.every(isOwn) && addresses.some(isLoopback)) {
      throw new ConfigError(
        `${label} must not be of loopback: from there \`${url.label}\` can't be reached`,
      );
    }
  }
}

function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && classifyAddress(address).kind === "loopback";
}
