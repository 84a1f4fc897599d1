/**
 * Bundles each scenario (`k6/*.ts`) into one self-contained script under `build/dist/`, checked by
 * esbuild's own account of it: what is left to import must be a module of k6.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { SCENARIO_NAMES, SCENARIOS } from "../src/plan/scenarios.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What is parsed as k6 starts lives in its heap: what makes it grow is looked at. The report's maker is but a text in it. */
const MOST_BYTES = 300_000;

/** Where the maker's text is. */
const SUMMARY = "k6/lib/summary.ts";

const FOR_K6 = {
  absWorkingDir: root,
  bundle: true,
  // k6 is no browser and no Node; it runs ES2023 but for what its parser lacks.
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2022",
  // Fields as assignments: to define one takes k6 twice as long.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  logLevel: "silent",
} as const satisfies BuildOptions;

/** Builds all bundles; gives the folder they are in. Throws when one imports what k6 has not. */
export async function buildBundles(outdir = `${root}build/dist`): Promise<string> {
  const scripts = new Set(SCENARIO_NAMES.map((name) => SCENARIOS[name].script));
  await bundleScripts(
    [...scripts].map((script) => `k6/${script}.ts`),
    outdir,
  );
  return outdir;
}

/** Bundles scripts into a folder, each for itself; the bench gives plugins that leave lines out. */
export async function bundleScripts(
  scripts: readonly string[],
  outdir: string,
  plugins: Plugin[] = [],
): Promise<void> {
  const maker = JSON.stringify(await bundleReportMaker());
  const result = await build({
    ...FOR_K6,
    entryPoints: [...scripts],
    outdir,
    format: "esm",
    define: { REPORT_MAKER: maker },
    external: ["k6", "k6/*"],
    plugins,
    metafile: true,
    write: false,
  });
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const foreign = output.imports.filter(({ path: name }) => !/^k6(\/|$)/.test(name));
    if (foreign.length > 0) {
      throw new Error(
        `${path} imports ${foreign.map((i) => i.path).join(", ")}: not a module of k6`,
      );
    }
    const parsed = output.bytes - (SUMMARY in output.inputs ? maker.length : 0);
    if (parsed > MOST_BYTES) {
      throw new Error(`${path} has ${parsed} bytes to parse, more than ${MOST_BYTES}`);
    }
  }
  await mkdir(outdir, { recursive: true });
  for (const { path, contents } of result.outputFiles) {
    // A k6 that another run has just started reads the whole old script or the whole new one.
    await writeFile(`${path}.${process.pid}.tmp`, contents);
    await rename(`${path}.${process.pid}.tmp`, path);
  }
}

/** A script that sets `made`, and imports nothing: see `k6/lib/report-maker.ts`. */
async function bundleReportMaker(): Promise<string> {
  const { outputFiles } = await build({
    ...FOR_K6,
    entryPoints: ["k6/lib/report-maker.ts"],
    format: "iife",
    globalName: "made",
    minifyWhitespace: true,
    write: false,
  });
  return outputFiles.map(({ text }) => text).join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(`bundles written to ${await buildBundles()}`);
}
