/**
 * `typing` and `read-receipt`: what a chat tells and no relay keeps. One ephemeral event each, kinds
 * 20002 and 20001, about a message that a viewer got from an author.
 *
 * bitvid lets a typing event expire after 15 s. A pool is signed before it is sent, and a relay refuses
 * an event that has expired (NIP-40), so here the tag is there but the time is far off.
 */
import type { EventTemplate } from "../nostr/wire.ts";
import { identifyVideo, pickViewing } from "./catalogue.ts";
import { checkTag, firstFault } from "./check.ts";
import type { BuildContext, EventType } from "./event-type.ts";
import { HEX_64 } from "./target.ts";
import { randomHex } from "./text.ts";

/** 2100-01-01T00:00:00Z. */
const FAR_OFF = 4_102_444_800;

export interface PresenceInput {
  /** Hex public key of who wrote the message. */
  readonly recipient: string;
  /** Id of the message. */
  readonly messageId: string;
  readonly createdAt: number;
}

/** Builds a typing event. Source: bitvid js/nostrEventSchemas.js (`buildDmTypingIndicatorEvent`) at 126a613. */
export function buildTyping(input: PresenceInput, expiresAt: number): EventTemplate {
  return {
    kind: 20_002,
    created_at: input.createdAt,
    tags: [
      ["p", input.recipient],
      ["e", input.messageId],
      ["t", "typing"],
      ["expiration", String(expiresAt)],
    ],
    content: "",
  };
}

/** Builds a read receipt. Source: bitvid js/nostrEventSchemas.js (`buildDmReadReceiptEvent`) at 126a613. */
export function buildReadReceipt(input: PresenceInput): EventTemplate {
  return {
    kind: 20_001,
    created_at: input.createdAt,
    tags: [
      ["p", input.recipient],
      ["e", input.messageId],
      ["k", "14"],
    ],
    content: "",
  };
}

export const typing: EventType = {
  name: "typing",
  kinds: [[20_002]],
  maxBytes: [540],
  build: (context) => buildPresence(context, (input) => buildTyping(input, FAR_OFF)),
  check: (event) =>
    firstFault(
      checkTag(event, "p", HEX_64),
      checkTag(event, "e", HEX_64),
      checkTag(event, "t", /^typing$/),
      checkTag(event, "expiration", /^\d{10}$/),
    ),
};

export const readReceipt: EventType = {
  name: "read-receipt",
  kinds: [[20_001]],
  maxBytes: [510],
  build: (context) => buildPresence(context, buildReadReceipt),
  check: (event) =>
    firstFault(
      checkTag(event, "p", HEX_64),
      checkTag(event, "e", HEX_64),
      checkTag(event, "k", /^\d+$/),
    ),
};

/** Chats follow the same popularity as videos do; the message itself is of no pool. */
function buildPresence(context: BuildContext, build: (input: PresenceInput) => EventTemplate) {
  const { viewer, video } = pickViewing(context);
  const { author } = identifyVideo(context.scope, video);
  const template = build({
    recipient: context.publicKey(author),
    messageId: randomHex(context.random, 64),
    createdAt: context.createdAt,
  });
  return [{ author: { role: "viewer", index: viewer } as const, template }];
}
