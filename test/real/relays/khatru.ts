/** khatru, which is a library: the relay of `deploy/relays/khatru`, by the Go module proxy. */
import { join } from "node:path";
import { kept, textsOf } from "../cache.ts";
import { countByCount } from "../counts.ts";
import type { RealRelay } from "../relay.ts";
import { ROOT } from "../root.ts";
import { must } from "../shell.ts";

const SOURCE = join(ROOT, "deploy/relays/khatru");

export const khatru: RealRelay = {
  name: "khatru",
  obtain: async () =>
    await kept({
      name: "khatru",
      of: await textsOf(SOURCE, ["main.go", "go.mod", "go.sum"]),
      program: "khatru",
      make: async (dir) => {
        await must("go", ["build", "-trimpath", "-o", join(dir, "khatru"), "."], {
          cwd: SOURCE,
          env: { CGO_ENABLED: "0" },
          limitMs: 900_000,
        });
      },
    }),
  command: async ({ program, dir, port, isLimited, wantsAuth }) => ({
    program,
    args: [
      ...["-db", join(dir, "badger"), "-listen", `127.0.0.1:${port}`],
      ...(isLimited ? ["-sane-defaults"] : []),
      ...(wantsAuth ? ["-auth"] : []),
    ],
  }),
  count: async ({ port }) => await countByCount(port),
  easyEps: 100,
  ephemeral: "unheard",
  canAuth: true,
  // Ten events at once of one address, then two in three minutes.
  limit: { what: "its sane defaults: few events an address", findings: ["rate-limited"] },
};
