import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { buildBundles, bundleScripts } from "../build/bundle.ts";
import { SCENARIO_NAMES, SCENARIOS } from "../src/plan/scenarios.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-bundle-"));
});
after(() => rm(dir, { recursive: true }));

/** Bundles one script of this text. */
async function bundle(name: string, text: string): Promise<void> {
  const script = join(dir, `${name}.ts`);
  await writeFile(script, text);
  await bundleScripts([script], join(dir, "out"));
}

describe("bundles", () => {
  it("are made of every scenario, and import nothing but modules of k6", async () => {
    const outdir = await buildBundles(join(dir, "dist"));
    const scripts = await readdir(outdir);
    // No script is without a scenario that it belongs to.
    const own = (await readdir(new URL("../k6", import.meta.url))).filter(
      (name) => name.endsWith(".ts") && !name.endsWith(".d.ts"),
    );
    const expected = SCENARIO_NAMES.map((name) => `${SCENARIOS[name].script}.js`);
    assert.deepEqual(scripts.toSorted(), expected.toSorted());
    assert.deepEqual(own.map((name) => name.replace(/ts$/, "js")).toSorted(), scripts.toSorted());
    for (const script of scripts) {
      const text = await readFile(join(outdir, script), "utf8");
      const imports = [...text.matchAll(/^\s*import\b[^;]*?"([^"]+)";$/gm)].map((m) => m[1]);
      assert.ok(imports.length > 0);
      assert.deepEqual(
        imports.filter((name) => !/^k6(\/|$)/.test(name ?? "")),
        [],
      );
      assert.doesNotMatch(text, /\brequire\(|\bprocess\.|\bBuffer\b/);
    }
  });

  it("may import modules of k6 by name and by path", async () => {
    await bundle("fine", 'import { check } from "k6"; import e from "k6/execution"; check(e, {});');
  });

  const refused = [
    [
      "a module from the net",
      'import x from "https://jslib.k6.io/x.js"; x();',
      /not a module of k6/,
    ],
    ["a module of Node", 'import { readFile } from "node:fs"; readFile();', /node:fs/],
    ["a name that only begins like k6", 'import x from "k6-else"; x();', /k6-else/],
    ["a module that is not there", 'import x from "./nowhere.ts"; x();', /nowhere/],
    ["too much", `console.log("${"x".repeat(300_000)}");`, /bytes to parse, more than 300000/],
  ] as const;
  for (const [what, text, message] of refused) {
    it(`are refused for importing ${what}`, async () => {
      await assert.rejects(bundle("planted", text), message);
    });
  }
});
