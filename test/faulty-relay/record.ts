/**
 * Records reports of real runs for the tests of findings: `record.ts [situation …]`, all without a
 * name. Each run loads relays in processes of their own, through the CLI and the real k6.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import type { ScenarioName } from "../../src/plan/scenarios.ts";
import type { Report } from "../../src/report/types.ts";
import { inPlace, type Place } from "../k6/cli.ts";
import type { Situation } from "./situation.ts";
import { SITUATIONS } from "./situations.ts";

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const OUT = fileURLToPath(new URL("../fixtures/reports/situations/", import.meta.url));

/** The longest takes two minutes. */
const LIMIT_MS = 170_000;

const EVERY = { seed: "situation", "ack-timeout": "1000", "report-dir": "reports" };
const COMMON = { ...EVERY, duration: "8" };
const FLAGS: Readonly<Record<ScenarioName, Readonly<Record<string, string>>>> = {
  publish: { ...COMMON, clients: "20", rate: "200" },
  playback: { ...COMMON, clients: "20", rate: "200" },
  fanout: {
    ...COMMON,
    subscribers: "40",
    publishers: "10",
    rate: "50",
    "delivery-timeout": "1000",
  },
  query: { ...COMMON, clients: "20", "query-rate": "25", corpus: "300" },
  connect: { ...EVERY, clients: "20", "connect-rate": "50", hold: "8" },
};

/** Relays of the project itself. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  "healthy-sink": ["--sink"],
  "healthy-embedded": ["--file", ":memory:"],
};

async function record(name: string): Promise<void> {
  const own = OWN[name];
  const situation = SITUATIONS[name];
  const report = await inPlace(async (place) => {
    if (own !== undefined) {
      const relay = await startRelayProcess(own);
      return await load(place, [relay.url], {}).finally(() => relay.stop());
    }
    if (situation === undefined) throw new Error(`no situation \`${name}\``);
    const children = situation.relays.map((_, i) => startRelay(name, i, situation.crowded));
    const crowd: ChildProcess[] = [];
    try {
      const urls = await Promise.all(children.map(urlOf));
      if (situation.crowded) crowd.push(...Array.from({ length: 6 }, () => starve()));
      if (situation.busy) crowd.push(...cpus().map((_, core) => starve(core)));
      return await load(place, urls, situation);
    } finally {
      for (const child of [...children, ...crowd]) child.kill();
    }
  }, LIMIT_MS);
  await mkdir(OUT, { recursive: true });
  // The system's release is of the machine that recorded, and nothing that a rule looks at.
  const host = { ...report.run.host, platform: "linux" };
  const kept: Report = { ...report, run: { ...report.run, host } };
  await writeFile(`${OUT}${name}.json`, `${JSON.stringify(kept)}\n`);
  const found = report.findings.map((f) => `${f.id} (${f.severity}, ${f.confidence}, ${f.cost})`);
  console.log(`${name}: ${report.generator.verdict}; ${found.join(", ") || "no finding"}`);
}

async function load(place: Place, urls: readonly string[], own: Partial<Situation>) {
  const { scenario = "publish" } = own;
  const flags = { ...FLAGS[scenario], relay: urls.join(","), ...own.flags };
  const args = Object.entries(flags).flatMap(([flag, value]) =>
    value === "" ? [`--${flag}`] : [`--${flag}`, value],
  );
  const run = ["run", scenario, "--force", "--no-calibrate", ...args];
  const core = own.starved ? "0" : "1";
  const pinned = ["-c", core, process.execPath, CLI, ...run];
  const running = own.starved || own.crowded ? place.start(pinned, "taskset") : place.start(run);
  const burners: ChildProcess[] = [];
  running.child.stderr?.on("data", (text) => {
    // The pool is there, and k6 is about to be started.
    const isReady = own.starved && burners.length === 0 && String(text).includes("companion");
    if (isReady) burners.push(...Array.from({ length: 8 }, () => starve()));
  });
  const ended = await running.ended;
  for (const burner of burners) burner.kill();
  const [report] = await place.reports().catch(() => []);
  if (!report) throw new Error(`no report:\n${ended.stdout}\n${ended.stderr}`);
  return report;
}

/** Takes a processor: the one that a starved generator, or a crowded relay, is bound to. */
function starve(core = 0): ChildProcess {
  const args = ["-c", String(core), process.execPath, "-e", "for (;;);"];
  // Each in a session of its own: the system shares a core among sessions, not processes.
  return spawn("taskset", args, { detached: true, stdio: "ignore" });
}

function startRelay(name: string, number: number, isCrowded = false): ChildProcess {
  const args = [process.execPath, "--import", "tsx", MAIN, name, String(number)];
  const [program = "", ...rest] = isCrowded ? ["taskset", "-c", "0", ...args] : args;
  return spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
}

async function urlOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the relay has no output");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return line.replace("listening on ", "");
}

const names = process.argv.slice(2);
const all = [...Object.keys(SITUATIONS), ...Object.keys(OWN)];
for (const name of names.length > 0 ? names : all) await record(name);
