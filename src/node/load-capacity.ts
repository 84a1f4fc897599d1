/** Reads JSON of a search for the capacity that others wrote: checked whole. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { CAPACITY_SCHEMA, type CapacityReport } from "../capacity/result.ts";
import { ConfigError } from "../errors.ts";
import schema from "../report/capacity/schema.json" with { type: "json" };

export function isCapacity(value: unknown): boolean {
  return (value as { schema?: unknown } | null)?.schema === CAPACITY_SCHEMA;
}

/** What was read of `path`, checked against the schema of this version. Throws `ConfigError`. */
export function checkCapacity(value: unknown, path: string): CapacityReport {
  const isReport = new Ajv2020({ allowUnionTypes: true }).compile<CapacityReport>(schema);
  if (isReport(value)) return value;
  const errors = new Ajv2020().errorsText(isReport.errors, { dataVar: "capacity" });
  throw new ConfigError(`\`${path}\` is no whole capacity report of this version: ${errors}`);
}
