/** What one real relay shows us and nostr-bench, in turn, each with the relay's database new and all on one machine. */
import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publishOf } from "../../src/report/class-report.ts";
import { withReal } from "../real/relay.ts";
import { khatru } from "../real/relays/khatru.ts";
import { NotHad } from "../real/shell.ts";
import { atLeast, notes } from "./goal.ts";
import { type K6Load, median, type Rig, runK6 } from "./k6-run.ts";
import { obtainNostrBench, runNostrBench } from "./nostr-bench.ts";
import type { Print } from "./row.ts";

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
/** More than it takes, with as many on their way as nostr-bench has connections. */
const LOAD: K6Load = { clients: 100, rate: 8_000, seconds: 7, maxInFlight: 1 };
const EVENTS = 60_000;

export async function benchReal(rig: Rig, repetitions: number, print: Print): Promise<void> {
  const nostrBench = await obtainNostrBench();
  const program = await khatru.obtain().catch((cause: unknown) => {
    if (cause instanceof NotHad) return null;
    throw cause;
  });
  if (program === null || !("path" in nostrBench)) {
    const missing = program === null ? "khatru is not there" : "nostr-bench is not there";
    print("khatru on these cores", "not measured", missing);
    return;
  }
  const pool = await signPool(join(rig.dir, "signed"));
  const ours: number[] = [];
  const crate: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    await withReal(khatru, program, { isLimited: false, wantsAuth: false }, async ({ url }) => {
      crate.push(await runNostrBench(nostrBench.path, ["event"], url, LOAD.clients));
    });
    await withReal(khatru, program, { isLimited: false, wantsAuth: false }, async ({ url }) => {
      ours.push(publishOf((await runK6({ ...rig, pool, url }, LOAD)).report).rate.done);
    });
  }
  const share = median(ours) / median(crate);
  print("khatru on these cores, nostr-bench", `${median(crate).toFixed(0)} events/s`);
  print(
    "khatru on these cores, ours",
    `${median(ours).toFixed(0)} events/s`,
    notes(`${share.toFixed(2)} of nostr-bench`, atLeast(share, 1)),
  );
}

/** Really signed: this relay looks. */
async function signPool(dir: string): Promise<string> {
  const args = [CLI, "pool", "--events", String(EVENTS), "--seed", "bench", "--dir", dir];
  const { status, stderr } = spawnSync(process.execPath, [...args, "--mix", "note:1"], {
    encoding: "utf8",
  });
  const names = status === 0 ? await readdir(dir) : [];
  const name = names.find((one) => !one.startsWith("."));
  if (name === undefined) throw new Error(`no pool: ${stderr}`);
  return join(dir, name);
}
