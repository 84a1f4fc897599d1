/** Answers that end at a number of rows which the relay does not announce, or at another than it does. */
import { queryOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { type QueryRow, queryRowsOf } from "./asked.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";
import { listed, percent } from "./words.ts";

const MANY = 0.01;
/** Where so many answers of a shape end at the cap, its rows each are the cap. */
const NEARLY_ALL = 0.9;
/** Answers that end so far below what is announced end at something else. */
const BELOW = 0.9;

export const unannouncedCap: Rule = {
  id: "unannounced-cap",
  of: ["query"],
  explains: ["wrong-answers"],
  find({ report }) {
    const announced = announcedOf(report);
    const all = queryRowsOf(report).filter(({ asked }) => asked?.verb !== "COUNT");
    const capped = all
      .filter(({ totals }) => totals.truncated > 0)
      .map((row) => ({ ...row, ...capOf(row) }))
      .filter(({ most }) => announced === null || most < announced * BELOW)
      .sort((a, b) => shareOf(b) - shareOf(a));
    const [surest] = capped;
    if (surest === undefined) return null;
    const { least, most } = surest;
    // Few of a relay or a VU do not make it evident: they are short, and ended there too.
    const isSure = shareOf(surest) + surest.totals.short / surest.totals.eose >= NEARLY_ALL;
    const rows = isSure ? `about ${least.toFixed(0)}` : `${least.toFixed(0)} to ${most.toFixed(0)}`;
    const { eose } = queryOf(report).totals;
    const truncated = capped.reduce((sum, { totals }) => sum + totals.truncated, 0);
    const wasAsked = report.run.relays?.some(({ limits }) => limits !== undefined) === true;
    return {
      severity: truncated >= eose * MANY ? "major" : "minor",
      confidence: isSure && wasAsked ? "high" : "medium",
      title: `Answers end at ${rows} rows, ${announced === null ? "a cap that the relay does not announce" : `where the relay announces ${announced}`}: ${listed(capped.map(({ name }) => name))}`,
      evidence: capped
        .slice(0, 4)
        .flatMap(({ name, totals, asked, least: each }) => [
          evidence(`query.rows.${name}.totals.truncated`, totals.truncated, totals.eose),
          evidence(`rows a \`${name}\` query`, each, asked?.most ?? null),
        ]),
      counterEvidence: [
        evidence("NIP-11 max_limit", announced, wasAsked ? "not announced" : "nobody asked"),
        evidence("short answers to these, which may end at it too", shorts(capped), 0),
        evidence("an EOSE that says that there is more (NIP-67)", null, "not told apart here"),
      ],
      remediation: `A client that asks for more takes what it gets for all there is: announce \`max_limit\` in NIP-11 and say \`more\` with EOSE (NIP-67). Clients page by \`until\` from the oldest row that came. ${percent(truncated / Math.max(1, eose))} of the answers were cut.`,
      labels: ["queries", "configuration", "protocol"],
      sparing: isAllByCap(all, least) ? [] : ["wrong-answers"],
      cost: failureCost(truncated, report),
    };
  },
};

/** Rows each: at least the mean of all answers, at most all rows in those that were cut. */
function capOf({ totals }: QueryRow): { readonly least: number; readonly most: number } {
  const { rows, duplicate, eose, truncated } = totals;
  return { least: (rows - duplicate) / eose, most: (rows - duplicate) / truncated };
}

function shareOf({ totals }: QueryRow): number {
  return totals.truncated / totals.eose;
}

/** The least, of several relays; `null` where none announces one. */
function announcedOf({ run }: Report): number | null {
  const known = (run.relays ?? []).flatMap(({ limits }) => limits?.max_limit ?? []);
  return known.length === 0 ? null : Math.min(...known);
}

/** A cap becomes evident by several answers that end at it: fewer are short. */
function isAllByCap(rows: readonly QueryRow[], cap: number): boolean {
  return rows.every(
    ({ totals, asked }) => totals.wrong === 0 && (totals.short === 0 || (asked?.most ?? 0) > cap),
  );
}

function shorts(rows: readonly QueryRow[]): number {
  return rows.reduce((sum, { totals }) => sum + totals.short, 0);
}
