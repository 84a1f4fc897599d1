import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { CAPACITY_SCHEMA, type CapacityReport } from "../src/capacity/result.ts";
import { report } from "../src/node/commands/report.ts";
import { readConfig } from "../src/node/config-file.ts";
import { renderCapacity } from "../src/report/capacity/markdown.ts";
import schema from "../src/report/capacity/schema.json" with { type: "json" };
import { bucket } from "./capacity-model.ts";
import { searched } from "./capacity-searched.ts";

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
const isReport = ajv.compile(schema);
/** As tools read it: through JSON. */
const validate = (value: unknown) => isReport(JSON.parse(JSON.stringify(value)));
const good = searched();

describe("the schema of a capacity", () => {
  it("bears the version that reports bear", () => {
    assert.equal(schema.properties.schema.const, CAPACITY_SCHEMA);
    assert.equal(schema.$id, "urn:k6-nostr:capacity@1");
  });

  it("is strict: every object names all it may hold, and requires all but what may be missing", () => {
    const optional = [
      "against",
      "madeSec",
      "judges",
      "fresh",
      "meaning",
      "ceilingWhy",
      "comesPerSec",
      "sec",
      "failure",
      "voidReason",
      "died",
      "limits",
    ];
    let objects = 0;
    const visit = (node: unknown, path: string) => {
      if (typeof node !== "object" || node === null) return;
      const { type, properties, required, additionalProperties } = node as Record<string, unknown>;
      if (type === "object" && properties !== undefined && !path.includes("/against")) {
        objects++;
        assert.equal(additionalProperties, false, path);
        const needed = Object.keys(properties as object).filter((n) => !optional.includes(n));
        assert.deepEqual(required, needed, path);
      }
      for (const [key, child] of Object.entries(node)) visit(child, `${path}/${key}`);
    };
    visit(schema, "");
    assert.ok(objects > 10);
  });

  it("admits whatever search of whatever relay, with the other relay's too", () => {
    const models = fc.record({
      capacity: fc.integer({ min: 1, max: 60_000 }),
      voidFrom: fc.integer({ min: 1, max: 60_000 }),
      diesAt: fc.integer({ min: 1, max: 200_000 }),
      to: fc.option(fc.integer({ min: 50, max: 5_000 })),
      quick: fc.boolean(),
    });
    fc.assert(
      fc.property(models, ({ capacity, voidFrom, diesAt, to, quick }) => {
        const held = bucket(() => capacity);
        const made = searched(
          (asked) => {
            if (asked.load >= diesAt) return { verdict: "fail", died: "it was gone" };
            return asked.load >= voidFrom ? { verdict: "void" } : held(asked);
          },
          { to, quick },
        );
        for (const one of [made, { ...made, against: null }, { ...good, against: made }]) {
          assert.ok(validate(one), JSON.stringify(isReport.errors, null, 1));
        }
      }),
      { numRuns: 60 },
    );
  });

  const [trial] = good.trials;
  const mutilated: Readonly<Record<string, unknown>> = {
    "of another version": { ...good, schema: "k6-nostr/capacity@2" },
    "with a member that no one knows": { ...good, extra: 1 },
    "without its result": { ...good, result: undefined },
    "with another limit": { ...good, result: { ...good.result, limit: "luck" } },
    "with half an interval": { ...good, result: { ...good.result, interval: [1] } },
    "with a figure that was no number": {
      ...good,
      trials: [{ ...trial, figures: { ...trial?.figures, offered: Number.NaN } }],
    },
    "with a relay's whole URL": { ...good, config: { ...good.config, relays: ["ws://a:1/x?k=v"] } },
    "with a third relay within the other": { ...good, against: { ...good, against: good } },
    "with a part of the other relay": { ...good, against: { result: good.result } },
  };
  for (const [name, value] of Object.entries(mutilated)) {
    it(`refuses one ${name}`, () => assert.equal(validate(value), false));
  }
});

describe("report of a capacity", () => {
  it("renders it again, and is a gate with --at-least", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-capacity-"));
    try {
      const [file, markdown, html, junit] = ["c.json", "c.md", "c.html", "c.xml"].map((name) =>
        join(dir, name),
      ) as [string, string, string, string];
      const write = (value: CapacityReport) => writeFile(file, JSON.stringify(value));
      await write(good);
      assert.equal(await report([file, "--markdown", markdown, "--html", html]), 0);
      assert.equal(await readFile(markdown, "utf8"), renderCapacity(good));
      assert.match(await readFile(html, "utf8"), /data-chart="load-times"/);
      const gate = (n: string) =>
        report([file, "--markdown", markdown, "--junit", junit, "--at-least", n]);
      assert.equal(await gate("990"), 0);
      assert.equal(await gate("1500"), 99);
      assert.match(
        await readFile(junit, "utf8"),
        /testsuite name="k6-nostr capacity publish" tests="2" failures="1"[\s\S]*name="at least 1,500 events\/s"><failure/,
      );
      const { scenario, flags } = await readConfig(file);
      assert.deepEqual([scenario, flags], ["publish", good.config.options]);
      await assert.rejects(gate("none"), /--at-least must be a number above 0/);
      await writeFile(file, JSON.stringify({ ...good, trials: [{}] }));
      await assert.rejects(
        report([file]),
        /is no whole capacity report of this version: capacity\/trials\/0/,
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
