import type { Shape } from "../shape.ts";

/** One addressable event, by kind, author and `#d` (NIP-01, NIP-19 `naddr`). */
export const address: Shape = {
  name: "address",
  verb: "REQ",
  ask(keys) {
    const wanted = keys.pick(keys.addresses);
    if (wanted === undefined) return null;
    const [kind = "", author = "", ...d] = wanted.split(":");
    return [{ kinds: [Number(kind)], authors: [author], "#d": [d.join(":")], limit: 1 }];
  },
};
