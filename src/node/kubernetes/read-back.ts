/** The relay that pods loaded, asked what came of it from where this command runs: if it is there too, and the same. */
import { ConfigError } from "../../errors.ts";
import { classifyAddress, parseAddress } from "../../guard/address.ts";
import { classifyName } from "../../guard/name.ts";
import type { ReadBackFigures } from "../../merge/complete.ts";
import type { MergedRun } from "../../merge/merge.ts";
import { type AskRequest, askRelays } from "../merge/ask-relays.ts";
import { ownAddresses } from "../run/same-host.ts";
import type { JobRequest } from "./job.ts";
import type { Pod } from "./pods.ts";

/** Why nobody was asked is a note of the report, and a line. */
export async function readBackFromHere(
  run: MergedRun,
  { plan, hostNetwork }: Pick<JobRequest, "plan" | "hostNetwork">,
  pods: readonly Pod[],
  tools: Pick<AskRequest, "terminal" | "signal">,
): Promise<ReadBackFigures> {
  try {
    const own = plan.relays.find(({ host }) => isLoopback(host));
    if (own === undefined || (hostNetwork && pods.every(isHere))) {
      return await askRelays(run, { plan, poolDir: undefined, ...tools });
    }
    throw new ConfigError(`\`${own.label}\` is each pod's own, and not the one of this machine`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [why = ""] = error.message.split("\n");
    tools.terminal.clear();
    tools.terminal.note(`read-back   nothing was read back: ${why}`);
    return { audit: null, notes: [`not read back from where this command ran: ${why}`] };
  }
}

function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  return address === undefined
    ? classifyName(host) === "loopback"
    : classifyAddress(address).kind === "loopback";
}

/** Its node is this machine, so that its node's network is this one's. */
function isHere({ nodeAddress }: Pod): boolean {
  return nodeAddress !== null && (isLoopback(nodeAddress) || ownAddresses().includes(nodeAddress));
}
