/**
 * What makes a run's report: bundled as a text of its own (`build/bundle.ts`), which is evaluated where k6 ends. Parsed it
 * is more of the live heap than all else in the bundle, and what lives is marked at each collection of garbage, in which
 * events are sent late.
 */
import { buildReport } from "../../src/report/build.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { renderTerminal } from "../../src/report/terminal.ts";

interface MadeReport {
  readonly json: string;
  readonly markdown: () => string;
  /** A few lines for a person, who finds these files. */
  readonly terminal: (files: readonly string[]) => string;
}

export type MakeReport = (about: Parameters<typeof buildReport>[0]) => MadeReport;

export const makeReport: MakeReport = (about) => {
  const report = buildReport(about);
  return {
    json: `${JSON.stringify(report)}\n`,
    markdown: () => renderMarkdown(report),
    terminal: (files) => renderTerminal(report, files),
  };
};
