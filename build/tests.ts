/**
 * Compiles the unit tests for `npm run test:unit`: reading TypeScript as it is imported costs each of some
 * hundred processes half a second or more. One test alone runs as it is: `node --import tsx --test test/x.test.ts`.
 */
import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

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

process.chdir(PROJECT);
await rm(OUT, { recursive: true, force: true });
await build({
  entryPoints: readdirSync("test").flatMap((name) =>
    name.endsWith(".test.ts") ? [`test/${name}`] : [],
  ),
  outdir: OUT,
  outbase: "test",
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  plugins: [sourceUrls],
  logLevel: "warning",
});
