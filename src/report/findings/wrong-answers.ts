/**
 * Answers that are not what was asked for. They stand first: a relay that answers another question may be as
 * fast as it likes.
 */
import { queryOf } from "../class-report.ts";
import type { Evidence, Report } from "../types.ts";
import { mostRowsOf, type QueryRow, queryRowsOf } from "./asked.ts";
import { type Draft, evidence, failureCost, type Rule } from "./rule.ts";
import { listed, percent } from "./words.ts";

/** From here on wrong answers are no chance of single events. */
const MANY = 0.01;
/** With so many rows of others a filter, or a member of it, is not looked at. */
const UNFILTERED = 0.5;

/** Findings of answers that take long since there is more in them than was asked for. */
const OF_TIME = ["slow-queries", "costly-shape", "late-answers", "duplicate-rows"];

type Fault = "unasked" | "over" | "disordered" | "missing";

interface FaultyRow extends QueryRow {
  readonly faults: readonly Fault[];
}

export const wrongAnswers: Rule = {
  id: "wrong-answers",
  of: ["query"],
  isFirst: true,
  explains: [...OF_TIME, "ignored-limit", "sent-behind-eose"],
  find({ report }) {
    const rows = queryRowsOf(report).filter((row) => isRows(row) && !ignoresSearch(row));
    const faulty = rows.map((row): FaultyRow => ({ ...row, faults: faultsOf(row) }));
    const of = (fault: Fault) => faulty.filter(({ faults }) => faults.includes(fault));
    const bad = sum(rows, "wrong") + sum(rows, "short");
    const [first] = faulty.filter(({ faults }) => faults.length > 0);
    if (bad === 0 || first === undefined) return null;
    const { eose, foreign, right, truncated } = queryOf(report).totals;
    const isFlood = of("unasked").length + of("over").length > 0;
    return {
      severity: bad >= eose * MANY ? "critical" : "major",
      confidence: foreign === 0 || isFlood ? "high" : "medium",
      title: `${percent(bad / Math.max(1, eose))} of the answers are wrong: ${titleOf(of)}`,
      evidence: faulty
        .filter(({ faults }) => faults.length > 0)
        .flatMap(evidenceOf)
        .slice(0, 8),
      counterEvidence: [
        evidence("query.totals.right", right, eose),
        evidence("query.totals.truncated", truncated, "ended by a cap that is known: not counted"),
        evidence("query.totals.foreign", foreign, "others' events may take the place of rows"),
        evidence("rows behind EOSE", sum(rows, "rowsBehind"), "above 0 if EOSE comes too early"),
      ],
      remediation: meaningOf(of, faulty),
      labels: ["correctness", "queries", "protocol"],
      sparing: isFlood ? [] : OF_TIME,
      cost: failureCost(bad, report),
    };
  },
};

export const searchIgnored: Rule = {
  id: "search-ignored",
  of: ["query"],
  isFirst: true,
  explains: OF_TIME,
  find({ report }) {
    const row = queryRowsOf(report).find(ignoresSearch);
    if (row === undefined) return null;
    const { name, totals } = row;
    const share = totals.notMatching / totals.rows;
    return {
      severity: "major",
      confidence: totals.foreign === 0 ? "high" : "medium",
      title: `The relay ignores \`search\`: ${percent(share)} of the rows do not hold the word that was asked for`,
      evidence: [
        evidence(`query.rows.${name}.totals.notMatching`, totals.notMatching, totals.rows),
        evidence(`query.rows.${name}.totals.wrong`, totals.wrong, totals.eose),
      ],
      counterEvidence: [
        evidence(`query.rows.${name}.totals.matching`, totals.matching, totals.rows),
        ...othersRight(report, name),
      ],
      remediation:
        "Each word was planted in a known few events, so that no likeness explains other rows. A relay without NIP-50 that leaves `search` out of a filter answers another question, with the newest of everything: refuse such a REQ with CLOSED `unsupported:`, and leave 50 out of `supported_nips`.",
      labels: ["correctness", "queries", "search"],
      cost: failureCost(totals.wrong, report),
    };
  },
};

export const wrongCounts: Rule = {
  id: "wrong-counts",
  of: ["query"],
  isFirst: true,
  explains: [],
  find({ report }) {
    const rows = queryRowsOf(report).filter(({ asked }) => asked?.verb === "COUNT");
    const [high, low] = [sum(rows, "wrong"), sum(rows, "short")];
    const answered = sum(rows, "eose");
    if (high + low === 0) return null;
    const { foreign, matching } = queryOf(report).totals;
    const how = [
      ...(high > 0 ? [`${percent(high / answered)} are too high`] : []),
      ...(low > 0 ? [`${percent(low / answered)} too low`] : []),
    ];
    return {
      severity: high + low >= answered * MANY ? "major" : "minor",
      // Events of others count too, and only rows show whether there are any.
      confidence: foreign > 0 ? "low" : matching === 0 && high > 0 ? "medium" : "high",
      title: `Counts are wrong: ${how.join(", ")}`,
      evidence: rows.flatMap(({ name, totals }) => [
        evidence(`query.rows.${name}.totals.wrong, too high`, totals.wrong, totals.eose),
        evidence(`query.rows.${name}.totals.short, too low`, totals.short, totals.eose),
      ]),
      counterEvidence: [
        evidence("query.totals.foreign", foreign, "events of others count as well"),
        evidence("counts that say that they are limited", sum(rows, "truncated"), "not counted"),
      ],
      remediation:
        "A COUNT is of events that match any of its filters, each once (NIP-45): without what was replaced, deleted or has expired, whatever the limit on rows is. A number that is an estimate says `approximate`.",
      labels: ["correctness", "queries"],
      cost: failureCost(high + low, report),
    };
  },
};

