/** Reads JSON reports that others wrote: checked whole, so that what renders them meets no surprise. */
import { readFile } from "node:fs/promises";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { ConfigError } from "../errors.ts";
import schema from "../report/schema.json" with { type: "json" };
import { REPORT_SCHEMA, type Report } from "../report/types.ts";

/** Compiles in half the time, for a few reports: longer programs of checks make no other answers. */
const ajv = new Ajv2020({ allowUnionTypes: true, inlineRefs: false, code: { optimize: false } });
let isReport: ValidateFunction<Report> | undefined;

/** Reads a report and checks it against the schema of this version. Throws `ConfigError`. */
export async function loadReport(path: string): Promise<Report> {
  return checkReport(await readJson(path), path);
}

/** What was read of `path`, checked. Throws `ConfigError`. */
export function checkReport(value: unknown, path: string): Report {
  const version = (value as { schema?: unknown } | null)?.schema;
  if (version === "k6-nostr/report@1") {
    throw new ConfigError(
      `\`${path}\` is a report of version 1, from before classes of work: run it again, or read it with the commit that wrote it`,
    );
  }
  if (version !== REPORT_SCHEMA) {
    throw new ConfigError(
      `\`${path}\` has the schema \`${String(version)}\`, expected \`${REPORT_SCHEMA}\``,
    );
  }
  isReport ??= ajv.compile<Report>(schema);
  if (isReport(value)) return value;
  throw new ConfigError(
    `\`${path}\` is no whole report of this version: ${ajv.errorsText(isReport.errors, { dataVar: "report" })}; run it again, or take the version that wrote it`,
  );
}

/** Throws `ConfigError`. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "not JSON";
    throw new ConfigError(`\`${path}\` can't be read as a report (${reason})`, { cause });
  }
}
