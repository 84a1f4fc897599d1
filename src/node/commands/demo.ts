/** `k6-nostr demo`, what `npm start` runs: the embedded relay, loaded for twenty seconds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectOptions, OPTIONS } from "../../plan/options.ts";
import { EXIT } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { startRelayProcess } from "../relay/process.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";
import { runScenario } from "./run.ts";

/** About a third of what the embedded relay takes on two cores that it shares with k6. */
const DEMO: Readonly<Record<string, string>> = { clients: "100", rate: "400", duration: "20" };

export async function demo(args: readonly string[]): Promise<number> {
  const rows = [...Object.values(OPTIONS), HELP_FLAG];
  const { flags } = parseCommandLine(args, rows);
  if (flags.help) {
    process.stdout.write(`k6-nostr demo [flags of run]\n\n${describeFlags(rows)}`);
    return EXIT.ok;
  }
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-demo-"));
  const relay = await startRelayProcess(["--file", join(dir, "relay.sqlite")]);
  try {
    const own = {
      relay: relay.url,
      "relay-pid": String(relay.pid),
      audit: "1",
      // Its load is small and fixed: figures that are kept are used, none are measured.
      "no-calibrate": "1",
    };
    const given = { ...DEMO, ...flags, ...own };
    return await runScenario("publish", collectOptions(given, {}), { profiled: relay.profiler });
  } finally {
    await relay.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
