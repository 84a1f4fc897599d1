/** `k6-nostr relay`: the embedded relay, or with `--sink` a target that only answers OK. */
import { ConfigError } from "../../errors.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { placeOf } from "../guard/own-address.ts";
import { obeyProfiler } from "../profile/node-process.ts";
import { startRelay } from "../relay/relay.ts";
import { startSink } from "../relay/sink.ts";
import { makeUpRows } from "../relay/sink-rows.ts";
import { catchInterrupts } from "../signals.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const FLAGS: readonly FlagRow[] = [
  { flag: "port", value: "PORT", default: "7777", help: "port on 127.0.0.1; 0 takes any free one" },
  {
    flag: "file",
    value: "FILE",
    default: "relay.sqlite",
    help: "SQLite file; :memory: keeps nothing",
  },
  { flag: "auth", help: "serve nobody who has not said who it is (AUTH, NIP-42)" },
  { flag: "sink", help: "answer OK at once, check and store nothing: the null target" },
  { flag: "rows", value: "N", default: "0", help: "rows that the sink answers a REQ with at most" },
  HELP_FLAG,
];

const USAGE = `k6-nostr relay [flags]

A small relay to try things out on: it verifies ids and signatures and stores in SQLite
(NIP-01, 09, 11, 40, 42, 45, 50, 67), on loopback only. With INTERNAL_NETWORK=1 in a container
whose network has no way out, as in docker-compose.yml, it listens on its address there.
It is no relay to serve people with.

${describeFlags(FLAGS)}`;

export async function relay(args: readonly string[]): Promise<number> {
  const { flags } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  obeyProfiler();
  const port = readPort(flags.port ?? "7777");
  const running = flags.sink
    ? await startSink({ port, rows: makeUpRows(readRows(flags.rows ?? "0")) })
    : await startRelay({
        port,
        file: flags.file ?? "relay.sqlite",
        authRequired: flags.auth !== undefined,
        ...placeOf(process.env),
      });
  process.stdout.write(`listening on ${running.url} (pid ${process.pid}), Ctrl-C stops it\n`);
  const { signal } = catchInterrupts();
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve());
  });
  if ("stored" in running) process.stdout.write(`stored ${running.stored()} events\n`);
  await running.close();
  return EXIT.ok;
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new ConfigError(`--port must be a whole number from 0 to 65535, got \`${text}\``);
}

function readRows(text: string): number {
  const rows = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (rows <= 10_000) return rows;
  throw new ConfigError(`--rows must be a whole number from 0 to 10000, got \`${text}\``);
}
