/**
 * Runs the `run:` steps of load-test.yml here, one by one and twice over, as a runner would, on a
 * smaller scale: the second time there is a baseline. What needs GitHub (`uses:`) is left out.
 *
 *     node --import tsx test/workflow-steps.ts [PORT]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

interface Step {
  readonly name?: string;
  readonly run?: string;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const file = join(root, ".github/workflows/load-test.yml");
const { jobs } = parse(await readFile(file, "utf8")) as {
  readonly jobs: { readonly load: { readonly steps: readonly Step[] } };
};
const dir = await mkdtemp(join(tmpdir(), "k6-nostr-workflow-"));
const environment = {
  ...process.env,
  RELAY_URL: `ws://127.0.0.1:${process.argv[2] ?? "7791"}`,
  START_RELAY: `exec npx k6-nostr relay --file :memory: --port ${process.argv[2] ?? "7791"}`,
  RATE_EPS: "100",
  CLIENTS: "10",
  DURATION_SEC: "2",
  REPEAT: "2",
  REPORT_DIR: join(dir, "reports"),
  BASELINE_DIR: join(dir, "reports", "baseline"),
  GITHUB_STEP_SUMMARY: join(dir, "summary.md"),
};
let failed = false;
try {
  for (const round of [1, 2]) {
    for (const { name = "", run } of jobs.load.steps) {
      // `npm ci` would take the modules away that this script runs on.
      if (run === undefined || name === "Install" || (failed && name !== "Stop the relay"))
        continue;
      const code = await runStep(run);
      console.log(`round ${round}, ${name}: ${code === 0 ? "passed" : `failed with ${code}`}`);
      failed ||= code !== 0;
    }
  }
  const summary = await readFile(environment.GITHUB_STEP_SUMMARY, "utf8");
  const comparison = summary.includes("compared with");
  console.log(
    `summary: ${summary.length} characters, ${comparison ? "with" : "without"} comparison`,
  );
  failed ||= !comparison;
} finally {
  await rm(dir, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

/** As a runner does it: `bash -eo pipefail`. */
async function runStep(script: string): Promise<number> {
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
    cwd: root,
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
