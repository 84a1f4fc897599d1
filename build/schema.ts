/**
 * The part of the report's JSON Schema that the table of classes decides, written into src/report/schema.json:
 *
 *     node --import tsx build/schema.ts
 */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { CLASS_NAMES, type ClassName, classOf } from "../src/measure/classes.ts";

const FILE = new URL("../src/report/schema.json", import.meta.url);

const count = { type: "integer", minimum: 0 };
const perSecond = { type: "number", minimum: 0 };
const ms = { type: ["number", "null"], minimum: 0 };
const text = { type: "string" };

/** An object that must have all of these members, and may have those. */
function objectOf(required: Record<string, unknown>, optional: Record<string, unknown> = {}) {
  return {
    type: "object",
    additionalProperties: false,
    required: Object.keys(required),
    properties: { ...required, ...optional },
  };
}

function each(names: readonly string[], schema: unknown): Record<string, unknown> {
  return objectOf(Object.fromEntries(names.map((name) => [name, schema])));
}

const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const listOf = (items: unknown) => ({ type: "array", items });
const mapOf = (values: unknown) => ({ type: "object", additionalProperties: values });

/** Members that one class alone has. */
const OWN: Partial<Record<ClassName, Record<string, unknown>>> = {
  publish: {
    byRelay: listOf(objectOf({ relay: text, service: ref("latency") })),
  },
  set: {
    lacking: mapOf(listOf(objectOf({ part: count, kinds: listOf(count), count }))),
  },
};

function classSchema(name: ClassName) {
  const { columns, times, unit, hasWarmup, hasSchedule, seriesByRow } = classOf(name);
  const totals = { description: `Each counts ${unit}.`, ...each(columns, count) };
  const timeNames = Object.keys(times);
  const latencies = {
    ...objectOf(
      Object.fromEntries(
        Object.entries(times).map(([time, description]) => [
          time,
          { ...ref("latency"), description },
        ]),
      ),
    ),
  };
  return objectOf({
    totals,
    warmup: hasWarmup ? { ...each(columns, count), type: ["object", "null"] } : { type: "null" },
    identities: listOf(ref("identity")),
    times: latencies,
    lag: hasSchedule
      ? ref("lag")
      : name === "connection"
        ? { anyOf: [ref("lag"), { type: "null" }] }
        : { type: "null" },
    rate: objectOf({
      target: { type: ["number", "null"], minimum: 0 },
      sent: perSecond,
      done: perSecond,
    }),
    rows: mapOf(objectOf({ totals: each(columns, count), times: each(timeNames, ref("latency")) })),
    series: listOf(
      objectOf(
        {
          t: { type: "number" },
          counts: each(columns, count),
          times: each(timeNames, ref("pointTimes")),
          ...(seriesByRow ? { rows: mapOf(objectOf({ count, p50: ms, p99: ms })) } : {}),
          buckets: listOf(count),
          lagP99: ms,
          ...(name === "connection" ? { open: count, proven: count } : {}),
        },
        name === "connection" ? { usable: count } : {},
      ),
    ),
    ...OWN[name],
  });
}

/** What `properties.classes` and some of `$defs` of the schema are. */
export function classSchemas() {
  return {
    classes: {
      description:
        "What was done, by class of work: a class that the scenario does not do is not there.",
      ...objectOf(
        { connection: ref("connectionClass") },
        Object.fromEntries(
          CLASS_NAMES.filter((name) => name !== "connection").map((name) => [
            name,
            ref(`${name}Class`),
          ]),
        ),
      ),
    },
    $defs: {
      identity: objectOf({ text, left: count, right: count, balances: { type: "boolean" } }),
      pointTimes: objectOf({ count, p50: ms, p90: ms, p95: ms, p99: ms, p999: ms }),
      ...Object.fromEntries(CLASS_NAMES.map((name) => [`${name}Class`, classSchema(name)])),
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const schema = JSON.parse(await readFile(FILE, "utf8"));
  const { classes, $defs } = classSchemas();
  schema.properties.classes = classes;
  Object.assign(schema.$defs, $defs);
  await writeFile(FILE, `${JSON.stringify(schema, null, 2)}\n`);
}
