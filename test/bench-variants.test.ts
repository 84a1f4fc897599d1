import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { applyVariant, VARIANTS } from "./bench/metric-cost.ts";

describe("the bench's variants of the publisher", async () => {
  const source = await readFile("k6/lib/publish/pump.ts", "utf8");
  for (const variant of VARIANTS) {
    it(`find their lines: ${variant.name}`, () => {
      const changed = applyVariant(variant, source);
      assert.equal(changed === source, variant.lines.length === 0);
    });
  }
});
