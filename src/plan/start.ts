/** The start that several instances agreed on: `START_AT`, set by whoever starts them. */
import { ConfigError } from "../errors.ts";
import { clip, optionLabel } from "./options.ts";
import type { Plan } from "./plan.ts";

/** A handshake on a relay that is not near, and what else comes before the first event. */
const HANDSHAKE_MS = 200;
const SPARE_MS = 3_000;
/** To open the first subscription and to see an event come; for each further one. */
const FIRST_SUBSCRIPTION_MS = 2_000;
const SUBSCRIPTION_MS = 2;
/** Relays close connections that say nothing, some after a minute: longer they are not held idle. */
const MOST_OPENING_MS = 45_000;

/** Unix ms; `null` where an instance begins when it is ready. Throws `ConfigError`. */
export function readStartAt(text: string | undefined): number | null {
  if (!text) return null;
  if (/^[1-9]\d{12}$/.test(text)) return Number(text);
  throw new ConfigError(
    `${optionLabel("startAt")} must be Unix milliseconds of 13 digits, got \`${clip(text)}\``,
  );
}

/** How long before the start connections are opened, and what is subscribed to. */
export function openingMs({ clients, connectConcurrency, fanout }: Plan): number {
  const waves = Math.ceil(clients / connectConcurrency);
  const ready =
    fanout === null
      ? 0
      : FIRST_SUBSCRIPTION_MS + SUBSCRIPTION_MS * fanout.subscribers * fanout.subsPerConnection;
  return Math.min(MOST_OPENING_MS, SPARE_MS + waves * HANDSHAKE_MS + ready);
}
