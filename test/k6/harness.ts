/**
 * Runs the CLI as a person would, under the real k6, against a faulty relay, and holds the report it
 * writes against the relay's ledger. The pool is made once for all.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after } from "node:test";
import { parseMix } from "../../src/events/mix.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import type { ScenarioName } from "../../src/plan/scenarios.ts";
import type { Report } from "../../src/report/types.ts";
import { PROGRAM } from "../cli/program.ts";
import { assertCounts, type Beside } from "../faulty-relay/hold.ts";
import { type Behaviour, type FaultyRelay, startFaultyRelay } from "../faulty-relay/relay.ts";
import { keepPool } from "../kept-pool.ts";
import type { Ended } from "./cli.ts";
import { assertEnded } from "./held-up.ts";

const MIX = "view:0.5,video:0.5";
const POOL_EVENTS = 1_200;
/** The longest a run may take; none is meant to come near it. */
const LIMIT_MS = 60_000;

export interface RunResult extends Ended {
  readonly report: Report;
}

/** `true`: a switch. */
export type Flags = Readonly<Record<string, string | number | true>>;

interface Workshop {
  readonly dir: string;
  readonly pool: string;
  readonly path: string;
}

let workshop: Promise<Workshop> | undefined;
/** Runs write the same bundle: the next starts when the k6 of the one before has read it. */
let gate: Promise<unknown> = Promise.resolve();

after(async () => {
  if (workshop) await rm((await workshop).dir, { recursive: true, force: true });
});

async function openWorkshop(): Promise<Workshop> {
  const k6 = await ensureK6({ env: process.env, onNote: () => {} });
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-truth-"));
  const mix = parseMix(MIX);
  const pool = await keepPool({ seed: "truth", mix, events: POOL_EVENTS, epoch: 1_767_225_600 });
  return { dir, pool, path: `${dirname(k6.path)}${delimiter}${process.env.PATH ?? ""}` };
}

/** Starts a relay, runs `use` with it, and stops it whatever happened. */
export async function withRelay<T>(
  behaviour: Behaviour,
  use: (relay: FaultyRelay) => Promise<T>,
): Promise<T> {
  const relay = await startFaultyRelay(behaviour);
  try {
    return await use(relay);
  } finally {
    await relay.stop();
  }
}

/** `run publish` with 4 clients, 50 events/s for 1 s, unless the flags say otherwise. */
export async function publish(relay: Loaded, flags: Flags = {}): Promise<RunResult> {
  workshop ??= openWorkshop();
  const { pool } = await workshop;
  return await run("publish", relay, { clients: 4, duration: 1, rate: 50, pool, ...flags });
}

/** `run connect` with these flags. */
export async function connect(relay: Loaded, flags: Flags): Promise<RunResult> {
  return await run("connect", relay, flags);
}

type Loaded = Pick<FaultyRelay, "url" | "firstTaken">;

async function run(scenario: ScenarioName, relay: Loaded, flags: Flags): Promise<RunResult> {
  workshop ??= openWorkshop();
  const { dir, path } = await workshop;
  const reportDir = await mkdtemp(join(dir, "report-"));
  const all: Flags = {
    relay: relay.url,
    "ack-timeout": 500,
    seed: "truth",
    "report-dir": reportDir,
    ...flags,
  };
  const args = Object.entries(all).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  const turn = gate;
  let release: () => void = () => {};
  gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  await turn;
  const running = runCli(["run", scenario, "--force", "--no-calibrate", ...args], path);
  void relay.firstTaken.then(release);
  const ended = await running.finally(release);
  const { exitCode, stdout, stderr } = ended;
  const name = (await readdir(reportDir)).find((file) => /^load-report-.*\.json$/.test(file));
  assert.ok(name, `no report; exit code ${exitCode}\n${stdout}\n${stderr}`);
  const report = JSON.parse(await readFile(join(reportDir, name), "utf8")) as Report;
  return { ...ended, report };
}

function runCli(args: readonly string[], path: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { HOME, TMPDIR } = process.env;
    const kept = { ...(HOME ? { HOME } : {}), ...(TMPDIR ? { TMPDIR } : {}) };
    const env = { ...kept, PATH: path };
    const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    // SIGTERM has the CLI stop its k6 in order; alone it would be left behind.
    const limit = setTimeout(() => {
      child.kill("SIGTERM");
      reject(new Error(`the run did not end in ${LIMIT_MS} ms\n${stdout}\n${stderr}`));
    }, LIMIT_MS);
    child.on("error", reject);
    child.on("close", (exitCode) => {
      clearTimeout(limit);
      resolve({ exitCode, stdout, stderr });
    });
  });
}

export interface Expected extends Beside {
  readonly exitCode: number;
  /** Why the run was stopped, where it did not end by itself. */
  readonly stopReason?: RegExp;
}

/** Holds a run and its report against the ledger, to the event. */
export function assertTrue(run: RunResult, { ledger }: FaultyRelay, expected: Expected): void {
  const { stopReason = /^null$/ } = expected;
  assert.match(String(run.report.run.stopReason), stopReason);
  assert.equal(run.report.run.complete, true);
  assertEnded(run, run.report, expected.exitCode);
  assertCounts(run.report, ledger, expected);
}
