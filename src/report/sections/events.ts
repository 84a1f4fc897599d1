/** How much, how fast? What the classes of work did, each in the same words. */
import type { ClassOfWork } from "../../measure/class-of-work.ts";
import { type ClassName, classOf } from "../../measure/classes.ts";
import { classesOf, publishOf, queryOf, setOf, wrongIdentities } from "../class-report.ts";
import type { ClassReport } from "../class-types.ts";
import { describeCutOff } from "../cut-off.ts";
import { formatCount, formatMs, formatPercent, formatRate } from "../format.ts";
import type { Report } from "../types.ts";
import { connectionBlocks } from "./connections.ts";
import { deliveryBlocks } from "./deliveries.ts";
import { type Block, details, type Section, strong, table, text } from "./document.ts";
import { queryBlocks } from "./queries.ts";

export function eventsSection(report: Report): Section {
  const { publish, query } = report.classes;
  const warmup = (publish ?? query)?.warmup;
  const warmedUp = warmup?.scheduled ?? 0;
  return {
    id: "events",
    title: publish === undefined ? "How much, how fast?" : "How many events, how fast?",
    blocks: [
      ...(publish === undefined ? [] : [text(accepted(report))]),
      ...(publish === undefined && query !== undefined ? [text(answered(report))] : []),
      balance(report),
      { kind: "charts", ids: ["throughput"] },
      ...(publish === undefined ? [] : [byEvent(report)]),
      ...bySet(report),
      ...queryBlocks(report),
      ...deliveryBlocks(report),
      ...connectionBlocks(report),
      text(connections(report)),
      ...(warmedUp > 0
        ? [
            text(
              `Before the window, apart: ${formatCount(warmedUp)} ${publish === undefined ? "queries" : "events"} of warm-up.`,
            ),
          ]
        : []),
      ...describeCutOff(report).map(text),
      ...classesOf(report).map(([name, of]) => accounting(name, of)),
      { kind: "charts", ids: ["connections", "recovery"] },
    ],
  };
}

function accepted(report: Report): string {
  const { config, run } = report;
  const { totals, rate } = publishOf(report);
  return `${formatCount(totals.accepted)} of ${formatCount(totals.scheduled)} scheduled events were accepted in ${run.durationSec.toFixed(1)} s over ${formatCount(config.clients)} connections: ${formatRate(rate.done)} accepted, ${formatRate(rate.sent)} sent, ${formatRate(rate.target)} set.`;
}

function answered(report: Report): string {
  const { config, run } = report;
  const { totals, rate } = queryOf(report);
  return `${formatCount(totals.eose)} of ${formatCount(totals.scheduled)} scheduled queries were answered in ${run.durationSec.toFixed(1)} s over ${formatCount(config.clients)} connections: ${formatRate(rate.done, "queries/s")} answered, ${formatRate(rate.sent, "queries/s")} sent, ${formatRate(rate.target, "queries/s")} set.`;
}

function balance(report: Report): Block {
  const wrong = wrongIdentities(report);
  return wrong.length === 0
    ? text("The totals balance.")
    : text([
        strong("The totals do not balance: do not use these figures."),
        ` ${wrong.join("; ")}.`,
      ]);
}

function connections(report: Report): string {
  const { due, opened, failed, dropped, reconnected } = report.classes.connection.totals;
  return `Connections: ${formatCount(opened)} opened of ${formatCount(due)} tried, ${formatCount(failed)} failed, ${formatCount(dropped)} dropped by the relay, ${formatCount(reconnected)} reconnected.`;
}

/** Each identity of a class, written out, and what became of all it did. */
function accounting(name: ClassName, { totals, identities }: ClassReport): Block {
  const row: ClassOfWork = classOf(name);
  const counts: Readonly<Record<string, number>> = totals;
  const due = counts[row.due] ?? 0;
  const parts = partsOf(row, row.due);
  const caption = `What became of every ${row.unit.replace(/^an? /, "")}`;
  return details(
    caption,
    table(
      caption,
      ["outcome", `#${row.many}`, "#share"],
      row.columns
        .filter((column) => counts[column] !== undefined)
        .map((column) => [
          column,
          formatCount(counts[column] ?? 0),
          parts.has(column) ? formatPercent(due === 0 ? null : (counts[column] ?? 0) / due) : "",
        ]),
    ),
    table(
      `${row.title}: what must balance`,
      ["identity", "#left", "#right", "balances"],
      identities.map((one) => [
        one.text,
        formatCount(one.left),
        formatCount(one.right),
        one.balances ? "yes" : [strong("NO")],
      ]),
    ),
  );
}

/** The columns that a column is the sum of, and those that these are: what else is counted is no share of it. */
function partsOf({ identities }: ClassOfWork, whole: string): ReadonlySet<string> {
  const parts = new Set([whole]);
  // A set goes through what is added to it as it goes.
  for (const part of parts)
    for (const { left, right } of identities)
      if (left === part) for (const column of right) parts.add(column);
  return parts;
}

/** Sets of several events, and which parts they lack. */
function bySet(report: Report): readonly Block[] {
  const { rows, lacking: lackedBy } = setOf(report);
  const begun = Object.entries(rows).filter(([, { totals }]) => totals.started > 0);
  if (begun.length === 0) return [];
  const lacking = Object.entries(lackedBy).flatMap(([type, parts]) =>
    parts.map(({ part, kinds, count }) => {
      const kind = kinds.length === 0 ? "" : ` (kind ${kinds.join(" or ")})`;
      return `${formatCount(count)} sets of ${type} lack part ${part + 1}${kind}`;
    }),
  );
  return [
    table(
      "Multi-part sets: first part due to last OK",
      ["set", "#begun", "#complete", "#partial", "#failed", "#cut off", "#p50", "#p99"],
      begun.map(([type, { totals: s, times }]) => [
        type,
        ...[s.started, s.complete, s.partial, s.failed, s.cutOff].map(formatCount),
        formatMs(times.completion.p50),
        formatMs(times.completion.p99),
      ]),
    ),
    ...(lacking.length === 0 ? [] : [text(`${lacking.join("; ")}.`)]),
  ];
}

function byEvent(report: Report): Block {
  return table(
    "Accepted events and times by event type",
    ["event", "#accepted", "#response p50", "#response p99", "#service p50", "#service p99"],
    Object.entries(publishOf(report).rows).map(([type, { totals, times }]) => [
      type,
      formatCount(totals.accepted),
      formatMs(times.response.p50),
      formatMs(times.response.p99),
      formatMs(times.service.p50),
      formatMs(times.service.p99),
    ]),
  );
}
