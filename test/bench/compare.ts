/**
 * Does `compare` see a relay that is 20 % slower, and nothing where there is nothing? Runs in turn, on
 * loopback, a relay, the same relay again and a slower one; each group of five repetitions is one
 * comparison of each; repetitions with an invalid run are left out and counted. The runs of a call add to those in the folder, so that short calls do.
 *
 *     node --import tsx test/bench/compare.ts DIR delay|cpu REPETITIONS
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadReport } from "../../src/node/load-report.ts";
import { orderOf } from "../../src/node/run/repeat.ts";
import { compareSets, DEFAULT_TOLERANCE } from "../../src/report/compare/compare.ts";
import type { RunSet } from "../../src/report/compare/types.ts";
import type { Report } from "../../src/report/types.ts";
import { accept } from "../faulty-relay/frames.ts";
import { FaultyRelay } from "../faulty-relay/relay.ts";

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
const GROUP = 5;
/** Waiting before each answer, or spinning on the relay's one thread: ms. The sockets add 0.2 ms. */
const COST = { delay: [5, 5, 6], cpu: [0.5, 0.5, 0.64] } as const;
const NAMES = ["base", "again", "slower"] as const;

const [folder = "", kind = "delay", repetitions = "0"] = process.argv.slice(2);
// The runs are made in it, and would take a relative path as one below it.
const dir = resolve(folder);
if (folder === "" || (kind !== "delay" && kind !== "cpu"))
  throw new Error("DIR delay|cpu REPETITIONS");

const relays = COST[kind].map(
  (ms) =>
    new FaultyRelay({
      answer: ({ event, receivedMs }) => {
        if (kind === "delay") return [accept(event.id, ms)];
        while (performance.now() - receivedMs < ms);
        return [accept(event.id)];
      },
    }),
);
await Promise.all(relays.map((relay) => relay.start()));
try {
  const done = (await runsOf("base")).length;
  for (let i = done + 1; i <= done + Number(repetitions); i++) {
    for (const place of orderOf(relays.length, i)) {
      await run(relays[place]?.url ?? "", join(dir, NAMES[place] ?? ""), `${kind}-${i}`);
    }
  }
} finally {
  await Promise.all(relays.map((relay) => relay.stop()));
}
const all = await Promise.all(NAMES.map(runsOf));
const isUsable = (report: Report | undefined) =>
  report?.run.complete && report.generator.verdict !== "invalid";
const usable = (all[0] ?? []).flatMap((_, i) =>
  all.every((runs) => isUsable(runs[i])) ? [i] : [],
);
console.log(`${kind}: ${usable.length} of ${all[0]?.length} repetitions have no invalid run`);
for (let from = 0; from + GROUP <= usable.length; from += GROUP) {
  const places = usable.slice(from, from + GROUP);
  const [base, again, slower] = all.map(
    (runs): RunSet => ({ label: "", reports: places.flatMap((i) => runs[i] ?? []) }),
  );
  if (!base || !again || !slower) break;
  const judge = (set: RunSet) => {
    const c = compareSets(base, set, { paired: true, tolerance: DEFAULT_TOLERANCE });
    const p50 = c.figures.find(({ name }) => name === "service p50");
    const worse = c.figures.filter(({ verdict }) => verdict === "worse").map(({ name }) => name);
    return `${c.verdict} (service p50 ${p50?.change?.toFixed(3)}; ${[...c.obstacles, ...worse].join(", ")})`;
  };
  console.log(`${kind} ${from / GROUP + 1}: again ${judge(again)} | slower ${judge(slower)}`);
}

async function run(url: string, reportDir: string, seed: string): Promise<void> {
  const flags = ["--clients", "20", "--rate", "400", "--duration", "2", "--warmup", "0.5"];
  const child = spawn(
    process.execPath,
    [CLI, "run", "publish", "--relay", url, "--seed", seed, "--report-dir", reportDir]
      .concat(flags)
      .concat("--no-calibrate", "--force"),
    { stdio: ["ignore", "ignore", "inherit"], cwd: dir },
  );
  await once(child, "exit");
}

async function runsOf(name: string): Promise<readonly Report[]> {
  const runs = join(dir, name, "runs");
  const ids = await readdir(runs).catch(() => []);
  return Promise.all(ids.sort().map((id) => loadReport(join(runs, id, "report.json"))));
}
