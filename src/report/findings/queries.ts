/** Queries that take long, for what they bring or beside publishes, or bring more than was asked for. */
import type { CountsOf } from "../../measure/classes.ts";
import { queryOf } from "../class-report.ts";
import { counted } from "../format.ts";
import { mostRowsOf, type QueryRow, queryRowsOf } from "./asked.ts";
import { isNagleQuery } from "./floors.ts";
import { leadOf } from "./lead.ts";
import { evidence, type Rule } from "./rule.ts";
import type { RunView } from "./view.ts";
import { listed } from "./words.ts";

const LEAST_COUNT = 30;
const SLOW_MS = 50;
/** Of answers of many rows each row may take so much more: what a feed takes. */
const ROW_MS = 0.1;
const VERY_SLOW_MS = 500;
/** So many times the publishes' own: else the relay is slow with all it does. */
const FACTOR = 5;
/** A shape out of proportion takes so long at least, and so much of all time is most of it. */
const COSTLY_MS = 20;
const MOST_OF_ALL = 0.5;
/** Some relays count a limit for each filter or author anew; a page more is no flood. */
const MORE_THAN_ASKED = 1.5;

export const slowQueries: Rule = {
  id: "slow-queries",
  of: ["query"],
  explains: [],
  find(view) {
    const { report, relayCpu } = view;
    const { publish } = report.classes;
    const besides = publish?.times.service.p50 ?? 0;
    const [worst] = queryRowsOf(report)
      .filter(({ times }) => times.service.count >= LEAST_COUNT && !isNagleQuery(times.service))
      .sort((a, b) => p50Of(b) - p50Of(a));
    if (worst === undefined) return null;
    const { name, times, totals, asked } = worst;
    const { service } = times;
    const { rows, eose } = totals;
    const p50 = service.p50 ?? 0;
    const bound = SLOW_MS + (publish === undefined ? (rowsEach(totals) ?? 0) * ROW_MS : 0);
    if (p50 < bound || p50 < besides * FACTOR) return null;
    const where = publish === undefined ? "at the median" : `publishes ${besides.toFixed(1)} ms`;
    return {
      severity: p50 >= VERY_SLOW_MS ? "major" : "minor",
      confidence: service.count >= LEAST_COUNT * 3 ? "high" : "medium",
      title: `\`${name}\` queries take ${p50.toFixed(0)} ms${publish === undefined ? " " : ", "}${where}`,
      evidence: [
        evidence(`query.rows.${name}.times.service.p50`, p50, bound),
        evidence(`query.rows.${name}.times.service.p99`, service.p99),
        ...(publish === undefined ? [] : [evidence("publish.times.service.p50", besides, p50)]),
        evidence("events a query", eose === 0 ? null : rows / eose),
      ],
      counterEvidence: [
        evidence("p50 at first, ms", firstP50(view, name), "lower if it grows with what is stored"),
        evidence("relay.cpuPercent", relayCpu, "about 100 if it scans or serialises"),
        evidence("queries answered", service.count, LEAST_COUNT),
      ],
      remediation: `Look at how this filter is answered: an index on kind and created_at, on the tag it asks for, on author and kind; a scan that sorts all to return a few; events parsed and written anew for each reader. ${publish === undefined ? `It asks by ${listed(asked?.members ?? [])}.` : "See docs/sessions.md for the filters."}`,
      labels: ["performance", "queries"],
      cost: (p50 * service.count) / Math.max(1, leadOf(report).due),
    };
  },
};

