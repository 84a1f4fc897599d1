/** `profile`: a person's metadata, kind 0 (NIP-01): the next of the same person replaces it. */
import type { EventTemplate } from "../nostr/wire.ts";
import { takeTurn } from "./catalogue.ts";
import { checkJson } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { randomBase36, randomDescription } from "./text.ts";

export interface ProfileInput {
  readonly name: string;
  readonly about: string;
  readonly picture: string;
  /** `<name>@<domain>`: where payments go, and what NIP-05 verifies. */
  readonly address: string;
  readonly createdAt: number;
}

/** Builds a profile. Source: NIP-01, NIP-24; bitvid js/nostrEventSchemas.js (`buildProfileMetadataEvent`) at 126a613. */
export function buildProfile(input: ProfileInput): EventTemplate {
  const { name, about, picture, address, createdAt } = input;
  const content = JSON.stringify({ name, about, picture, lud16: address, nip05: address });
  return { kind: 0, created_at: createdAt, tags: [], content };
}

export const profile: EventType = {
  name: "profile",
  kinds: [[0]],
  maxBytes: [640],
  overwrites: true,
  build(context) {
    const { createdAt, random, publicKey } = context;
    const author = takeTurn(context);
    const handle = randomBase36(random, 8);
    const template = buildProfile({
      name: `Viewer ${handle}`,
      about: randomDescription(random, 100),
      picture: `https://media.example.com/u/${publicKey(author).slice(0, 16)}/me.jpg`,
      address: `${handle}@example.com`,
      createdAt,
    });
    return [{ author, template }];
  },
  check: (event) =>
    checkJson(event, ({ name }) => (typeof name === "string" ? null : "content without `name`")),
};
