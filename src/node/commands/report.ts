/** `k6-nostr report FILE`: Markdown and HTML of a JSON report, again: the same as the run wrote. */
import { buildPageAssets } from "../../../build/page.ts";
import { ConfigError } from "../../errors.ts";
import { capacityExitCode, gateOfCapacity } from "../../report/capacity/gate.ts";
import { renderCapacityHtml } from "../../report/capacity/html.ts";
import { renderCapacity } from "../../report/capacity/markdown.ts";
import { type GateItem, gateOfReport } from "../../report/gate.ts";
import type { PageAssets } from "../../report/html/document.ts";
import { renderHtml } from "../../report/html/render.ts";
import { renderMarkdown } from "../../report/markdown.ts";
import { EXIT, exitCode } from "../../report/verdict.ts";
import { AT_LEAST_FLAG, readAtLeast } from "../at-least.ts";
import { parseCommandLine } from "../command-line.ts";
import { GATE_FLAGS, passGate } from "../gate.ts";
import { checkCapacity, isCapacity } from "../load-capacity.ts";
import { checkReport, readJson } from "../load-report.ts";
import { writeWhole } from "../report-files.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const FLAGS = [
  { flag: "html", value: "FILE", help: "write the HTML page, which needs nothing but itself" },
  { flag: "markdown", value: "FILE", help: "write the Markdown" },
  ...GATE_FLAGS,
  AT_LEAST_FLAG,
  HELP_FLAG,
] as const;

/** A report of either kind, as this command needs it. */
interface Rendered {
  readonly markdown: string;
  readonly html: (assets: PageAssets) => string;
  readonly items: readonly GateItem[];
  readonly suite: string;
  readonly exitCode: number;
}

export async function report(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(
      `k6-nostr report FILE [flags]\n\nMarkdown and HTML of a JSON report, of a run or of a capacity; without a flag the Markdown is printed.\nWith --github, --junit or --at-least the exit code is that of what the report is of.\n\n${describeFlags(FLAGS)}`,
    );
    return EXIT.ok;
  }
  const [path, ...rest] = words;
  if (path === undefined || rest.length > 0) {
    throw new ConfigError("usage: k6-nostr report FILE [--html FILE] [--markdown FILE]");
  }
  const rendered = await load(path, flags["at-least"]);
  const { html, markdown } = flags;
  if (html !== undefined) await save(html, rendered.html(buildPageAssets()));
  if (markdown !== undefined) await save(markdown, rendered.markdown);
  if (html === undefined && markdown === undefined) process.stdout.write(rendered.markdown);
  await passGate({ flags, ...rendered, environment: process.env });
  // As a gate it passes where what it is of passed; else it only renders.
  const isGate = flags.github || flags.junit !== undefined || flags["at-least"] !== undefined;
  return isGate ? rendered.exitCode : EXIT.ok;
}

async function load(path: string, atLeast: string | undefined): Promise<Rendered> {
  const value = await readJson(path);
  if (isCapacity(value)) {
    const capacity = checkCapacity(value, path);
    const least = readAtLeast(atLeast);
    return {
      markdown: renderCapacity(capacity),
      html: (assets) => renderCapacityHtml(capacity, assets),
      items: gateOfCapacity(capacity, least),
      suite: `k6-nostr capacity ${capacity.run.scenario}`,
      exitCode: capacityExitCode(capacity, least),
    };
  }
  const run = checkReport(value, path);
  if (atLeast !== undefined) {
    throw new ConfigError(`--at-least is for capacity reports; \`${path}\` is of a run`);
  }
  return {
    markdown: renderMarkdown(run),
    html: (assets) => renderHtml(run, assets),
    items: gateOfReport(run),
    suite: `k6-nostr ${run.run.scenario}`,
    exitCode: exitCode(run),
  };
}

async function save(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, text);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ConfigError(`\`${path}\` can't be written (${reason})`, { cause });
  }
}
