/**
 * A thread that does nothing but sign, of those that `signing.ts` starts together: from a moment until another, Unix ms.
 * Its output is how many it signed.
 */
import { openKeyring } from "../../src/node/pool/keyring.ts";
import { signOne } from "./signing.ts";

const [fromMs = 0, toMs = 0] = process.argv.slice(2).map(Number);
const keyring = await openKeyring("bench");
// Warm before it counts.
while (Date.now() < fromMs) signOne(keyring, 0);
let signed = 0;
while (Date.now() < toMs) signOne(keyring, signed++);
console.log(signed);
