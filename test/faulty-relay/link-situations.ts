/** Relays, and what is before them, whose connections can't be had, or end in one known way each; see `situations.ts`. */
import { type Action, accept, cut } from "./frames.ts";
import type { Behaviour, Handshake } from "./relay.ts";
import type { Situation } from "./situation.ts";

const situation = (first: string, relay: () => Behaviour): Situation => ({
  first,
  relays: [relay],
});

/** Answers every handshake so. */
const greetingWith = (handshake: Handshake) => () => ({ handshake: () => handshake });

/** By the connection that an event came on: how many it has had, from 1, and how old it is. */
function byConnection(
  answer: (id: string, nth: number, ageMs: number) => readonly Action[],
): Behaviour {
  const bornMs: number[] = [];
  const events: number[] = [];
  return {
    greet: () => {
      bornMs.push(performance.now());
      return [];
    },
    answer: ({ event, place, receivedMs }, { ledger }) => {
      const connection = ledger.events[place]?.connection ?? 0;
      const nth = (events[connection] ?? 0) + 1;
      events[connection] = nth;
      return answer(event.id, nth, receivedMs - (bornMs[connection] ?? receivedMs));
    },
  };
}

export const LINK_SITUATIONS: Readonly<Record<string, Situation>> = {
  "refusing-every-handshake": situation("handshake-refused", greetingWith(403)),
  "redirecting-every-handshake": situation(
    "redirected",
    greetingWith({ status: 301, headers: { Location: "wss://relay.example/" } }),
  ),
  "giving-up-on-every-handshake": situation("unreachable", greetingWith("reset")),
  "nobody-behind-the-proxy": situation("proxy-without-relay", greetingWith(502)),
  "closing-at-once": situation("closed-at-once", () => ({ greet: () => [cut(1008)] })),
  "closing-on-publish": situation("ended-on-publish", () => ({ answer: () => [cut(1011)] })),
  "closing-after-answers": situation("cut-after-answers", () =>
    byConnection((id, nth) => (nth > 25 ? [cut(1000)] : [accept(id)])),
  ),
  "closing-by-age": situation("lifetime-limit", () =>
    byConnection((id, _, ageMs) => (ageMs > 2_500 ? [cut(1001)] : [accept(id)])),
  ),
};
