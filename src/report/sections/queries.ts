/** What a report says of queries: how many, how fast, and whether the answers were right. */
import { queryOf } from "../class-report.ts";
import { formatBytes, formatCount, formatMs, formatPercent, formatRate } from "../format.ts";
import type { CorpusReport, Report } from "../types.ts";
import { type Block, list, table, text } from "./document.ts";

/** Nothing for a run that asked nothing. */
export function queryBlocks(report: Report): readonly Block[] {
  const { rows, totals, times } = queryOf(report);
  const asked = Object.entries(rows).filter(([, of]) => of.totals.scheduled > 0);
  if (asked.length === 0) return [];
  const checked = totals.eose - totals.unchecked;
  return [
    table(
      "Queries: REQ until EOSE",
      [
        "query",
        "#sent",
        "#EOSE",
        "#CLOSED",
        "#no EOSE",
        "#rows each",
        "#response p50",
        "#response p99",
        "#first row p50",
      ],
      asked.map(([name, { totals: q, times: t }]) => [
        name,
        q.sent < q.scheduled
          ? `${formatCount(q.sent)} of ${formatCount(q.scheduled)}`
          : formatCount(q.sent),
        formatCount(q.eose),
        formatCount(q.closed + q.refusedByNotice),
        formatCount(q.timedOut + q.lost),
        q.eose === 0 ? "–" : (q.rows / q.eose).toFixed(1),
        formatMs(t.response.p50),
        formatMs(t.response.p99),
        formatMs(t.firstEvent.p50),
      ]),
    ),
    ...(checked > 0 ? answers(report) : []),
    text(received(report)),
    ...corpusBlocks(report.corpus ?? null),
    ...(times.page.count > 0
      ? [
          text(
            `Pages behind a first one: ${formatCount(times.page.count)}, p50 ${formatMs(times.page.p50)}, p99 ${formatMs(times.page.p99)}; ${formatCount(totals.boundaryDuplicate)} of their rows were on the page before.`,
          ),
        ]
      : []),
  ];
}

function corpusBlocks(corpus: CorpusReport | null): readonly Block[] {
  if (corpus === null) return [];
  const events = `${formatCount(corpus.events)} events`;
  const { loading } = corpus;
  if (loading === null) {
    return [
      text(
        `What was asked about was learnt from ${events} that the relay held before: rows were held against their filters alone, and what is missing in an answer can't be seen.`,
      ),
    ];
  }
  const { loaded, alreadyThere, refused, loadSec, ownCounts } = loading;
  const how =
    loaded === 0
      ? "it was in the relay already"
      : `${formatCount(loaded)} events were loaded before the window in ${loadSec.toFixed(1)} s, ${formatCount(alreadyThere)} were there`;
  return [
    text(`The corpus that was asked about: ${events}, fingerprint ${corpus.fingerprint}; ${how}.`),
    ...(ownCounts?.includes(false)
      ? [
          text(
            "Others' events may be counted along with it: a COUNT that is too high is left unchecked.",
          ),
        ]
      : []),
    ...(refused.length === 0
      ? []
      : [
          text("The relay does not hold all of it. Left out of what is expected:"),
          ...list(refused.map(({ reason, count }) => `${formatCount(count)} × ${reason}`)),
        ]),
  ];
}

/** Whether the relay answered what it was asked. */
function answers(report: Report): readonly Block[] {
  const { rows, totals: t } = queryOf(report);
  const checked = t.eose - t.unchecked;
  const verdict =
    t.short + t.wrong === 0
      ? `Every answer that was checked was right${t.truncated > 0 ? ", or cut at a bound of the relay's" : ""}: ${formatCount(t.right)} right, ${formatCount(t.truncated)} truncated, of ${formatCount(checked)}.`
      : `NOT EVERY ANSWER WAS RIGHT: of ${formatCount(checked)} ${formatCount(t.right)} were right, ${formatCount(t.truncated)} truncated, ${formatCount(t.short)} short and ${formatCount(t.wrong)} wrong.`;
  return [
    text(verdict),
    table(
      "Answers, and the rows in them",
      [
        "query",
        "#right",
        "#truncated",
        "#short",
        "#wrong",
        "#rows",
        "#duplicate",
        "#not asked for",
        "#of others",
      ],
      Object.entries(rows)
        .filter(([, of]) => of.totals.eose > of.totals.unchecked)
        .map(([name, { totals: q }]) => [
          name,
          ...[
            q.right,
            q.truncated,
            q.short,
            q.wrong,
            q.rows,
            q.duplicate,
            q.notMatching,
            q.foreign,
          ].map(formatCount),
        ]),
    ),
  ];
}

function received(report: Report): string {
  const { totals: t } = queryOf(report);
  const { durationSec } = report.run;
  const perSecond = (n: number) => (durationSec > 0 ? n / durationSec : 0);
  const late =
    t.eose === 0
      ? ""
      : `; ${formatPercent(t.late / t.eose)} came later than 4.4 s, which is as long as nostr-tools waits`;
  const behind =
    t.rowsBehind === 0 ? "" : `; ${formatCount(t.rowsBehind)} rows came behind their query's end`;
  return `${formatCount(t.rows)} rows and ${formatBytes(t.bytes)} were received: ${formatRate(perSecond(t.rows), "rows/s")}, ${formatBytes(perSecond(t.bytes))}/s; ${formatCount(t.empty)} answers had no row${late}${behind}.`;
}