const isRows = ({ asked }: QueryRow) => asked?.verb !== "COUNT";

function ignoresSearch({ asked, totals }: QueryRow): boolean {
  const { wrong, notMatching, rows } = totals;
  return (
    asked?.members.includes("search") === true && wrong > 0 && notMatching >= rows * UNFILTERED
  );
}

function faultsOf(row: QueryRow): readonly Fault[] {
  const { wrong, short, notMatching, rows, duplicate, eose } = row.totals;
  const isOver = rows - duplicate > mostRowsOf(row) * eose;
  return [
    ...(isOver ? ["over" as const] : []),
    ...(notMatching > 0 && !isOver ? ["unasked" as const] : []),
    ...(wrong > 0 && notMatching === 0 && !isOver ? ["disordered" as const] : []),
    ...(short > 0 ? ["missing" as const] : []),
  ];
}

const WORDS: Readonly<Record<Fault, string>> = {
  unasked: "rows that were not asked for",
  over: "more rows than were asked for",
  disordered: "not newest first",
  missing: "rows are missing",
};

function titleOf(of: (fault: Fault) => readonly QueryRow[]): string {
  return FAULTS.flatMap((fault) => {
    const names = of(fault).map(({ name }) => name);
    return names.length === 0 ? [] : [`${WORDS[fault]} (${listed(names)})`];
  }).join("; ");
}

const FAULTS = ["unasked", "over", "disordered", "missing"] as const;

function evidenceOf({ name, totals, asked, faults }: FaultyRow): readonly Evidence[] {
  const { wrong, short, eose, notMatching, rows } = totals;
  const of = `query.rows.${name}.totals`;
  const mostRows = asked?.most ?? null;
  return [
    ...(wrong > 0 ? [evidence(`${of}.wrong`, wrong, eose)] : []),
    ...(notMatching > 0 ? [evidence(`${of}.notMatching`, notMatching, rows)] : []),
    ...(faults.includes("over")
      ? [evidence(`rows a \`${name}\` query`, rows / eose, mostRows)]
      : []),
    ...(short > 0 ? [evidence(`${of}.short`, short, eose)] : []),
  ];
}

/** What each fault means for who asks, and where to look. */
function meaningOf(
  of: (fault: Fault) => readonly QueryRow[],
  all: readonly FaultyRow[],
): Draft["remediation"] {
  const unasked = of("unasked");
  const member = ignoredMembers(unasked, all);
  const isUnfiltered = unasked.some(({ totals }) => totals.notMatching >= totals.rows * UNFILTERED);
  const isEarly = of("missing").some(({ totals }) => totals.rowsBehind > 0);
  return [
    ...(unasked.length > 0
      ? [
          `${
            member.length > 0
              ? `The wrong answers are those to questions with ${listed(member)}, which the others have not: a relay that does not know a member of a filter and answers without it${isUnfiltered ? " sends whatever it holds" : " sends too much"}.`
              : "Rows are there that no filter of the question matches."
          } Hold each row against the whole filter, or refuse the REQ with CLOSED.`,
        ]
      : []),
    ...(of("over").length > 0
      ? ["Hold to each filter's `limit`: the newest so many, then EOSE (NIP-01)."]
      : []),
    ...(of("disordered").length > 0
      ? [
          "Rows that are stored come newest first (NIP-01): a client that stops at its limit, or pages by `until`, else loses the newest.",
        ]
      : []),
    ...(of("missing").length > 0
      ? [
          isEarly
            ? "Rows come behind EOSE: it is sent before all that is stored was, and a client has closed by then."
            : "Rows are missing without a word: look for an index that lags behind the store, a query that is given up after a time, or a cap on rows; say by NIP-67 or NIP-11 (`max_limit`) where an answer ends early.",
        ]
      : []),
  ].join(" ");
}

/** Members of filters that all wrong questions have, and none of those that are answered rightly. */
function ignoredMembers(wrong: readonly QueryRow[], all: readonly FaultyRow[]): readonly string[] {
  const fine = all.filter(({ faults }) => !faults.includes("unasked")).flatMap(membersOf);
  const [first = [], ...others] = wrong.map(membersOf);
  const ignored = first.filter(
    (member) => others.every((members) => members.includes(member)) && !fine.includes(member),
  );
  return ignored.length > 1 ? ignored.filter((member) => member !== ANY_TAG) : ignored;
}

const ANY_TAG = "#…";

function membersOf({ asked }: QueryRow): readonly string[] {
  const members = asked?.members ?? [];
  return members.some((member) => member.startsWith("#")) ? [...members, ANY_TAG] : members;
}

function othersRight(report: Report, besides: string): readonly Evidence[] {
  const others = queryRowsOf(report).filter(({ name }) => name !== besides);
  if (others.length === 0) return [];
  return [
    evidence("answers to other shapes that are right", sum(others, "right"), sum(others, "eose")),
  ];
}

type Column = keyof QueryRow["totals"];

function sum(rows: readonly QueryRow[], column: Column): number {
  return rows.reduce((total, { totals }) => total + totals[column], 0);
}
