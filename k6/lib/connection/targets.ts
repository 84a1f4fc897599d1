/** Which relay each connection of a VU leads to, and the headers that it is opened with. */
import { toDialUrl } from "../../../src/guard/relay-url.ts";
import { clientAddress, headersOf } from "../../../src/plan/headers.ts";
import type { Plan } from "../../../src/plan/plan.ts";

export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Clients are spread evenly: client i of the run goes to relay i mod R, VU v has the clients v, v+V … */
export function targetsOf(plan: Plan, share: number): readonly Target[] {
  const targets: Target[] = [];
  for (let client = share; client < plan.clients; client += plan.vus) {
    const relay = plan.relays[Math.floor(client / plan.vus) % plan.relays.length] ?? plan.relays[0];
    if (!relay) continue;
    const headers = headersOf(plan.headers, plan.clientIpHeader, clientAddress(client));
    targets.push({ url: toDialUrl(relay), headers });
  }
  return targets;
}
