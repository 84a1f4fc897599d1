/** rnostr 0.4.8: the relay of `deploy/relays/rnostr`, of its crates without full-text search. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { countByCount } from "../counts.ts";
import type { RealRelay } from "../relay.ts";
import { ROOT } from "../root.ts";
import { cargoBuild } from "./cargo.ts";

const SOURCE = join(ROOT, "deploy/relays/rnostr");
const LIMIT = `
[rate_limiter]
enabled = true
[[rate_limiter.event]]
name = "all"
description = "five a second"
period = "1s"
limit = 5
`;

export const rnostr: RealRelay = {
  name: "rnostr",
  obtain: async () => await cargoBuild("rnostr", SOURCE),
  command: async ({ program, dir, port, isLimited }) => {
    const shipped = await readFile(join(SOURCE, "rnostr.toml"), "utf8");
    const own = shipped
      .replace('path = "/data"', `path = ${JSON.stringify(join(dir, "data"))}`)
      .replace('host = "0.0.0.0"', 'host = "127.0.0.1"')
      .replace("port = 8080", `port = ${port}`);
    const file = join(dir, "rnostr.toml");
    await writeFile(file, isLimited ? `${own}${LIMIT}` : own);
    return { program, args: [file] };
  },
  count: async ({ port }) => await countByCount(port),
  easyEps: 100,
  limit: { what: "five events a second an address", findings: ["rate-limited"] },
};
