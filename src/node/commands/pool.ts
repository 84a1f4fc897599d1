/** `k6-nostr pool`: makes a pool of signed events beforehand. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { ConfigError } from "../../errors.ts";
import { parseMix } from "../../events/mix.ts";
import { DEFAULT_EPOCH } from "../../pool/plan.ts";
import { shellQuote } from "../../report/command.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { didYouMean } from "../nearest.ts";
import { loadBuilders } from "../pool/builders.ts";
import { ensurePool } from "../pool/cache.ts";
import { inspectPool } from "../pool/inspect.ts";
import type { Progress } from "../pool/progress.ts";
import { readPool } from "../pool/read.ts";
import { replayFile } from "../pool/replay.ts";
import { servePool } from "../pool/serve.ts";
import { namePool } from "../pool/shelf.ts";
import { verifyPool } from "../pool/verify.ts";
import {
  describeProgress,
  describeReplayed,
  describeResume,
  describeVerifying,
  GOES_ON,
  POOLS_DIR,
} from "../run/pool.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal, type Terminal } from "../terminal.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const MOST_EVENTS = 20_000_000;
const FLAGS: readonly FlagRow[] = [
  {
    flag: "events",
    value: "N|FILE",
    default: "10000",
    help: "how many, the last set is completed; or a file of signed events to replay",
  },
  { flag: "builders", value: "FILE", help: "event builders of your own: docs/builders.md" },
  {
    flag: "mix",
    value: "MIX",
    default: "view:0.9,video:0.1",
    help: "types and weights, or a preset",
  },
  { flag: "seed", value: "SEED", help: "same seed, same event ids (default: random, printed)" },
  {
    flag: "epoch",
    value: "now|SEC",
    default: String(DEFAULT_EPOCH),
    help: "created_at of the first event; `now`: all lie within the last minute",
  },
  { flag: "dir", value: "DIR", default: POOLS_DIR, help: "folder that holds pools" },
  { flag: "strict", help: "refuse a FILE at its first event that can't be replayed" },
  { flag: "force", help: "make it again even if it is there, of any size" },
  HELP_FLAG,
];

const USAGE = `k6-nostr pool [flags]
k6-nostr pool verify DIR    checks every event: id, signature, its type's schema
k6-nostr pool inspect DIR   shows what is in a pool: types, kinds, sizes
k6-nostr pool serve DIR     serves it on 127.0.0.1 to a k6 that is started by hand

Makes a pool of signed events, kept under its id. The keys are derived from the seed, live in
memory only, and sign nothing but test events.

created_at runs over one day from --epoch on. A run makes its pool with the default epoch, so that
ids stay the same; for a relay that refuses events as old as that, it makes one that begins at the
start of yesterday (UTC), or one of its own times (\`run --epoch now\`), and says so. A pool given with
--pool is sent as it is.

${describeFlags(FLAGS)}`;

type Action = (dir: string, terminal: Terminal, signal: AbortSignal) => Promise<void>;
const ACTIONS: Readonly<Record<string, Action | undefined>> = {
  verify: verifyIt,
  inspect: inspectIt,
  serve: serveIt,
};

export async function pool(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  const { signal } = interrupts;
  try {
    const [action, dir, ...rest] = words;
    if (action === undefined) return await makeIt(flags, terminal, signal);
    const does = ACTIONS[action];
    if (does === undefined || dir === undefined || rest.length > 0) {
      const actions = Object.keys(ACTIONS).map((name) => `\`pool ${name} DIR\``);
      const near = does === undefined ? didYouMean(action, Object.keys(ACTIONS)) : "";
      throw new ConfigError(`expected \`pool\`, ${actions.join(", ")}${near}`);
    }
    await does(dir, terminal, signal);
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.clear();
    terminal.note(
      `interrupted${words.length === 0 && !isFile(flags.events) ? `; ${GOES_ON}` : ""}`,
    );
    return EXIT.interrupted;
  } finally {
    interrupts.release();
  }
}

type Flags = Readonly<Record<string, string | undefined>>;

async function makeIt(flags: Flags, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const root = flags.dir ?? POOLS_DIR;
  const force = flags.force !== undefined;
  if (flags.events !== undefined && isFile(flags.events)) {
    refuseForFile(flags);
    const onProgress = (progress: Progress) => terminal.status(describeVerifying(progress));
    const strict = flags.strict !== undefined;
    const made = await replayFile({ file: flags.events, root, force, strict, signal, onProgress });
    await namePool(made.dir);
    terminal.clear();
    process.stdout.write(`${describeReplayed(made).join("\n")}\n`);
    return EXIT.ok;
  }
  const builders = flags.builders === undefined ? undefined : await loadBuilders(flags.builders);
  const made = await ensurePool({
    root,
    seed: readSeed(flags.seed ?? String(randomInt(2 ** 32))),
    mix: parseMix(flags.mix ?? "view:0.9,video:0.1", builders?.extra),
    events: readWhole(
      "events",
      flags.events ?? "10000",
      1,
      force ? Number.MAX_SAFE_INTEGER : MOST_EVENTS,
    ),
    ...readTimes(flags.epoch),
    ...builders,
    force,
    signal,
    onReading: (progress) => terminal.status(describeVerifying(progress)),
    onResume: (events) => terminal.note(describeResume(events)),
    onProgress: (progress) => terminal.status(describeProgress(progress)),
  });
  await namePool(made.dir);
  terminal.clear();
  const { manifest } = made;
  process.stdout.write(
    `${made.dir}: ${formatCount(manifest.events)} events, ${formatBytes(manifest.bytes)}, seed ${manifest.seed}, ${made.made ? "made" : "kept"}\n`,
  );
  return EXIT.ok;
}

async function verifyIt(dir: string, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { events, sets } = await verifyPool(dir, {
    signal,
    onReading: (progress) => terminal.status(describeVerifying(progress)),
    onProgress: (progress) => terminal.status(describeProgress(progress, "verifying")),
  });
  terminal.clear();
  process.stdout.write(
    `${dir}: ${formatCount(events)} events in ${formatCount(sets)} sets; every id, signature and schema is right\n`,
  );
}

async function inspectIt(dir: string, terminal: Terminal): Promise<void> {
  const onReading = (progress: Progress) => terminal.status(describeVerifying(progress));
  const description = await inspectPool(dir, onReading);
  terminal.clear();
  process.stdout.write(description);
}

async function serveIt(dir: string, terminal: Terminal, signal: AbortSignal): Promise<void> {
  await readPool(dir, (progress) => terminal.status(describeVerifying(progress)));
  terminal.clear();
  const served = await servePool(dir);
  process.stdout.write(`k6 run -e POOL=${shellQuote(dir)} -e POOL_URL=${served.url} …\n`);
  process.stdout.write("serving until Ctrl-C stops it\n");
  if (!signal.aborted) await once(signal, "abort");
  await served.close();
}

/** What determines events that are made has no say over events that are there. */
function refuseForFile(flags: Flags): void {
  const given = ["builders", "mix", "seed", "epoch"].filter((name) => flags[name] !== undefined);
  if (given.length === 0) return;
  throw new ConfigError(
    `--events names a file, whose events are taken as they are; leave out ${given.map((name) => `--${name}`).join(", ")}`,
  );
}

/** Anything but a number is a file. */
function isFile(events: string | undefined): boolean {
  return events !== undefined && !/^[+-]?[\d.]+$/.test(events);
}

/** Of `now`, a pool's events lie behind it: nobody knows when they are sent. */
function readTimes(text = String(DEFAULT_EPOCH)) {
  if (text !== "now") return { epoch: readWhole("epoch", text, 1, 4_102_444_800) };
  const spanSec = 60;
  return { epoch: Math.floor(Date.now() / 1_000) - spanSec, spanSec };
}

function readSeed(text: string): string {
  if (/^[A-Za-z0-9._-]{1,32}$/.test(text)) return text;
  throw new ConfigError("--seed must be 1 to 32 letters, digits, `.`, `_` or `-`");
}

function readWhole(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new ConfigError(
    `--${flag} must be a whole number from ${min} to ${max}, got \`${text.slice(0, 40)}\``,
  );
}
