/**
 * Compiles the tests, and the CLI that they start: reading TypeScript as it is imported costs each of some
 * hundreds of processes half a second or more. One test alone runs as it is: `node --import tsx --test test/x.test.ts`.
 */
import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const OUT = "build/dist/tests";

/** Files lie where they lay: what a module finds beside itself, it finds beside its source. */
const sourceUrls: Plugin = {
  name: "source-urls",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href);
      const text = await readFile(path, "utf8");
      return { loader: "ts", contents: text.replaceAll("import.meta.url", url) };
    });
  },
};

/** What all that is compiled has in common. */
const COMMON = {
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  plugins: [sourceUrls],
  logLevel: "warning",
} as const satisfies BuildOptions;

const testsIn = (folder: string) =>
  readdirSync(folder).flatMap((name) => (name.endsWith(".test.ts") ? [`${folder}/${name}`] : []));

process.chdir(PROJECT);
await rm(OUT, { recursive: true, force: true });
await Promise.all([
  build({
    ...COMMON,
    entryPoints: ["test", "test/k6", "test/k6/alone"].flatMap(testsIn),
    outdir: OUT,
    outbase: "test",
    define: { "process.env.COMPILED_CLI": JSON.stringify(`${PROJECT}${OUT}/cli/main.js`) },
  }),
  build({ ...COMMON, entryPoints: ["test/cli/main.ts"], outdir: `${OUT}/cli` }),
]);
