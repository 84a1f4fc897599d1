/**
 * Secret keys that were pasted into an option by mistake: refused before anything reads them, and
 * never repeated. The kit makes its own keys and has no use for anybody's.
 */
import { ConfigError } from "../errors.ts";

const ENCODED = /(?:nsec|ncryptsec)1/i;
const HEX = /[0-9a-f]{64}/i;
const ONLY_HEX = /^\s*[0-9a-f]{64}\s*$/i;

/**
 * Whether a text holds what may be a secret key: `nsec1…`, `ncryptsec1…` (NIP-19, NIP-49) or 64 hex
 * digits. In paths (`isPath`) such digits are common, as in volumes of Docker: there only a text that is
 * nothing else counts.
 */
export function mayHoldKey(text: string, isPath = false): boolean {
  return ENCODED.test(text) || (isPath ? ONLY_HEX : HEX).test(text);
}

/** Throws `ConfigError` that names the option and not its value. */
export function refuseKey(text: string, label: string, isPath = false): void {
  if (!mayHoldKey(text, isPath)) return;
  throw new ConfigError(
    `${label} looks like a secret key; it is not shown, and not used\n` +
      "The kit signs with keys of its own. If the key is in use, it has been in your shell's history.",
  );
}
