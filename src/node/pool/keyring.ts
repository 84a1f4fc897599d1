/**
 * The ephemeral keys of a pool. They are derived from the seed, live in the memory of the thread
 * that signs, and cannot be read out of a keyring: it signs and gives public keys, nothing else.
 */
import { createHash } from "node:crypto";
import { initNostrWasm } from "nostr-wasm";
import type { Author, Keys } from "../../events/event-type.ts";
import { hashEvent } from "./event-id.ts";

interface Key {
  readonly secret: Uint8Array;
  readonly publicKey: string;
}

/** Without auxiliary randomness (BIP-340 allows zeros) a pool is the same byte for byte. */
const NO_ENTROPY = new Uint8Array(32);
/** Stretches of a pool need few keys at a time; beyond this the oldest are forgotten. */
const MOST_KEYS = 4_096;

/** Opens the keyring of a seed. Signs some 2,500 events a second on one core: WASM libsecp256k1. */
export async function openKeyring(seed: string): Promise<Keys> {
  const wasm = await initNostrWasm();
  const keys = new Map<string, Key>();

  const findKey = ({ role, index }: Author): Key => {
    const name = `${role}/${index}`;
    const known = keys.get(name);
    if (known !== undefined) return known;
    const secret = deriveSecret(seed, name);
    const publicKey = Buffer.from(wasm.getPublicKey(secret)).toString("hex");
    const key = { secret, publicKey };
    if (keys.size >= MOST_KEYS) keys.clear();
    keys.set(name, key);
    return key;
  };

  return {
    publicKey: (author) => findKey(author).publicKey,
    identify: ({ author, template }) => hashEvent(findKey(author).publicKey, template),
    sign({ author, template }) {
      const { kind, created_at, content } = template;
      const tags = template.tags.map((tag) => [...tag] as [string, ...string[]]);
      // The order of members is that of the pool's frames: `id` first.
      const event = { id: "", pubkey: "", created_at, kind, tags, content, sig: "" };
      wasm.finalizeEvent(event, findKey(author).secret, NO_ENTROPY);
      return event;
    },
  };
}

function deriveSecret(seed: string, name: string): Uint8Array {
  const digest = createHash("sha256").update(JSON.stringify(["k6-nostr/key@1", seed, name]));
  return new Uint8Array(digest.digest());
}
