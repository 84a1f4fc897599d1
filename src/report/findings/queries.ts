/** Queries: slow where publishing is not, without an end, or answered with more than was asked for. */

import { QUERY_LIMITS } from "../../load/sessions.ts";
import { publishOf, queryOf } from "../class-report.ts";
import type { ClassRowReport } from "../class-types.ts";
import { counted } from "../format.ts";
import { isNagleQuery } from "./floors.ts";
import { errorEvidence, evidence, type Rule } from "./rule.ts";
import type { RunView } from "./view.ts";

type Query = readonly [name: string, figures: ClassRowReport<"query">];

const LEAST_COUNT = 30;
const SLOW_MS = 50;
const VERY_SLOW_MS = 500;
/** So many times the publishes' own: else the relay is slow with all it does. */
const FACTOR = 5;
const MOST_FAILED = 0.01;
/** Some relays count a limit for each filter or author anew; a page more is no flood. */
const MORE_THAN_ASKED = 1.5;

const queriesOf = ({ report }: RunView): readonly Query[] => Object.entries(queryOf(report).rows);

export const slowQueries: Rule = {
  id: "slow-queries",
  of: ["query"],
  explains: [],
  find(view) {
    const { report, relayCpu } = view;
    const publish = publishOf(report).times.service.p50 ?? 0;
    const [worst] = queriesOf(view)
      .filter(
        ([
          ,
          {
            times: { service },
          },
        ]) => service.count >= LEAST_COUNT && !isNagleQuery(service),
      )
      .sort(([, a], [, b]) => (b.times.service.p50 ?? 0) - (a.times.service.p50 ?? 0));
    const p50 = worst?.[1].times.service.p50 ?? 0;
    if (worst === undefined || p50 < SLOW_MS || p50 < publish * FACTOR) return null;
    const [name, { times, totals }] = worst;
    const { service } = times;
    const { rows, eose } = totals;
    return {
      severity: p50 >= VERY_SLOW_MS ? "major" : "minor",
      confidence: service.count >= LEAST_COUNT * 3 ? "high" : "medium",
      title: `\`${name}\` queries take ${p50.toFixed(0)} ms, publishes ${publish.toFixed(1)} ms`,
      evidence: [
        evidence(`query.rows.${name}.times.service.p50`, p50, SLOW_MS),
        evidence(`query.rows.${name}.times.service.p99`, service.p99),
        evidence("publish.times.service.p50", publish, p50),
        evidence("events a query", eose === 0 ? null : rows / eose),
      ],
      counterEvidence: [
        evidence("p50 at first, ms", firstP50(view, name), "lower if it grows with what is stored"),
        evidence("relay.cpuPercent", relayCpu, "about 100 if it scans or serialises"),
        evidence("queries answered", service.count, LEAST_COUNT),
      ],
      remediation:
        "Look at how this filter is answered: an index on kind and created_at, on the tag it asks for, on author and kind; a scan that sorts all to return a few; events parsed and written anew for each reader. See docs/sessions.md for the filters.",
      labels: ["performance", "queries"],
      cost: (p50 * service.count) / Math.max(1, publishOf(report).totals.scheduled),
    };
  },
};

/** Of the first fifth of the window in which it was answered. */
function firstP50({ window }: RunView, name: string): number | null {
  const known = window.flatMap(({ queryTimes }) => queryTimes?.[name]?.p50 ?? []);
  const first = known.slice(0, Math.ceil(known.length / 5)).sort((a, b) => a - b);
  return first[Math.floor((first.length - 1) / 2)] ?? null;
}

export const failedQueries: Rule = {
  id: "failed-queries",
  of: ["query"],
  explains: [],
  find(view) {
    const { report } = view;
    const { scheduled, closed, timedOut, lost, noConnection } = queryOf(report).totals;
    // Without a connection there is nothing to be said of queries.
    const failed = closed + timedOut;
    if (scheduled === 0 || failed / scheduled < MOST_FAILED) return null;
    const share = failed / scheduled;
    return {
      severity: share >= 0.05 ? "major" : "minor",
      confidence: failed >= 10 ? "high" : "medium",
      title: `${(share * 100).toFixed(1)} % of the queries got no EOSE: ${counted(closed, "was", "were")} closed by the relay, ${timedOut} left without an end`,
      evidence: [
        evidence("query.totals.closed", closed, 0),
        evidence("query.totals.timedOut", timedOut, 0),
        ...errorEvidence(report, (errorClass) => errorClass === "closed"),
        ...errorEvidence(report, (errorClass) => errorClass === "notice"),
      ],
      counterEvidence: [
        evidence("query.totals.lost, with their connection", lost, failed),
        evidence("query.totals.noConnection", noConnection, failed),
        evidence(
          "publish.totals.timedOut, of publishes",
          publishOf(report).totals.timedOut,
          "high if all is late",
        ),
      ],
      remediation:
        "The text of CLOSED or of a NOTICE says why: a limit on subscriptions, on filters, a right to read. Refuse a REQ by CLOSED with its subscription id, and end each one that is answered with EOSE: a client that gets neither waits.",
      labels: ["queries", "protocol"],
      cost: (failed / Math.max(1, publishOf(report).totals.scheduled)) * 1_000,
    };
  },
};

export const ignoredLimit: Rule = {
  id: "ignored-limit",
  of: ["query"],
  explains: ["slow-queries"],
  find(view) {
    const over = queriesOf(view).flatMap(
      ([
        name,
        {
          totals: { rows, eose },
        },
      ]) => {
        const limit = QUERY_LIMITS[name];
        const each = eose === 0 ? 0 : rows / eose;
        return limit === undefined || each <= limit * MORE_THAN_ASKED
          ? []
          : [{ name, limit, each }];
      },
    );
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