export const costlyShape: Rule = {
  id: "costly-shape",
  of: ["query"],
  explains: ["slow-queries"],
  find(view) {
    const { report, relayCpu } = view;
    const rows = queryRowsOf(report).filter(({ times }) => times.service.count >= LEAST_COUNT);
    const [costly] = rows
      .flatMap((row) => {
        const cheap = cheaperThan(row, rows);
        return cheap === null ? [] : [{ row, cheap, ratio: p50Of(row) / p50Of(cheap) }];
      })
      .sort((a, b) => p50Of(b.row) - p50Of(a.row));
    if (costly === undefined) return null;
    const { row, cheap, ratio } = costly;
    const { service } = row.times;
    const [slowest] = [...rows].sort((a, b) => p50Of(b) - p50Of(a));
    const ofAll =
      busyMs(row) /
      Math.max(
        1e-9,
        rows.reduce((sum, one) => sum + busyMs(one), 0),
      );
    const { totals, rate } = queryOf(report);
    return {
      severity: p50Of(row) >= VERY_SLOW_MS || ofAll >= MOST_OF_ALL ? "major" : "minor",
      confidence: service.count >= LEAST_COUNT * 3 ? "high" : "medium",
      title: `\`${row.name}\` takes ${p50Of(row).toFixed(0)} ms for ${inRows(row)}, \`${cheap.name}\` ${p50Of(cheap).toFixed(1)} ms for ${inRows(cheap)}`,
      evidence: [
        evidence(`query.rows.${row.name}.times.service.p50`, p50Of(row), p50Of(cheap)),
        evidence("times as long", ratio, FACTOR),
        evidence("its share of all time that queries took", ofAll),
        evidence("rows/s of all queries", (rowsEach(totals) ?? 0) * rate.done),
        evidence("relay CPU for 1,000 rows of all queries, ms", cpuOfRows(view)),
      ],
      counterEvidence: [
        evidence(`query.rows.${row.name}.times.service.min`, service.min, p50Of(row)),
        evidence(
          `query.rows.${row.name}.times.firstEvent.p50`,
          row.times.firstEvent.p50,
          p50Of(row),
        ),
        evidence(`query.rows.${row.name}.totals.eose`, row.totals.eose, LEAST_COUNT),
        evidence("relay.cpuPercent", relayCpu, "about 100 if it scans"),
      ],
      remediation: `The rows are not what it costs: another shape brings as many in a part of the time. Look for an index on ${listed(row.asked?.members ?? [])}, for rows that are read and thrown away, and for a sort of all to return a few. \`--query-mix ${row.name}:1\` alone tells what the relay's processor does for it.`,
      labels: ["performance", "queries"],
      sparing: slowest === row ? [] : ["slow-queries"],
      cost: (p50Of(row) * service.count) / Math.max(1, leadOf(report).due),
    };
  },
};

const p50Of = ({ times }: QueryRow) => times.service.p50 ?? 0;
const busyMs = ({ times }: QueryRow) => (times.service.mean ?? 0) * times.service.count;
const rowsEach = ({ rows, eose }: CountsOf<"query">) => (eose === 0 ? null : rows / eose);

/** The cheapest of those that bring at least as many rows in a fifth of the time. */
function cheaperThan(row: QueryRow, rows: readonly QueryRow[]): QueryRow | null {
  if (p50Of(row) < COSTLY_MS) return null;
  const each = rowsEach(row.totals) ?? 0;
  const cheaper = rows
    .filter((other) => (rowsEach(other.totals) ?? 0) >= each && p50Of(other) > 0)
    .filter((other) => p50Of(row) >= p50Of(other) * FACTOR)
    .sort((a, b) => p50Of(a) - p50Of(b));
  return cheaper[0] ?? null;
}

function inRows({ totals, asked }: QueryRow): string {
  return asked?.verb === "COUNT" ? "a number" : counted(Math.round(rowsEach(totals) ?? 0), "row");
}

/** Where nothing else was asked of it; `null` where its processor was not seen, or it was published to. */
function cpuOfRows({ report, relayCpu }: RunView): number | null {
  const perSec = (rowsEach(queryOf(report).totals) ?? 0) * queryOf(report).rate.done;
  if (relayCpu === null || perSec === 0 || report.classes.publish !== undefined) return null;
  return (relayCpu * 10 * 1_000) / perSec;
}

/** Of the first fifth of the window in which it was answered. */
function firstP50({ window }: RunView, name: string): number | null {
  const known = window.flatMap(({ queryTimes }) => queryTimes?.[name]?.p50 ?? []);
  const first = known.slice(0, Math.ceil(known.length / 5)).sort((a, b) => a - b);
  return first[Math.floor((first.length - 1) / 2)] ?? null;
}

export const ignoredLimit: Rule = {
  id: "ignored-limit",
  of: ["query"],
  explains: ["slow-queries"],
  find(view) {
    const over = queryRowsOf(view.report).flatMap((row) => {
      const { name } = row;
      const each = rowsEach(row.totals) ?? 0;
      const limit = mostRowsOf(row);
      return each <= limit * MORE_THAN_ASKED ? [] : [{ name, limit, each }];
    });
    const [first] = over;
    if (first === undefined) return null;
    return {
      severity: "minor",
      confidence: "high",
      title: `The relay sends ${first.each.toFixed(0)} events for a \`${first.name}\` query that asked for ${first.limit}`,
      evidence: over.map(({ name, each, limit }) =>
        evidence(`events a ${name} query`, each, limit),
      ),
      counterEvidence: [
        evidence(
          "queries answered",
          queryOf(view.report).rows[first.name]?.totals.eose ?? null,
          "a few may be chance",
        ),
      ],
      remediation:
        "Hold to a filter's `limit` (NIP-01): the newest so many, then EOSE. What is sent beyond costs the relay's processor, the network and the reader's.",
      labels: ["queries", "protocol"],
      cost: 1,
    };
  },
};
