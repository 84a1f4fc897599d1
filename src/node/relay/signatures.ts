import { initNostrWasm } from "nostr-wasm";
import type { NostrEvent } from "../../nostr/wire.ts";

/** Says what is wrong with an event's id or signature, as the text of an OK; undefined if nothing. */
export type VerifyEvent = (event: NostrEvent) => string | undefined;

/**
 * Loads libsecp256k1 (WebAssembly) once per relay. A check takes about 240 µs, which is what bounds
 * this relay: nostr-tools' own wrapper around the same code is not used because it drops the reason.
 */
export async function loadVerifier(): Promise<VerifyEvent> {
  const wasm = await initNostrWasm();
  return (event) => {
    try {
      wasm.verifyEvent({ ...event, tags: event.tags.map((tag) => [...tag]) });
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // The WebAssembly memory is fixed: an event of about 1 MB does not fit, and says so.
      return reason.endsWith("is invalid") ? `invalid: ${reason}` : `error: ${reason}`;
    }
  };
}
