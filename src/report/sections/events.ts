/** How many events, how fast? */
import { formatCount, formatMs, formatRate } from "../format.ts";
import type { Report, Totals } from "../types.ts";
import { type Block, details, type Section, strong, type Text, table, text } from "./document.ts";

export function eventsSection({
  totals: t,
  throughput,
  config,
  run,
  warmup,
  latency,
  sets,
  queries,
}: Report): Section {
  const { connections: c } = t;
  return {
    id: "events",
    title: "How many events, how fast?",
    blocks: [
      text(
        `${formatCount(t.accepted)} of ${formatCount(t.scheduled)} scheduled events were accepted in ${run.durationSec.toFixed(1)} s over ${formatCount(config.clients)} connections: ${formatRate(throughput.acceptedEps)} accepted, ${formatRate(throughput.attemptedEps)} sent, ${formatRate(throughput.targetEps)} set.`,
      ),
      text(balance(t)),
      { kind: "charts", ids: ["throughput"] },
      byEvent(latency.byEvent),
      ...bySet(sets),
      ...byQuery(queries),
      text(
        `Connections: ${formatCount(c.opened)} opened of ${formatCount(c.attempted)} tried, ${formatCount(c.failed)} failed, ${formatCount(c.dropped)} dropped by the relay, ${formatCount(c.reconnected)} reconnected.`,
      ),
      ...(warmup.scheduled > 0
        ? [text(`Before the window, apart: ${formatCount(warmup.scheduled)} events of warm-up.`)]
        : []),
      accounting(t),
      { kind: "charts", ids: ["connections"] },
    ],
  };
}

function balance(t: Totals): Text {
  const unsent = t.unsent.backpressure + t.unsent.noConnection + t.unsent.poolExhausted;
  const fine = t.accepted + t.duplicate + t.superseded + (t.unheard ?? 0);
  const answered = fine + t.rejected + t.timedOut + t.lost;
  return t.scheduled === t.attempted + unsent && t.attempted === answered
    ? "The totals balance."
    : [strong("The totals do not balance: do not use these figures.")];
}

function accounting(t: Totals): Block {
  const rows: readonly (readonly [string, number])[] = [
    ["scheduled", t.scheduled],
    ["= attempted", t.attempted],
    ["+ unsent: backpressure", t.unsent.backpressure],
    ["+ unsent: no connection", t.unsent.noConnection],
    ["+ unsent: pool exhausted", t.unsent.poolExhausted],
    ["attempted = accepted", t.accepted],
    ["+ duplicate", t.duplicate],
    ["+ superseded", t.superseded],
    ["+ unheard", t.unheard ?? 0],
    ["+ rejected", t.rejected],
    ["+ timed out", t.timedOut],
    ["+ lost", t.lost],
  ];
  return details(
    "What became of every event",
    table(
      "Outcomes of all scheduled events",
      ["outcome", "#events"],
      rows.map(([label, n]) => [label, formatCount(n)]),
    ),
  );
}

/** Sets of several events, and which parts they lack. */
function bySet(sets: Report["sets"]): readonly Block[] {
  if (sets === null) return [];
  const rows = Object.entries(sets).map(([type, s]) => [
    type,
    ...[s.started, s.complete, s.partial, s.failed, s.cutOff].map(formatCount),
    formatMs(s.completion.p50),
    formatMs(s.completion.p99),
  ]);
  const lacking = Object.entries(sets).flatMap(([type, s]) =>
    s.lacking.map(({ part, kinds, count }) => {
      const kind = kinds.length === 0 ? "" : ` (kind ${kinds.join(" or ")})`;
      return `${formatCount(count)} sets of ${type} lack part ${part + 1}${kind}`;
    }),
  );
  return [
    table(
      "Multi-part sets: first part due to last OK",
      ["set", "#begun", "#complete", "#partial", "#failed", "#cut off", "#p50", "#p99"],
      rows,
    ),
    ...(lacking.length === 0 ? [] : [text(`${lacking.join("; ")}.`)]),
  ];
}

function byQuery(queries: Report["queries"]): readonly Block[] {
  if (queries === null) return [];
  return [
    table(
      "Queries: REQ until EOSE",
      [
        "query",
        "#sent",
        "#EOSE",
        "#CLOSED",
        "#no EOSE",
        "#events each",
        "#response p50",
        "#response p99",
      ],
      Object.entries(queries).map(([name, q]) => [
        name,
        `${formatCount(q.sent)}${q.noConnection > 0 ? ` of ${formatCount(q.scheduled)}` : ""}`,
        formatCount(q.eose),
        formatCount(q.closed),
        formatCount(q.timedOut + q.lost),
        q.eose === 0 ? "–" : (q.events / q.eose).toFixed(1),
        formatMs(q.response.p50),
        formatMs(q.response.p99),
      ]),
    ),
  ];
}

function byEvent(types: Report["latency"]["byEvent"]): Block {
  return table(
    "Accepted events and times by event type",
    ["event", "#accepted", "#response p50", "#response p99", "#service p50", "#service p99"],
    Object.entries(types).map(([type, e]) => [
      type,
      formatCount(e.accepted),
      formatMs(e.response.p50),
      formatMs(e.response.p99),
      formatMs(e.service.p50),
      formatMs(e.service.p99),
    ]),
  );
}
