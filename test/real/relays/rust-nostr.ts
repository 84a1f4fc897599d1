/** The relay of rust-nostr's `nostr-relay-builder` 0.44.1 over LMDB, of a main of ours. */
import { join } from "node:path";
import { countByRequest } from "../counts.ts";
import type { RealRelay } from "../relay.ts";
import { ROOT } from "../root.ts";
import { cargoBuild } from "./cargo.ts";

export const rustNostr: RealRelay = {
  name: "rust-nostr",
  obtain: async () => await cargoBuild("rust-nostr", join(ROOT, "test/real/rust-nostr")),
  command: async ({ program, dir, port, isLimited }) => ({
    program,
    args: [String(port), join(dir, "lmdb"), isLimited ? "60" : "10000000"],
  }),
  count: async ({ port }) => await countByRequest(port),
  easyEps: 50,
  limit: { what: "sixty events a minute a connection", findings: ["rate-limited"] },
};
