/** nostr-rs-relay 0.8.12, the newest on crates.io, with the configuration of `deploy/relays/nostr-rs-relay`. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { countSql } from "../counts.ts";
import type { RealRelay } from "../relay.ts";
import { ROOT } from "../root.ts";
import { must } from "../shell.ts";
import { cargoBuild } from "./cargo.ts";

export const nostrRsRelay: RealRelay = {
  name: "nostr-rs-relay",
  obtain: async () => {
    // Its build script calls it.
    await must("protoc", ["--version"]);
    return await cargoBuild("nostr-rs-relay", join(ROOT, "test/real/nostr-rs-relay"));
  },
  command: async ({ program, dir, port, isLimited }) => {
    const shipped = await readFile(join(ROOT, "deploy/relays/nostr-rs-relay/config.toml"), "utf8");
    const own = shipped
      .replace('address = "0.0.0.0"', 'address = "127.0.0.1"')
      .replace("port = 8080", `port = ${port}`)
      .replace("messages_per_sec = 0", `messages_per_sec = ${isLimited ? 5 : 0}`);
    const file = join(dir, "config.toml");
    await writeFile(file, own);
    return { program, args: [dir, file] };
  },
  count: async ({ dir }) =>
    await countSql(
      join(dir, "nostr.db"),
      "SELECT kind, count(*) FROM event WHERE hidden = 0 GROUP BY kind",
    ),
  easyEps: 100,
  metricsPath: "/metrics",
  // As 0.8.12 does, later versions accept them.
  ephemeral: "unanswered",
  overloadEps: 2_000,
  // It sleeps before it takes the next: nothing is refused, everything is late.
  limit: {
    what: "five messages a second, 300 of them at once",
    findings: ["throttled"],
    flags: { duration: "16", rate: "60" },
  },
};
