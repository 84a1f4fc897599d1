/** The limit of k6 itself, as rows of the bench: what our figures are shares of. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { bundleScripts } from "../../build/bundle.ts";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import { type Rig, readUsage } from "./k6-run.ts";

export const BARE = ["publish", "read", "connect"] as const;
export type Bare = (typeof BARE)[number];

export interface BareFigures {
  readonly perSecond: number;
  /** CPU of the whole k6 process, starting and reading the pool included. */
  readonly cpuMicros: number;
}

const SECONDS = 5;
/** k6's last quarter of a second, behind the run, is not counted. */
const LOOK_EVERY_MS = 250;

/** Bundles the bare scripts beside the rig's own. */
export async function bundleBare(dir: string): Promise<void> {
  await bundleScripts(
    BARE.map((name) => `test/bench/bare/${name}.ts`),
    join(dir, "bare"),
  );
}

/** Runs one of them for five seconds; `environment` as it says at its head. */
export async function runBare(
  rig: Rig,
  script: Bare,
  environment: Readonly<Record<string, string>>,
): Promise<BareFigures> {
  const child = spawn(rig.k6, ["run", "--quiet", join(rig.dir, "bare", `${script}.js`)], {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      K6_NO_USAGE_REPORT: "true",
      K6_AUTO_EXTENSION_RESOLUTION: "false",
      URL: rig.url,
      POOL: rig.pool,
      SECONDS: String(SECONDS),
      ...environment,
    },
    stdio: ["ignore", "pipe", "inherit"],
    cwd: rig.dir,
  });
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
  });
  let cpuSec = 0;
  const timer = setInterval(() => {
    const usage = readUsage(child.pid ?? 0);
    if (usage !== null) ({ cpuSec } = usage);
  }, LOOK_EVERY_MS);
  await once(child, "close");
  clearInterval(timer);
  const { done } = JSON.parse(text.trim().split("\n").at(-1) ?? "{}") as { done: number };
  return { perSecond: done / SECONDS, cpuMicros: (cpuSec / done) * 1e6 };
}

/** A sink that answers REQs with rows, for as long as `work` takes. */
export async function withRows<T>(rig: Rig, work: (rig: Rig) => Promise<T>): Promise<T> {
  const sink = await startRelayProcess(["--sink", "--rows", "500"]);
  try {
    return await work({ ...rig, url: sink.url });
  } finally {
    await sink.stop();
  }
}
