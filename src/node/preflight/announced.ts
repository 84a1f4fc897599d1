/** Limits on rates that relays announce. Pure. */
import type { Plan } from "../../plan/plan.ts";
import { formatRate } from "../../report/format.ts";
import { advice, type Finding } from "./finding.ts";
import type { Limitation } from "./information.ts";

export function judgeRates(
  label: string,
  { max_events_per_ip, max_events_per_pubkey, rate_limit_window }: Limitation,
  { rateEps, relays }: Pick<Plan, "rateEps" | "relays">,
): Finding[] {
  const windowSec = rate_limit_window ?? 0;
  // Without a window it is not known what the limit means.
  if (windowSec <= 0) return [];
  const own = rateEps / relays.length;
  const perIp = (max_events_per_ip ?? 0) / windowSec;
  if (perIp > 0 && own > perIp) {
    return [
      advice("rate", {
        what: `\`${label}\` announces to take ${formatRate(perIp)} of one address (${max_events_per_ip} in ${windowSec} s), the run sends ${formatRate(own)} from this one`,
        why: "what is above that would be refused as too much",
        remedy:
          "raise `max_events_per_ip` for this address, or give --client-ip-header where the relay trusts it",
      }),
    ];
  }
  const perKey = (max_events_per_pubkey ?? 0) / windowSec;
  // The run's keys are many: only a limit far below an event a minute meets them.
  if (perKey <= 0 || perKey >= 1 / 60) return [];
  return [
    advice("rate", {
      what: `\`${label}\` announces to take ${max_events_per_pubkey} events of one key in ${windowSec} s`,
      why: "keys of the pool that write more often would be refused",
      remedy: "raise `max_events_per_pubkey` while the relay is under test",
    }),
  ];
}
