/** strfry, where a binary is there: no registry has it, so that nothing here builds it. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { isThere } from "../cache.ts";
import type { RealRelay } from "../relay.ts";
import { ROOT } from "../root.ts";
import { must, NotHad } from "../shell.ts";

const CONFIGURATION = "strfry.conf";

export const strfry: RealRelay = {
  name: "strfry",
  obtain: async () => {
    const { STRFRY_BIN, PATH = "" } = process.env;
    const places = STRFRY_BIN
      ? [STRFRY_BIN]
      : PATH.split(delimiter).map((dir) => join(dir, "strfry"));
    for (const place of places) if (await isThere(place)) return place;
    throw new NotHad("no registry has it: name a binary with STRFRY_BIN=PATH, or put one on PATH");
  },
  command: async ({ program, dir, port, isLimited }) => {
    const shipped = await readFile(join(ROOT, "deploy/relays/strfry/strfry.conf"), "utf8");
    const own = shipped
      .replace('db = "/app/strfry-db/"', 'db = "./strfry-db/"')
      .replace('bind = "0.0.0.0"', 'bind = "127.0.0.1"')
      .replace("port = 7777", `port = ${port}`)
      .replace("maxEventSize = 262144", `maxEventSize = ${isLimited ? 1_500 : 262_144}`);
    await mkdir(join(dir, "strfry-db"), { recursive: true });
    await writeFile(join(dir, CONFIGURATION), own);
    return { program, args: [`--config=${CONFIGURATION}`, "relay"] };
  },
  count: async ({ program, dir }) => {
    const text = await must(program, [`--config=${CONFIGURATION}`, "scan", "{}"], { cwd: dir });
    const counts = new Map<number, number>();
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const { kind } = JSON.parse(line) as { kind: number };
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return counts;
  },
  easyEps: 100,
  limit: { what: "events to 1,500 bytes", findings: ["too-large"] },
};
