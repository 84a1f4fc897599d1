/** Which relay each connection of a VU leads to, and what it is opened with. */
import type { WebSocket } from "k6/websockets";
import { toDialUrl } from "../../../src/guard/relay-url.ts";
import { clientAddress, headersOf } from "../../../src/plan/headers.ts";
import type { Plan } from "../../../src/plan/plan.ts";

export interface Target {
  readonly url: string;
  readonly params: NonNullable<ConstructorParameters<typeof WebSocket>[2]>;
}

/** Clients are spread evenly: client i of the run goes to relay i mod R, VU v has the clients v, v+V … */
export function targetsOf(plan: Plan, share: number): readonly Target[] {
  const targets: Target[] = [];
  const common: Target["params"] = {
    // The tag keeps the URL, which may hold a secret path, out of k6's own metrics.
    tags: { name: "relay" },
    ...(plan.compression ? { compression: "deflate" } : {}),
  };
  for (let client = share; client < plan.clients; client += plan.vus) {
    const relay = plan.relays[Math.floor(client / plan.vus) % plan.relays.length] ?? plan.relays[0];
    if (!relay) continue;
    const headers = headersOf(plan.headers, plan.clientIpHeader, clientAddress(client));
    targets.push({ url: toDialUrl(relay), params: { ...common, headers } });
  }
  return targets;
}
