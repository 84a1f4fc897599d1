/** The limit of k6 itself, as rows of the bench: what our figures are shares of. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { bundleScripts } from "../../build/bundle.ts";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import { meterOf, type Rig } from "./k6-run.ts";

export const BARE = ["publish", "read", "connect", "hold", "deliver"] as const;
export type Bare = (typeof BARE)[number];

export interface BareFigures {
  readonly perSecond: number;
  /** Cores in use towards the end, where its start is over. */
  readonly coreShare: number;
}

const SECONDS = 5;

/** Bundles the bare scripts beside the rig's own. */
export async function bundleBare(dir: string): Promise<void> {
  await bundleScripts(
    BARE.map((name) => `test/bench/bare/${name}.ts`),
    join(dir, "bare"),
  );
}

/** Runs one of them, those with a rate for five seconds; `environment` as it says at its head. */
export async function runBare(
  rig: Rig,
  script: Bare,
  environment: Readonly<Record<string, string>>,
  onStart: (pid: number) => void = () => {},
): Promise<BareFigures> {
  const child = spawn(rig.k6, ["run", "--quiet", join(rig.dir, "bare", `${script}.js`)], {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      K6_NO_USAGE_REPORT: "true",
      K6_AUTO_EXTENSION_RESOLUTION: "false",
      URL: rig.url,
      ...(rig.pool === null ? {} : { POOL: rig.pool }),
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
  const meter = meterOf(child.pid ?? 0);
  onStart(child.pid ?? 0);
  await once(child, "close");
  const { coreShare } = meter.stop();
  const { done } = JSON.parse(text.trim().split("\n").at(-1) ?? "{}") as { done: number };
  return { perSecond: done / SECONDS, coreShare };
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
