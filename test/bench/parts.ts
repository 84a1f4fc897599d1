/** The parts of the bench, each of some rows, by the name that `--only` knows it by. */
import { benchConnections, benchMemory } from "./connections.ts";
import { benchDeliveries } from "./deliveries.ts";
import { benchDeliveryLag } from "./delivery-lag.ts";
import { benchHandshakes } from "./handshakes.ts";
import { benchIdle } from "./idle.ts";
import type { Rig } from "./k6-run.ts";
import { benchLag, LAG_GOALS_MS } from "./lag.ts";
import { benchBare, benchCpu, benchHeld, CPU_RATES } from "./limits.ts";
import { benchPoolMemory, benchPools } from "./pools.ts";
import { benchQueries } from "./queries.ts";
import { benchReading } from "./reading.ts";
import { benchReal } from "./real.ts";
import type { Print } from "./row.ts";
import { benchRecords, benchSaturated } from "./saturated.ts";
import { benchSigning } from "./signing.ts";
import { benchAgreement, benchSoak } from "./soak.ts";
import { benchSubscriptions } from "./subscriptions.ts";

interface Part {
  readonly says: string;
  readonly run: (rig: Rig, repetitions: number, print: Print) => Promise<void>;
  /** Left out of a quick bench. */
  readonly isLong?: boolean;
}

const thousands = (n: number) => n.toLocaleString("en");

/** A part for each of these. */
function forEach(
  name: string,
  values: readonly number[],
  part: (value: number) => Part,
): Readonly<Record<string, Part>> {
  return Object.fromEntries(values.map((value) => [`${name}-${value}`, part(value)]));
}

export const PARTS: Readonly<Record<string, Part>> = {
  bare: { says: "publishing, saturated, of the shortest script", run: benchBare },
  ...forEach("cpu", CPU_RATES, (rate) => ({
    says: `k6's processor at ${thousands(rate)} events/s on schedule, of the shortest script's`,
    run: (rig, repetitions, print) => benchCpu(rig, { rate, repetitions }, print),
  })),
  held: { says: "what is held of 40,000 events/s on schedule", run: benchHeld },
  ...forEach("lag", Object.keys(LAG_GOALS_MS).map(Number), (rate) => ({
    says: `how late events are at ${thousands(rate)}/s in precise pacing`,
    run: (rig, repetitions, print) => benchLag(rig, { rate, repetitions }, print),
  })),
  saturated: { says: "beside a Node client and nostr-bench", run: benchSaturated },
  records: { says: "what each record of an event costs", run: benchRecords },
  real: { says: "khatru on the same cores, beside nostr-bench", run: benchReal },
  reading: { says: "rows read, with each check, of the shortest script", run: benchReading },
  queries: { says: "queries a second, beside nostr-bench", run: benchQueries },
  deliveries: { says: "processor of a delivery, of the shortest script", run: benchDeliveries },
  "delivery-lag": {
    says: "how late events are with 10,000 deliveries/s, and without",
    run: benchDeliveryLag,
  },
  ...forEach("subscriptions", [1_000, 10_000], (subscriptions) => ({
    says: `memory of each of ${thousands(subscriptions)} subscriptions`,
    run: (rig, repetitions, print) =>
      benchSubscriptions(rig, { subscriptions, repetitions }, print),
  })),
  handshakes: {
    says: "handshakes a second, of the shortest script and of nostr-bench",
    run: benchHandshakes,
  },
  ...forEach("idle", [1_000, 5_000, 10_000], (clients) => ({
    says: `memory of each of ${thousands(clients)} idle connections, of the shortest script`,
    run: (rig, repetitions, print) => benchIdle(rig, { clients, repetitions }, print),
  })),
  ...forEach("connections", [10, 1_000, 10_000], (clients) => ({
    says: `lag and processor of publishing over ${thousands(clients)} connections`,
    run: (rig, repetitions, print) => benchConnections(rig, { clients, repetitions }, print),
  })),
  ...forEach("memory", [1_000, 10_000], (clients) => ({
    says: `memory of ${thousands(clients)} connections that publish, and of a large pool`,
    run: (rig, _, print) => benchMemory(rig, clients, print),
  })),
  agreement: { says: "two runs of a seed, each within the other's noise", run: benchAgreement },
  signing: { says: "signing, of cores × one thread", run: (_, __, print) => benchSigning(print) },
  pools: {
    says: "a whole pool of `playback`: rate, building",
    run: (rig, _, print) => benchPools(rig, print),
  },
  "pool-memory": {
    says: "the maker's memory, for four times the events",
    run: (rig, _, print) => benchPoolMemory(rig, print),
  },
  soak: {
    says: "k6's memory for ten times the events; 1.5 GB of disk",
    run: (rig, _, print) => benchSoak(rig, print),
    isLong: true,
  },
};

/**
 * Those that are asked for by name, or by what several names begin with: `cpu` is each `cpu-…`; all of them, or those of
 * a quick bench, without any.
 */
export function chooseParts(names: readonly string[], isQuick: boolean): readonly Part[] {
  if (names.length === 0) return Object.values(PARTS).filter((part) => !isQuick || !part.isLong);
  return names.flatMap((asked) => {
    const found = Object.entries(PARTS).filter(
      ([name]) => name === asked || name.startsWith(`${asked}-`),
    );
    if (found.length === 0) throw new Error(`no part \`${asked}\`: --help lists them`);
    return found.map(([, part]) => part);
  });
}
