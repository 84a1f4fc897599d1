/** The relay of `k6-nostr relay`, held to the same as those of others. */
import { join } from "node:path";
import { countByCount } from "../counts.ts";
import type { RealRelay } from "../relay.ts";
import { ROOT } from "../root.ts";

export const embedded: RealRelay = {
  name: "embedded",
  obtain: async () => join(ROOT, "bin/k6-nostr.mjs"),
  command: async ({ program, dir, port }) => ({
    program: process.execPath,
    args: [program, "relay", "--port", String(port), "--file", join(dir, "relay.sqlite")],
  }),
  count: async ({ port }) => await countByCount(port),
  easyEps: 100,
};
