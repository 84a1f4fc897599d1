/**
 * A pool of `playback` events: how fast it is signed, how much of that is building, and the memory of
 * its maker, which must not follow the number of events. The maker is a process of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Keys } from "../../src/events/event-type.ts";
import { parseMix } from "../../src/events/mix.ts";
import { openKeyring } from "../../src/node/pool/keyring.ts";
import { signChunk } from "../../src/node/pool/sign-chunk.ts";
import { cutChunks, DEFAULT_EPOCH, planPool, scopeOf } from "../../src/pool/plan.ts";
import { atLeast, atMost, notes } from "./goal.ts";
import type { Rig } from "./k6-run.ts";
import type { Print } from "./row.ts";

const EVENTS = 100_000;
/** Of the two whose makers' memory is compared. */
const FEW_EVENTS = 50_000;
const MANY_EVENTS = 200_000;
const EVENTS_ALONE = 10_000;
const LOOK_EVERY_MS = 50;
const command = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));

/** How fast, beside one thread that only signs, and what of that is building. */
export async function benchPools({ dir }: Pick<Rig, "dir">, row: Print): Promise<void> {
  const before = await signAlone();
  const small = await runMaker(dir, EVENTS);
  const after = await signAlone();
  const perSecond = (before.perSecond + after.perSecond) / 2;
  const building = (before.buildingShare + after.buildingShare) / 2;
  const keys = (before.keysShare + after.keysShare) / 2;
  const share = small.events / small.seconds / (availableParallelism() * perSecond);
  row("playback pool, one thread that only signs", `${perSecond.toFixed(0)} events/s`);
  row(
    `playback pool of ${small.events}, with start`,
    `${(small.events / small.seconds).toFixed(0)} events/s`,
    notes(`${share.toFixed(2)} of cores × one thread`, atLeast(share, 0.9)),
  );
  row(
    "playback pool, building",
    `${(building * 100).toFixed(1)} % of the time`,
    notes(
      `serialising included`,
      atMost(building * 100, 10, "%"),
      `deriving keys takes ${(keys * 100).toFixed(1)} % more, in the signer's WASM`,
    ),
  );
}

/** The maker's memory must not follow the number of events. */
export async function benchPoolMemory({ dir }: Pick<Rig, "dir">, row: Print): Promise<void> {
  const few = await runMaker(dir, FEW_EVENTS);
  const many = await runMaker(dir, MANY_EVENTS);
  row(
    `playback pool, memory for ${MANY_EVENTS} events`,
    `${(many.rssBytes / 1e6).toFixed(0)} MB`,
    notes(
      `${(many.rssBytes / few.rssBytes).toFixed(2)} × that for ${FEW_EVENTS}`,
      atMost(many.rssBytes / few.rssBytes, 1.1),
    ),
  );
}

/** One thread, the pool's own chunks: what goes by in signing, in deriving keys, and beside them. */
async function signAlone() {
  const plan = planPool({
    seed: "bench",
    mix: parseMix("playback"),
    events: EVENTS_ALONE,
    epoch: DEFAULT_EPOCH,
  });
  const scope = scopeOf(plan);
  const keyring = await openKeyring(scope.seed);
  let signingMs = 0;
  let keysMs = 0;
  let signed = 0;
  const timed: Keys = {
    ...keyring,
    publicKey(author) {
      const startMs = performance.now();
      const key = keyring.publicKey(author);
      keysMs += performance.now() - startMs;
      return key;
    },
    sign(template) {
      const startMs = performance.now();
      const event = keyring.sign(template);
      signingMs += performance.now() - startMs;
      signed++;
      return event;
    },
  };
  const startMs = performance.now();
  for (const chunk of cutChunks(plan, 128)) signChunk(chunk, scope, timed);
  const wholeMs = performance.now() - startMs;
  return {
    perSecond: (signed * 1_000) / signingMs,
    buildingShare: (wholeMs - signingMs - keysMs) / wholeMs,
    keysShare: keysMs / wholeMs,
  };
}

async function runMaker(dir: string, events: number) {
  const pools = join(dir, `pools-${events}`);
  const args = [command, "pool", "--mix", "playback", "--seed", "bench", "--dir", pools];
  const startMs = performance.now();
  const child = spawn(process.execPath, [...args, "--events", String(events)], { stdio: "ignore" });
  let peakKb = 0;
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peakKb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? peakKb);
  }, LOOK_EVERY_MS);
  const [code] = await once(child, "close");
  clearInterval(timer);
  const seconds = (performance.now() - startMs) / 1_000;
  await rm(pools, { recursive: true, force: true });
  if (code !== 0) throw new Error(`\`k6-nostr pool\` ended with code ${code}`);
  return { events, seconds, rssBytes: peakKb * 1_024 };
}
