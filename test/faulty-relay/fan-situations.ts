/** Relays that hand events on to subscribers wrongly in one known way each, or bear slow readers each in their way. */
import type { Fanned } from "./fanning.ts";
import type { Situation } from "./situation.ts";

const fanning = (
  first: string | null,
  of: Fanned,
  flags: Readonly<Record<string, string>> = {},
): Situation => ({ first, relays: [() => ({ fans: of })], scenario: "fanout", flags });

/** Each is owed 1.5 MB a second from the middle of the window on: more than the system takes, soon. */
const SLOWLY = {
  ...{ "slow-readers": "3", "subs-per-connection": "12", rate: "200", fanout: "4", duration: "16" },
};

export const FAN_SITUATIONS: Readonly<Record<string, Situation>> = {
  "healthy-fanout": fanning(null, {}),
  "losing-deliveries": fanning("deliveries-missing", { copies: (n) => Number(n % 200 !== 7) }),
  "delivering-twice": fanning("deliveries-twice", { copies: (n) => (n % 20 === 7 ? 2 : 1) }),
  "delivering-by-a-clock": fanning("delivery-tick", { tickMs: 100 }),
  "ok-behind-deliveries": fanning(
    "ok-held-by-subscribers",
    { okMsPerDelivery: 1 },
    { baseline: "0.3" },
  ),
  "looking-at-every-subscription": fanning(
    "cpu-grows-with-decoys",
    { microsPerSubscription: 1 },
    { decoys: "4000", baseline: "0.2", "subs-per-connection": "20", fanout: "20", duration: "16" },
  ),
  "held-by-slow-readers": fanning("held-by-slow-readers", { holdAbove: 1_000_000 }, SLOWLY),
  "keeping-for-slow-readers": fanning("slow-readers-in-memory", {}, SLOWLY),
  "cutting-slow-readers": fanning("slow-readers-cut", { cutAbove: 1_000_000 }, SLOWLY),
};
