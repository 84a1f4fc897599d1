/** Which relay each connection of a VU leads to, and what it is opened with. */
import type { WebSocket } from "k6/websockets";
import { type RelayUrl, toDialUrl } from "../../../src/guard/relay-url.ts";
import { clientAddress, headersOf } from "../../../src/plan/headers.ts";
import type { Plan } from "../../../src/plan/plan.ts";

export interface Target {
  readonly url: string;
  readonly params: NonNullable<ConstructorParameters<typeof WebSocket>[2]>;
}

/**
 * Clients are spread evenly: client i of the run goes to relay i mod R, VU v has the clients v, v+V … Those of a relay
 * have one target, as far as none has an address of its own.
 */
export function targetsOf(plan: Plan, share: number): readonly Target[] {
  const common: Target["params"] = {
    // The tag keeps the URL, which may hold a secret path, out of k6's own metrics.
    tags: { name: "relay" },
    ...(plan.compression ? { compression: "deflate" } : {}),
  };
  const of = (relay: RelayUrl, client: number): Target => {
    const headers = headersOf(plan.headers, plan.clientIpHeader, clientAddress(client));
    return { url: toDialUrl(relay), params: { ...common, headers } };
  };
  const shared = plan.relays.map((relay) => of(relay, share));
  const targets: Target[] = [];
  for (let client = share; client < plan.clients; client += plan.vus) {
    const at = Math.floor(client / plan.vus) % plan.relays.length;
    const [relay, target] = [plan.relays[at], shared[at]];
    if (relay === undefined || target === undefined) continue;
    targets.push(plan.clientIpHeader === null ? target : of(relay, client));
  }
  return targets;
}
