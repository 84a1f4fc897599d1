/** `k6-nostr report FILE`: the Markdown of a JSON report, again. */
import { readFile } from "node:fs/promises";
import { ConfigError } from "../../errors.ts";
import { renderMarkdown } from "../../report/markdown.ts";
import { REPORT_SCHEMA, type Report } from "../../report/types.ts";
import { EXIT } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { HELP_FLAG } from "./help.ts";

export async function report(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [HELP_FLAG]);
  if (flags.help) {
    process.stdout.write("k6-nostr report FILE\n\nPrints the Markdown of a JSON report.\n");
    return EXIT.ok;
  }
  const [path, ...rest] = words;
  if (path === undefined || rest.length > 0) throw new ConfigError("usage: k6-nostr report FILE");
  process.stdout.write(renderMarkdown(await loadReport(path)));
  return EXIT.ok;
}

/** Reads a report of this version. Throws `ConfigError`. */
async function loadReport(path: string): Promise<Report> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "not JSON";
    throw new ConfigError(`\`${path}\` can't be read as a report (${reason})`, { cause });
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema !== REPORT_SCHEMA) {
    throw new ConfigError(
      `\`${path}\` has the schema \`${String(schema)}\`, expected \`${REPORT_SCHEMA}\``,
    );
  }
  return value as Report;
}
