/** What went wrong, by type? */
import { formatCount, formatMs, formatPercent } from "../format.ts";
import type { Report, ReportError } from "../types.ts";
import { type Block, code, details, type Section, type Text, table, text } from "./document.ts";

/** Rows that are seen at once; the others are folded in. */
const FIRST = 8;

export function errorsSection(report: Report): Section {
  const { errors, frames: f } = report;
  const counts = `NOTICEs ${formatCount(f.notices)}, malformed frames ${formatCount(f.malformed)}, OKs for unknown ids ${formatCount(f.unknownOk)}, late OKs ${formatCount(f.lateOk)}.`;
  const blocks: readonly Block[] =
    errors.length === 0
      ? [text(`Nothing was counted. ${counts}`)]
      : [...tables(errors), text(counts)];
  return {
    id: "errors",
    title: "What went wrong?",
    blocks: [
      ...blocks,
      ...handshakes(report),
      ...ends(report),
      { kind: "charts", ids: ["errors"] },
    ],
  };
}

/** k6 says neither which HTTP status refused a handshake nor what a slow one's time went into. */
function handshakes({ handshakes: made }: Report): readonly Block[] {
  if (!made) return [];
  return [
    text(
      `While k6's handshakes were refused or slow, the command line made ${formatCount(made.asked)} itself: k6 says neither which status came nor what a slow one's time went into.`,
    ),
    ...describeParts(made.parts),
    table(
      "Handshakes of the command line",
      ["HTTP status", "text", "#count"],
      made.answers.map(({ status, text: words, by, count }): readonly Text[] => [
        status === null ? "none" : String(status),
        [code(by === undefined ? words : `${words} (${by})`)],
        formatCount(count),
      ]),
    ),
  ];
}

function describeParts(parts: NonNullable<Report["handshakes"]>["parts"]): readonly Block[] {
  if (parts === undefined) return [];
  const { count, tcp, tls, upgrade } = parts;
  const secured = tls === null ? "" : `, TLS ${formatMs(tls)}`;
  return [
    text(
      `Of ${formatCount(count)} that led to a connection, in the median: TCP ${formatMs(tcp)}${secured}, the answer to the upgrade ${formatMs(upgrade)}.`,
    ),
  ];
}

function ends({ ends: of }: Report): readonly Block[] {
  if (!of) return [];
  const { life, quiet, answers, unproven } = of;
  const [most] = answers;
  return [
    text(
      `Connections that the relay ended: ${formatCount(life.count)}, after ${formatMs(life.p50)} of life in the median; ${formatCount(quiet.count)} with nothing in flight, after a silence of ${formatMs(quiet.p50)}; ${formatCount(unproven)} before an answer or five seconds of life${most === undefined ? "" : `; most often (${formatCount(most.count)}) after ${formatCount(most.answers)} answers`}.`,
    ),
  ];
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
