/** What went wrong, by type? */
import { formatCount, formatPercent } from "../format.ts";
import type { Report, ReportError } from "../types.ts";
import { type Block, code, details, type Section, type Text, table, text } from "./document.ts";

/** Rows that are seen at once; the others are folded in. */
const FIRST = 8;

export function errorsSection({ errors, totals: t }: Report): Section {
  const counts = `NOTICEs ${formatCount(t.notices)}, malformed frames ${formatCount(t.malformedFrames)}, OKs for unknown ids ${formatCount(t.unknownOk)}, late OKs ${formatCount(t.lateOk)}.`;
  const blocks: readonly Block[] =
    errors.length === 0
      ? [text(`Nothing was counted. ${counts}`)]
      : [...tables(errors), text(counts)];
  return {
    id: "errors",
    title: "What went wrong?",
    blocks: [...blocks, { kind: "charts", ids: ["errors"] }],
  };
}

function tables(errors: readonly ReportError[]): readonly Block[] {
  const rest = errors.slice(FIRST);
  const first = tableOf("Errors by class and code", errors.slice(0, FIRST));
  if (rest.length === 0) return [first];
  const caption = `${formatCount(rest.length)} more kinds of errors`;
  return [first, details(caption, tableOf(caption, rest))];
}

function tableOf(caption: string, errors: readonly ReportError[]): Block {
  return table(
    caption,
    ["class", "code", "meaning", "#count", "#share", "#first at", "example"],
    errors.map((e): readonly Text[] => [
      e.class,
      // A relay's words: as code they mention nobody and link to nothing.
      [code(e.code)],
      e.reason ?? "–",
      formatCount(e.count),
      formatPercent(e.share),
      `${e.firstAtSec.toFixed(1)} s`,
      [code(e.example)],
    ]),
  );
}
