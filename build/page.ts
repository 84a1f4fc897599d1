/** Bundles script and style of the HTML report, which has them in itself. */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import type { PageAssets } from "../src/report/html/document.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Each report holds them: what makes them grow is looked at. */
const MOST_BYTES = 120_000;

let made: PageAssets | undefined;

/** The page's assets, made once a process. Throws when they would load or break out of anything. */
export function buildPageAssets(): PageAssets {
  made ??= makeAssets();
  return made;
}

function makeAssets(): PageAssets {
  // By a process of its own: the one that `build` leaves running is of this group, where Ctrl-C ends it for good.
  const result = buildSync({
    absWorkingDir: root,
    entryPoints: ["src/report/html/page/main.ts", "src/report/html/page/page.css"],
    // Nothing is written; esbuild wants to know where it would.
    outdir: "build/dist",
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "ascii",
    legalComments: "inline",
    write: false,
    logLevel: "silent",
  });
  const script = textOf(result.outputFiles, ".js");
  const style = textOf(result.outputFiles, ".css");
  return { script, scriptHash: hashOf(script), style, styleHash: hashOf(style) };
}

function textOf(files: readonly { path: string; text: string }[], end: string): string {
  const text = files.find(({ path }) => path.endsWith(end))?.text.trim() ?? "";
  if (text === "" || text.length > MOST_BYTES) {
    throw new Error(`the page's ${end} has ${text.length} bytes, expected 1 to ${MOST_BYTES}`);
  }
  if (/<\/(script|style)|<!--|@import|url\(/i.test(text)) {
    throw new Error(`the page's ${end} would load something or end its own element`);
  }
  return text;
}

/** As a content security policy names it: the text between the tags, as UTF-8. */
function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
