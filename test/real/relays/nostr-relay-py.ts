/** nostr-relay 1.14 from PyPI, in Python over SQLite. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { kept } from "../cache.ts";
import { countSql } from "../counts.ts";
import type { RealRelay } from "../relay.ts";
import { must } from "../shell.ts";

const VERSION = "1.14";

export const nostrRelayPy: RealRelay = {
  name: "nostr-relay-py",
  obtain: async () =>
    await kept({
      name: "nostr-relay-py",
      of: [VERSION],
      program: "packages/nostr_relay/__init__.py",
      make: async (dir) => {
        const target = ["--target", join(dir, "packages")];
        const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
        await must("python3", [...pip, ...target, `nostr-relay==${VERSION}`], { limitMs: 600_000 });
      },
    }),
  command: async ({ program, dir, port, isLimited }) => {
    const database = join(dir, "nostr.sqlite3");
    const lines = [
      "DEBUG: false",
      "relay_name: nostr-relay under load test",
      "storage:",
      `  sqlalchemy.url: sqlite+aiosqlite:///${database}`,
      "  num_concurrent_reqs: 10",
      "  num_concurrent_adds: 2",
      "  validators:",
      "    - nostr_relay.validators.is_not_too_large",
      "    - nostr_relay.validators.is_signed",
      "    - nostr_relay.validators.is_recent",
      "gunicorn:",
      `  bind: 127.0.0.1:${port}`,
      "  workers: 1",
      "  loglevel: warning",
      "authentication:",
      "  enabled: false",
      "message_timeout: 1800",
      "subscription_limit: 32",
      "max_limit: 6000",
      // Of a content's characters, 4,096 by default.
      `max_event_size: ${isLimited ? 500 : 262_144}`,
      `oldest_event: ${946_080_000}`,
    ];
    const file = join(dir, "config.yaml");
    await writeFile(file, `${lines.join("\n")}\n`);
    const run = "from nostr_relay.cli import main; main()";
    return {
      program: "python3",
      args: ["-c", run, "-c", file, "serve"],
      env: { PYTHONPATH: dirname(dirname(program)) },
    };
  },
  count: async ({ dir }) =>
    await countSql(join(dir, "nostr.sqlite3"), "SELECT kind, count(*) FROM events GROUP BY kind"),
  wrongShapes: {
    author: "`until` is taken as exclusive",
    home: "an answer ends at 500 rows over all of its filters",
  },
  easyEps: 15,
  overloadEps: 1_500,
  // It refuses with an OK whose id is empty, and sleeps for longer each time.
  limit: { what: "contents to 500 characters", findings: ["refused-without-id"] },
};
