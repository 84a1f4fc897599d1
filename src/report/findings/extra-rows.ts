/** Rows beyond those of an answer: behind its end, or once more. */
import { publishOf, queryOf } from "../class-report.ts";
import { counted, formatBytes } from "../format.ts";
import type { Report } from "../types.ts";
import { mostRowsOf, type QueryRow, queryRowsOf } from "./asked.ts";
import { evidence, type Rule } from "./rule.ts";
import { listed, percent } from "./words.ts";

const MOST_REPEATED = 0.01;

/**
 * So many new events may have come to a subscription before its CLOSE took effect: all that was accepted while
 * EOSE waited to be read and CLOSE was on its way. One for each query in any case.
 */
function liveEvents(report: Report): number {
  const { generator } = report;
  const { times } = publishOf(report);
  const waitedMs = (generator.loopLag.p99 ?? 0) + (times.service.p99 ?? 0);
  return Math.max(1, (publishOf(report).rate.done * waitedMs) / 1_000);
}

/** What was given up may be answered later: its rows are behind no EOSE. */
function lateRows(row: QueryRow): number {
  const { timedOut } = row.totals;
  return timedOut === 0 ? 0 : timedOut * mostRowsOf(row);
}

/** A relay that goes on behind EOSE, and behind the CLOSE that answers it. */
export const sentBehindEose: Rule = {
  id: "sent-behind-eose",
  of: ["query"],
  explains: [],
  find({ report }) {
    const live = liveEvents(report);
    const [first] = queryRowsOf(report)
      .filter((row) => row.totals.rowsBehind > row.totals.eose * live + lateRows(row))
      .sort((a, b) => b.totals.rowsBehind - a.totals.rowsBehind);
    if (first === undefined) return null;
    const { name, totals } = first;
    const { rowsBehind, eose, rows } = totals;
    return {
      severity: "minor",
      confidence: "high",
      title: `The relay goes on sending behind EOSE: ${counted(Math.round(rowsBehind / Math.max(1, eose)), "event")} for each \`${name}\` query`,
      evidence: [evidence(`query.rows.${name}.totals.rowsBehind`, rowsBehind, eose)],
      counterEvidence: [
        evidence(`query.rows.${name}.totals.rows`, rows),
        evidence(`query.rows.${name}.totals.eose`, eose, "each was followed by CLOSE"),
        evidence("new events that may have come to a query before its CLOSE", live, 1),
      ],
      remediation:
        "Behind EOSE only new events are wanted, and behind CLOSE none (NIP-01): each one costs the relay, the network and the client. Look for a scan that goes on when its subscription is gone, or an EOSE that is sent too early.",
      labels: ["protocol", "queries"],
      cost: 0,
    };
  },
};

export const duplicateRows: Rule = {
  id: "duplicate-rows",
  of: ["query"],
  explains: [],
  find({ report }) {
    const { rows, duplicate, bytes } = queryOf(report).totals;
    if (rows === 0 || duplicate < rows * MOST_REPEATED) return null;
    const repeating = queryRowsOf(report)
      .filter(({ totals }) => totals.duplicate > 0)
      .sort((a, b) => b.totals.duplicate - a.totals.duplicate);
    const ofOne = repeating.filter(
      ({ totals, asked }) =>
        asked?.filters === 1 && totals.duplicate >= totals.rows * MOST_REPEATED,
    );
    const names = listed((ofOne.length > 0 ? ofOne : repeating).map(({ name }) => name));
    return {
      severity: ofOne.length > 0 ? "minor" : "info",
      confidence: "high",
      title: `${percent(duplicate / rows)} of the rows came more than once in an answer${ofOne.length > 0 ? ", for one filter" : ", for several filters"}: ${names}`,
      evidence: [
        evidence("query.totals.duplicate", duplicate, rows),
        ...repeating
          .slice(0, 3)
          .map(({ name, totals }) =>
            evidence(`query.rows.${name}.totals.duplicate`, totals.duplicate, totals.rows),
          ),
      ],
      counterEvidence: repeating
        .slice(0, 3)
        .map(({ name, asked }) => evidence(`filters of \`${name}\``, asked?.filters ?? null, 1)),
      remediation: `${
        ofOne.length > 0
          ? "A question of one filter has each row once: look for an event that is handed on as new while it is read from the store, and for versions of an address."
          : "A relay may answer several filters one after the other, and a row that two of them find twice: clients know it by its id."
      } It costs the relay's processor and about ${percent(duplicate / rows)} of the ${formatBytes(bytes)} that were sent.`,
      labels: ["queries", "protocol"],
      cost: 0,
    };
  },
};
