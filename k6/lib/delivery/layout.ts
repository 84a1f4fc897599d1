/**
 * Which clients of a VU publish, which subscribe, and to what. A topic lives within a VU, with those that publish it
 * and those that subscribe to it: so the receiver knows when each event was due, and one clock times both.
 */
import { drawZipf } from "../../../src/events/popularity.ts";
import { type FanoutPlan, topicsOfVu } from "../../../src/plan/fanout.ts";
import { type Random, seededRandom } from "../../../src/random.ts";

export interface Layout {
  readonly topics: number;
  /** The first clients publish. */
  readonly publishers: number;
  /** By client: a topic each of its subscriptions, `null` for one that matches nothing. */
  readonly subscriptions: readonly (readonly (number | null)[])[];
}

interface LayoutPlan {
  readonly clients: number;
  readonly vus: number;
  readonly seed: string;
}

/** VU v has the clients v, v + V …, of the run's publishers, then its subscribers, then its decoys. */
export function layOut(plan: LayoutPlan, fanout: FanoutPlan, share: number): Layout {
  const { clients, vus, seed } = plan;
  const { publishers, subscribers, subsPerConnection, decoys, echo } = fanout;
  const topics = topicsOfVu(fanout, vus);
  const takeTopics = createTaker(fanout, topics, seededRandom(seed, `topics/${share}`));
  const own: (readonly (number | null)[])[] = [];
  let publishing = 0;
  for (let client = share; client < clients; client += vus) {
    const decoy = client - publishers - subscribers;
    if (client < publishers) {
      own.push(echo ? [publishing % topics] : []);
      publishing++;
    } else if (decoy < 0) own.push(takeTopics());
    else {
      const left = decoys - decoy * subsPerConnection;
      own.push(new Array<null>(Math.min(subsPerConnection, left)).fill(null));
    }
  }
  return { topics, publishers: publishing, subscriptions: own };
}

/** Gives the topics of the next subscriber, each once. */
function createTaker(
  { fanout, subsPerConnection }: FanoutPlan,
  topics: number,
  random: Random,
): () => readonly number[] {
  const places = Array.from({ length: subsPerConnection }, (_, place) => place);
  let next = 0;
  if (fanout !== "zipf") return () => places.map(() => next++ % topics);
  return () => {
    const taken = new Set<number>();
    while (taken.size < subsPerConnection) {
      let topic = drawZipf(random, topics);
      while (taken.has(topic)) topic = (topic + 1) % topics;
      taken.add(topic);
    }
    return [...taken];
  };
}
