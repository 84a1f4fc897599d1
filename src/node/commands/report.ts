/** `k6-nostr report FILE`: Markdown and HTML of a JSON report, again: the same as the run wrote. */
import { buildPageAssets } from "../../../build/page.ts";
import { ConfigError } from "../../errors.ts";
import { renderHtml } from "../../report/html/render.ts";
import { renderMarkdown } from "../../report/markdown.ts";
import { EXIT, exitCode } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { GATE_FLAGS } from "../gate.ts";
import { loadReport } from "../load-report.ts";
import { writeWhole } from "../report-files.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";
import { gateRun } from "./repeat.ts";

const FLAGS = [
  { flag: "html", value: "FILE", help: "write the HTML page, which needs nothing but itself" },
  { flag: "markdown", value: "FILE", help: "write the Markdown" },
  ...GATE_FLAGS,
  HELP_FLAG,
] as const;

export async function report(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(
      `k6-nostr report FILE [flags]\n\nMarkdown and HTML of a JSON report; without a flag the Markdown is printed.\nWith --github or --junit the exit code is that of the run.\n\n${describeFlags(FLAGS)}`,
    );
    return EXIT.ok;
  }
  const [path, ...rest] = words;
  if (path === undefined || rest.length > 0) {
    throw new ConfigError("usage: k6-nostr report FILE [--html FILE] [--markdown FILE]");
  }
  const loaded = await loadReport(path);
  const { html, markdown } = flags;
  if (html !== undefined) await save(html, renderHtml(loaded, await buildPageAssets()));
  if (markdown !== undefined) await save(markdown, renderMarkdown(loaded));
  if (html === undefined && markdown === undefined) process.stdout.write(renderMarkdown(loaded));
  await gateRun(loaded, flags);
  // As a gate it passes where the run passed; else it only renders.
  return flags.github || flags.junit !== undefined ? exitCode(loaded) : EXIT.ok;
}

async function save(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, text);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ConfigError(`\`${path}\` can't be written (${reason})`, { cause });
  }
}
