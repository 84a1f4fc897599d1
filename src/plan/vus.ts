/** How many VUs a load takes. */
import type { ConnectPlan } from "./connect.ts";
import { deliveriesPerSecond, type FanoutPlan, topicsWanted } from "./fanout.ts";
import type { QueryPlan } from "./query.ts";

/**
 * Events per second and connections that one VU is given at most. A VU has one JavaScript thread. On 2
 * cores shared with the sink, p99 of schedule lag was 0.6 to 0.9 ms at 10,000/s with one VU and 1.4 with
 * two; 1.5 and 9 at 15,000/s; at 30,000/s two VUs held the rate with 1.9 to 3.5, where one fell behind and
 * four got in each other's way.
 */
const RATE_PER_VU = 15_000;
/** What comes costs more than what is sent: of 20,000 events an answer of the mix `app` has 240 rows. */
const QUERIES_PER_VU = 150;
const DELIVERIES_PER_VU = 20_000;
const CONNECTIONS_PER_VU = 2_500;
const CONNECTS_PER_VU = 1_000;
/** Where the count of cores is not known. */
const MOST_VUS = 4;
interface Load {
  readonly clients: number;
  readonly rateEps: number;
  readonly query: QueryPlan | null;
  readonly fanout: FanoutPlan | null;
  readonly connect: ConnectPlan | null;
  /** Each source of connections is a VU's. */
  readonly leastVus: number;
}

/** The VUs of each instance. */
export function countVus(load: Load, instances: number, cores: number | null): number {
  const { clients, rateEps, query, fanout, connect, leastVus } = load;
  const ofRate =
    (query?.rate ?? 0) / QUERIES_PER_VU +
    (connect?.rate ?? 0) / CONNECTS_PER_VU +
    rateEps / RATE_PER_VU;
  const ofDeliveries =
    fanout === null ? 0 : deliveriesPerSecond(fanout, rateEps, 1) / DELIVERIES_PER_VU;
  const wanted = Math.max(ofRate, ofDeliveries, clients / CONNECTIONS_PER_VU) / instances;
  // A topic lives within a VU, with one that publishes and those that subscribe to it.
  const most =
    fanout === null
      ? clients
      : Math.min(
          fanout.publishers,
          fanout.subscribers,
          Math.floor(topicsWanted(fanout) / fanout.subsPerConnection),
        );
  const byLoad = Math.min(cores ?? MOST_VUS, Math.ceil(wanted));
  return Math.min(Math.floor(most / instances), Math.max(leastVus, byLoad));
}
