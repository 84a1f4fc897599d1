/**
 * A scenario's bundle under Node: k6's modules are stubs, and time is virtual, so that what a run reports
 * can be held against what must come out to the microsecond, in a fraction of the time.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { bundleScripts } from "../../build/bundle.ts";
import { decodeSlice, type Slice } from "../../src/measure/slice.ts";
import { SCENARIO_NAMES, SCENARIOS } from "../../src/plan/scenarios.ts";
import { FRAMES_FILE, MANIFEST_FILE } from "../../src/pool/format.ts";
import { ROWS_FILE } from "../../src/query/rows-file.ts";
import type { Report } from "../../src/report/types.ts";
import { assertBalanced } from "../faulty-relay/hold.ts";
import { modulesOf, stubK6 } from "./stubs.ts";
import { type Conditions, type Relay, World } from "./world.ts";

interface Scenario {
  readonly options: {
    readonly scenarios: Readonly<Record<string, { readonly maxDuration: string }>>;
  };
  readonly setup: () => unknown;
  readonly default: (origin?: unknown) => Promise<void>;
  readonly handleSummary: (data: unknown) => Record<string, string>;
}

export interface Ran {
  readonly report: Report;
  readonly slices: readonly Slice[];
  readonly endedMs: number;
  /** How often values went to metrics of k6, by their names. */
  readonly fed: ReadonlyMap<string, number>;
  /** Connections tried, and those that opened. */
  readonly dialled: number;
  readonly opened: number;
}

/**
 * Runs a scenario on a pool with these variables, if it has one; gives the report that it would write, which
 * balances.
 */
export async function runScenario(
  pool: string | null,
  environment: Readonly<Record<string, string>>,
  relay: Relay,
  conditions: Conditions = {},
): Promise<Ran> {
  const { world, script } = await openWorld({ pool, environment, relay, conditions });
  await world.runUntil(script.default(), mostMsOf(script));
  const files = script.handleSummary(summaryOf(world));
  const report = JSON.parse(files["run/report.json"] ?? "null") as Report;
  assertBalanced(report);
  const slices = world.checks.flatMap((name) => decodeSlice(name) ?? []);
  const { nowMs: endedMs, fed, dialled, opened } = world;
  return { report, slices, endedMs, fed, dialled, opened };
}

/**
 * Runs a scenario by so many processes of a VU each, one after the other, each from the same time on; gives what all
 * said on their logs.
 */
export async function runInstances(
  instances: number,
  { environment, ...place }: Place,
): Promise<readonly string[]> {
  const said: string[] = [];
  for (let share = 0; share < instances; share++) {
    const own = { INSTANCES: String(instances), INSTANCE: String(share), CORES: "1" };
    const { world, script } = await openWorld({
      ...place,
      environment: { ...environment, ...own },
      share,
    });
    const origin = script.setup();
    await world.runUntil(script.default(origin), mostMsOf(script));
    script.handleSummary({ ...summaryOf(world), setup_data: origin });
    said.push(...world.said);
  }
  return said;
}

interface Place {
  readonly pool: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly relay: Relay;
  readonly conditions: Conditions;
  /** Of the load; which VU this is. */
  readonly share?: number;
}

async function openWorld({ pool, environment, relay, conditions, share }: Place) {
  const { scenario = "publish" } = conditions;
  const world = new World(relay, conditions);
  const env = {
    PATH: "/usr/bin",
    RELAY_URL: "ws://127.0.0.1:7777",
    ...(pool === null ? {} : { POOL: pool }),
    RUN_DIR: "run",
    ...environment,
  };
  const texts: Record<string, string> = {};
  for (const name of [MANIFEST_FILE, ROWS_FILE]) {
    const path = join(pool ?? "", name);
    if (existsSync(path)) texts[name] = await readFile(path, "utf8");
  }
  const frames = pool === null ? new Uint8Array() : await readFile(join(pool, FRAMES_FILE));
  const shared = globalThis as unknown as Record<string, unknown>;
  shared.k6World = modulesOf(world, env, texts, frames, share);
  const script = await loadScenario(scenario);
  shared.k6Options = script.options;
  return { world, script };
}

function summaryOf({ checks, nowMs }: World) {
  return {
    root_group: { checks: checks.map((name) => ({ name })) },
    state: { testRunDurationMs: nowMs },
  };
}

/** When k6 would end what is not through by then. */
function mostMsOf({ options }: Scenario): number {
  const durations = Object.values(options.scenarios).map(({ maxDuration }) => maxDuration);
  return 1_000 * Math.max(...durations.map((text) => Number(text.replace(/s$/, ""))));
}

const SCRIPTS = SCENARIO_NAMES.map((name) => `k6/${SCENARIOS[name].script}.ts`);

let bundles: Promise<string> | undefined;
let loaded = 0;

after(async () => {
  if (bundles) await rm(await bundles, { recursive: true, force: true });
});

async function bundleAll(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-world-"));
  await writeFile(join(dir, "package.json"), '{"type":"module"}');
  await bundleScripts(SCRIPTS, dir, [stubK6]);
  return dir;
}

/** A scenario's module, evaluated anew: each run has its own world. */
async function loadScenario(scenario: string): Promise<Scenario> {
  bundles ??= bundleAll();
  const { href } = pathToFileURL(join(await bundles, `${scenario}.js`));
  return (await import(`${href}?${++loaded}`)) as Scenario;
}
