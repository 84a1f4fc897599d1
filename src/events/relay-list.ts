/** `relay-list`: where a person reads and writes, kind 10002 (NIP-65): the next one replaces it. */
import type { EventTemplate, Tag } from "../nostr/wire.ts";
import { randomInt } from "../random.ts";
import { takeTurn } from "./catalogue.ts";
import type { EventType } from "./event-type.ts";

export interface ListedRelay {
  readonly url: string;
  /** Both when it is left out. */
  readonly use?: "read" | "write";
}

/** Builds a relay list. Source: NIP-65; bitvid js/nostrEventSchemas.js (`buildRelayListEvent`) at 126a613. */
export function buildRelayList(relays: readonly ListedRelay[], createdAt: number): EventTemplate {
  const tags = relays.map(
    ({ url, use }): Tag => (use === undefined ? ["r", url] : ["r", url, use]),
  );
  return { kind: 10_002, created_at: createdAt, tags, content: "" };
}

const USES = [{}, { use: "write" }, { use: "read" }, {}] as const;

export const relayList: EventType = {
  name: "relay-list",
  kinds: [[10_002]],
  maxBytes: [500],
  overwrites: true,
  build(context) {
    const relays = USES.slice(0, 2 + randomInt(context.random, 3)).map((use) => ({
      url: `wss://relay${randomInt(context.random, 100)}.example.com`,
      ...use,
    }));
    return [{ author: takeTurn(context), template: buildRelayList(relays, context.createdAt) }];
  },
  check(event) {
    const isRelay = ([name, url, use = "read"]: Tag) =>
      name === "r" && /^wss?:\/\/./.test(url ?? "") && (use === "read" || use === "write");
    return event.tags.length > 0 && event.tags.every(isRelay) ? null : "a tag that is no relay";
  },
};
