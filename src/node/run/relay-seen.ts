/** What one of several instances finds out about the relay, beside its own part of the load. */
import type { RelaySeen } from "../../merge/protocol.ts";
import type { Plan } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import type { TestedRelay } from "../../report/types.ts";
import { type Counts, countKinds } from "../audit/stored.ts";
import type { Admission } from "../guard/gate.ts";
import { fetchInformation, type Information } from "../preflight/information.ts";
import { relateSamples } from "../sampler.ts";
import { type Driven, kindsOf } from "./driven.ts";

/** What is asked before the start, by the first instance alone. */
export interface AskedBefore {
  readonly relays: readonly TestedRelay[];
  readonly before: Counts;
}

export interface AskRequest {
  readonly plan: Plan;
  readonly admissions: readonly Admission[];
  readonly pool: PoolManifest;
  readonly audit: boolean;
  /** When all begin; `null`: each when it is ready, so that the others may load the relay by now. */
  readonly startAtMs: number | null;
  readonly signal: AbortSignal;
}

/** Who the relays say they are; with an audit also what they hold of the pool's kinds. */
export async function askBefore(request: AskRequest): Promise<AskedBefore> {
  const { admissions } = request;
  const informations = await Promise.all(admissions.map((one) => fetchInformation(one)));
  const relays = admissions.map(({ url, addresses: [address] }, i) => {
    const { software = null, version = null } = informations[i] ?? {};
    return { label: url.label, address, software, version };
  });
  return { relays, before: await countBefore(request, informations) };
}

async function countBefore(
  { plan, admissions, pool, audit, startAtMs, signal }: AskRequest,
  informations: readonly Information[],
): Promise<Counts> {
  if (plan.query !== null) return { why: "nothing was published" };
  if (!audit) return { why: "counted with --audit alone" };
  if (startAtMs === null) return { why: "without --start-at others may load the relay by then" };
  const silent = admissions.find((_, i) => informations[i]?.counts !== true);
  if (silent !== undefined) {
    return { why: `\`${silent.url.label}\` does not announce COUNT (NIP-45)` };
  }
  // Of a part it is not known which of the whole's kinds it lacks.
  const named = pool.types.flatMap((type) => pool.kinds[type]?.flat() ?? []);
  const kinds = pool.part === undefined ? kindsOf(pool) : [...new Set(named)];
  const counts = await countKinds(admissions, kinds, signal);
  return Date.now() < startAtMs ? counts : { why: "counting took until the run had begun" };
}

/** `null` where nothing of the relay was seen. */
export function relaySeenBy(
  { companion, live }: Driven,
  asked: AskedBefore | null,
): RelaySeen | null {
  const all = relateSamples(companion.samples, live.windowStartUnixMs) ?? [];
  const samples = all.filter(({ process }) => process === "relay" || process === "proxy");
  if (asked === null && samples.length === 0) return null;
  const { relays = [], before = { why: "another instance counts them" } } = asked ?? {};
  return {
    samples,
    notes: companion.notes,
    relays,
    before: "why" in before ? before : { byKind: [...before.byKind] },
  };
}
