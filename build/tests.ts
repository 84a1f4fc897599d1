/**
 * Compiles the tests, and the CLI that they start: reading TypeScript as it is imported costs each of some
 * hundreds of processes half a second or more. One test alone runs as it is: `node --import tsx --test test/x.test.ts`.
 */
import { readdirSync, readFileSync } from "node:fs";
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

/** What a file does to its whole process, or asks of it: hooks around all tests, folder, environment, arguments, all children. */
const NEEDS_PROCESS =
  /^(before|after)(Each)?\(|\bprocess\.(chdir|env|argv|exitCode)\b|\bendDescendants\(/m;
const SHARED_PROCESSES = 8;

/** Unit tests that leave their process as it was run many in one: to start Node and read modules costs each file 0.4 s. */
function shareProcesses(files: readonly string[]): { alone: string[]; shared: string[][] } {
  const shared: string[][] = Array.from({ length: SHARED_PROCESSES }, () => []);
  const alone: string[] = [];
  let next = 0;
  for (const file of files) {
    if (NEEDS_PROCESS.test(readFileSync(file, "utf8"))) alone.push(file);
    else shared[next++ % SHARED_PROCESSES]?.push(file);
  }
  return { alone, shared };
}

process.chdir(PROJECT);
await rm(OUT, { recursive: true, force: true });
const { alone, shared } = shareProcesses(testsIn("test"));
const sharedFiles: Plugin = {
  name: "shared-files",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^shared:/ }, ({ path }) => ({ path, namespace: "shared" }));
    onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => ({
      contents: (shared[Number(path.slice("shared:".length))] ?? [])
        .map((file) => `import "./${file}";\n`)
        .join(""),
      resolveDir: PROJECT,
    }));
  },
};
await Promise.all([
  build({
    ...COMMON,
    plugins: [...COMMON.plugins, sharedFiles],
    entryPoints: [
      ...[...alone, ...["test/k6", "test/k6/alone"].flatMap(testsIn)].map((file) => ({
        in: file,
        out: file.slice("test/".length, -".ts".length),
      })),
      ...shared.map((_, i) => ({ in: `shared:${i}`, out: `shared-${i}.test` })),
    ],
    outdir: OUT,
    define: { "process.env.COMPILED_CLI": JSON.stringify(`${PROJECT}${OUT}/cli/main.js`) },
  }),
  build({ ...COMMON, entryPoints: ["test/cli/main.ts"], outdir: `${OUT}/cli` }),
]);
