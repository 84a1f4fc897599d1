/** What the guard is told of a plan and of this machine; the same for relays and for what takes metrics. */
import type { GuardPolicy } from "../../guard/guard.ts";
import { type MetricsSink, sinkUrl } from "../../guard/metrics-sink.ts";
import { parseDedicatedHost } from "../../guard/relay-url.ts";
import { headersOf, OWN_ADDRESS } from "../../plan/headers.ts";
import { leadingRate, type Plan } from "../../plan/plan.ts";
import { admitRelays } from "./gate.ts";
import { readIsolation } from "./internal-network.ts";

/** The policy of a run. */
export function policyOf(plan: Plan): GuardPolicy {
  const isolation = readIsolation(process.env);
  return {
    ...(isolation === undefined ? {} : { isolation }),
    allowPrivate: plan.allowPrivate,
    ...(plan.dedicatedHost === null
      ? {}
      : { dedicatedHost: parseDedicatedHost(plan.dedicatedHost) }),
  };
}

/** What the CLI sends along when it asks a relay of the run itself. */
export function ownHeaders({ headers, clientIpHeader }: Plan): Readonly<Record<string, string>> {
  return headersOf(headers, clientIpHeader, OWN_ADDRESS);
}

/** Admits where metrics go by the rules for relays; gives the URL with the address found. */
export async function admitSink(sink: MetricsSink | null, plan: Plan): Promise<string | null> {
  if (sink === null) return null;
  const [admission] = await admitRelays([sink.url], {
    // No proof opens another host to metrics.
    policy: { ...policyOf(plan), dedicatedHost: "" },
    nowMs: Date.now(),
    rateEps: leadingRate(plan),
    clients: plan.clients,
  });
  return admission === undefined ? null : sinkUrl(sink, admission.addresses[0]);
}
