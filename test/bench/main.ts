/**
 * `npm run bench`: speed and memory as figures and ratios of one run on one machine, medians of several
 * repetitions, the compared ones alternating, each goal with whether it is met. Figures of different machines or moments
 * do not compare.
 */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, constants, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { bundleScripts } from "../../build/bundle.ts";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { bundleBare } from "./bare.ts";
import { endDescendants } from "./descendants.ts";
import { chooseParts, PARTS } from "./parts.ts";
import { printRow } from "./row.ts";

const HELP = `npm run bench                       all of them: an hour, and 1.5 GB of disk
npm run bench -- --quick            each once, and not the soak
npm run bench -- --only lag,soak    some: each takes three minutes or less

${Object.entries(PARTS)
  .map(([name, { says }]) => `  ${name.padEnd(22)}${says}`)
  .join("\n")}
`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) {
    process.stdout.write(HELP);
    return;
  }
  const isQuick = args.includes("--quick");
  const repetitions = isQuick ? 1 : 5;
  const at = args.indexOf("--only");
  const parts = chooseParts(at === -1 ? [] : (args[at + 1] ?? "").split(","), isQuick);
  const [cpu] = cpus();
  console.log(
    `${availableParallelism()} × ${cpu?.model}, Node ${process.version}, medians of ${repetitions} or as said`,
  );
  const k6 = await ensureK6({ env: process.env, onNote: (line) => console.error(line) });
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-bench-"));
  leaveNothing(dir);
  const sink = await startRelayProcess(["--sink"]);
  try {
    await bundleScripts(
      ["publish", "query", "fanout", "connect"].map((s) => `k6/${s}.ts`),
      dir,
    );
    await bundleBare(dir);
    for (const { run } of parts) {
      await run({ dir, k6: k6.path, url: sink.url, pool: null }, repetitions, printRow);
    }
  } finally {
    await sink.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Whoever ends the bench on its way finds none of its processes and files. */
function leaveNothing(dir: string): void {
  // What parts and their children put into the system's folder goes with this one.
  process.env.TMPDIR = dir;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      endDescendants();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
      process.exit(128 + constants.signals[signal]);
    });
  }
}

await main(process.argv.slice(2));
