/** REQs and COUNTs that the relay turned down, by CLOSED or by NOTICE: which limit it is, and from where on. */
import type { Reason } from "../../nostr/reason.ts";
import type { ShapeFacts } from "../../query/facts.ts";
import { publishOf, queryOf } from "../class-report.ts";
import type { Evidence, Report, ReportError } from "../types.ts";
import { type QueryRow, queryRowsOf } from "./asked.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";
import { countOf, errorsOf, listed, meaningOf, percent, quoted, textEvidence } from "./words.ts";

/** So many of the unanswered queries must have such words beside them. */
const TOLD = 0.3;

export const queriesRefused: Rule = {
  id: "queries-refused",
  of: ["query"],
  explains: ["no-eose"],
  find({ report }) {
    const { sent, eose, closed, timedOut, refusedByNotice } = queryOf(report).totals;
    const notices = errorsOf(report, "notice", (reason) => reason !== "duplicate");
    const silent = timedOut + refusedByNotice;
    const isNotice = silent > 0 && countOf(notices) >= silent * TOLD;
    const words = [...errorsOf(report, "closed"), ...(isNotice ? notices : [])].sort(
      (a, b) => b.count - a.count,
    );
    const [first] = words;
    const refused = closed + refusedByNotice + (isNotice ? timedOut : 0);
    if (first === undefined || refused === 0) return null;
    const bound = boundOf(queryRowsOf(report), isNotice);
    return {
      severity: refused >= sent * 0.01 ? "major" : "minor",
      confidence: isNotice && refusedByNotice === 0 ? "medium" : "high",
      title: `The relay refused ${refused} of ${sent} queries (${percent(refused / Math.max(1, sent))})${isNotice ? " by NOTICE, without CLOSED or EOSE" : ""}${bound === null ? "" : `, ${bound}`}: ${quoted(first.example)}`,
      evidence: [
        ...textEvidence(words),
        evidence("queries without EOSE in time", timedOut, 0),
        evidence("queries CLOSED", closed, 0),
        evidence("queries ended by a NOTICE", refusedByNotice, 0),
        ...limitEvidence(report, meaningOf(first), first),
      ],
      counterEvidence: [
        evidence("queries answered", eose, sent),
        report.classes.publish === undefined
          ? evidence(
              "query.times.service.p99",
              queryOf(report).times.service.p99,
              report.config.ackTimeoutMs,
            )
          : evidence(
              "publish.times.service.p99",
              publishOf(report).times.service.p99,
              report.config.ackTimeoutMs,
            ),
      ],
      remediation: `${isNotice ? "A NOTICE names no subscription, so a client waits for ever: refuse a REQ with CLOSED and its id. " : ""}${adviceFor(meaningOf(first))}`,
      labels: ["queries", ...(isNotice ? ["protocol"] : ["configuration"])],
      cost: failureCost(refused, report),
    };
  },
};

const refusedOf = ({ totals }: QueryRow, isNotice: boolean) =>
  totals.closed + totals.refusedByNotice + (isNotice ? totals.timedOut : 0);

/** What all shapes that are refused have more of than any that is answered; `null` where that can't be told. */
function boundOf(rows: readonly QueryRow[], isNotice: boolean): string | null {
  const refused = rows.filter((row) => refusedOf(row, isNotice) > 0);
  const answered = rows.filter(({ totals }) => totals.eose > 0);
  if (refused.some((row) => answered.includes(row)) || answered.length === 0) return null;
  const isAbove = (of: (asked: ShapeFacts) => number) => {
    const least = Math.min(...refused.map(({ asked }) => (asked === null ? 0 : of(asked))));
    const most = Math.max(
      ...answered.map(({ asked }) => (asked === null ? Number.POSITIVE_INFINITY : of(asked))),
    );
    return least > most && Number.isFinite(least) ? least : null;
  };
  const filters = isAbove((asked) => asked.filters);
  if (filters !== null) return `all with ${filters} filters or more`;
  const names = refused.map(({ name }) => name);
  const all = `all of ${listed(names)}`;
  const limit = isAbove(({ most, filters: n }) => (most ?? 0) / n);
  return limit === null ? all : `${all}, which ask for ${limit.toFixed(0)} rows or more`;
}

/** What the limit in its words may be held against. */
function limitEvidence(
  report: Report,
  meaning: Reason | null,
  { example }: ReportError,
): readonly Evidence[] {
  const said = /\b\d{1,6}\b/.exec(example)?.[0];
  const named = said === undefined ? "no number in its words" : `${said} in its words`;
  const limits = report.run.relays?.[0]?.limits;
  switch (meaning) {
    case "subscriptions":
      return [
        report.classes.publish === undefined
          ? evidence("queries open on a connection at most", report.config.maxInFlight, named)
          : evidence("in its words", said ?? null),
        evidence("NIP-11 max_subscriptions", limits?.max_subscriptions ?? null),
        evidence("NIP-11 max_filters", limits?.max_filters ?? null),
      ];
    case "rate-limit":
      return [evidence("queries answered a second", queryOf(report).rate.done, named)];
    default:
      return [];
  }
}

function adviceFor(meaning: Reason | null): string {
  switch (meaning) {
    case "subscriptions":
      return "It is a limit on open subscriptions or filters: more clients with fewer queries each stay below it, or raise it; NIP-11 has `max_subscriptions` for it.";
    case "rate-limit":
      return "It is a rate limit: load below it, or raise it for the test; say `rate-limited:` so that clients can wait.";
    case "unsupported":
      return "It does not know such a question: leave the shape out of `--query-mix`.";
    default:
      return "Its words say what it wants; this tool can't authenticate (NIP-42).";
  }
}
