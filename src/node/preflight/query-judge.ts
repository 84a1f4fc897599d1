/** A plan's questions, held against what the relay announces, what its software usually has, and what it did. Pure. */
import { formatMix } from "../../events/mix.ts";
import { type Reason, reasonOf } from "../../nostr/reason.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { parseQueryMix } from "../../query/catalogue.ts";
import type { Demand } from "../../query/demands.ts";
import { formatCount } from "../../report/format.ts";
import { type Asking, announcedMost, frameBytesOf, LONGEST_ID } from "./asking.ts";
import { advice, type Explanation, type Finding, ok, stop } from "./finding.ts";
import type { Information } from "./information.ts";
import { describeSource, knownLimit } from "./known-limits.ts";
import {
  type Heard,
  isComplaint,
  MOST_REQS,
  type QueryProbe,
  type SearchHeard,
} from "./query-probe.ts";

export interface QueryQuestion {
  readonly label: string;
  readonly asking: Asking;
  readonly information: Information;
  /** `null`: nothing had to be tried. */
  readonly probe: QueryProbe | null;
}

export function judgeQueries(question: QueryQuestion): Finding[] {
  const { probe } = question;
  const isReached = probe?.status === "reached";
  // That it can't be reached, the probe with events says.
  if (isReached && probe.opened === 0 && probe.refusal !== null) {
    return [judgeUnanswered(question, probe.refusal)];
  }
  return [
    ...judgeSubscriptions(question),
    ...judgeSizes(question),
    ...judgeRows(question),
    ...(isReached ? judgeTried(question, probe) : []),
  ];
}

/** Nothing at all is answered. */
function judgeUnanswered(question: QueryQuestion, refusal: Heard): Finding {
  return settle(question, "queries", {
    what: `\`${question.label}\` ${describe(refusal, "a REQ")}`,
    why: "there would be no answer to measure",
    remedy: remedyFor(reasonOf(refusal.words)),
  });
}

function remedyFor(reason: Reason): string {
  if (reason === "auth") {
    return "this tool can't authenticate (NIP-42): let the relay be read without AUTH while it is under test";
  }
  if (reason === "payment" || reason === "policy") {
    return "let the relay be read by anybody while it is under test";
  }
  if (reason === "rate-limit") return "raise or switch off its limit on rates for this address";
  return "look at its log: it should end each REQ with EOSE or CLOSED (NIP-01)";
}

function judgeSubscriptions(question: QueryQuestion): Finding[] {
  const { label, asking, information, probe } = question;
  const { isBounded, option } = asking;
  const known = knownLimit(information, "max_subscriptions");
  const planned = isBounded
    ? `the plan has up to ${asking.open} open on each`
    : `the plan opens ${asking.open.toFixed(1)} a second on each`;
  const why = isBounded
    ? "REQs above that would be refused"
    : "as soon as answers take a second, REQs would be refused";
  const lower = (most: number) =>
    option !== undefined
      ? `--${OPTIONS[option].flag} ${most}, or raise \`max_subscriptions\` while the relay is under test`
      : "raise `max_subscriptions`, lower --rate or give more --clients";
  if (probe?.status === "reached" && probe.refusal !== null) {
    const { opened, refusal } = probe;
    if (reasonOf(refusal.words) === "rate-limit") return [judgeRate(label, refusal)];
    const what = `\`${label}\` held ${opened} subscriptions on a connection and ${describe(refusal, "the next REQ")}, ${planned}`;
    return [settle(question, "subscriptions", { what, why, remedy: lower(opened) })];
  }
  if (known?.usualOf === null && asking.open > known.value) {
    const what = `\`${label}\` announces to hold ${known.value} subscriptions on a connection, ${planned}`;
    return [settle(question, "subscriptions", { what, why, remedy: lower(known.value) })];
  }
  if (!isBounded) return [];
  if (probe?.status === "reached" && probe.opened > 1) {
    const isAll = asking.open <= MOST_REQS;
    const what = `\`${label}\` held ${probe.opened} subscriptions on a connection${isAll ? "" : `; the ${asking.open} of the plan were not tried`}`;
    return [ok("subscriptions", what)];
  }
  if (known === null) return [];
  const what = `\`${label}\` holds ${known.value} subscriptions on a connection (${describeSource(known)}), ${planned}`;
  return [ok("subscriptions", what)];
}

function judgeRate(label: string, { words }: Heard): Finding {
  return advice("rate", {
    what: `\`${label}\` limits the rate of REQs: \`${words}\``,
    why: "the report would be of that limit",
    remedy: remedyFor("rate-limit"),
  });
}

/** What would be refused for its size: filters, ids, frames. Only what is announced is believed. */
function judgeSizes(question: QueryQuestion): Finding[] {
  const { label, asking, information } = question;
  const findings: Finding[] = [];
  const longest = announcedMost(information, "max_subid_length");
  if (longest < LONGEST_ID) {
    findings.push(
      settle(question, "queries", {
        what: `\`${label}\` announces to take ${longest} characters in a subscription's id, ours have up to ${LONGEST_ID}`,
        why: "REQs would be refused",
        remedy: "raise `max_subid_length` while the relay is under test",
      }),
    );
  }
  const rows = [
    ["max_filters", "filters in a REQ", ({ filters }: Demand) => filters],
    ["max_message_length", "bytes a message", frameBytesOf],
  ] as const;
  for (const [name, unit, sizeOf] of rows) {
    const most = announcedMost(information, name);
    const larger = asking.demands.filter((demand) => sizeOf(demand) > most);
    if (larger.length === 0) continue;
    const needed = Math.max(...larger.map(sizeOf));
    findings.push(
      settle(question, "queries", {
        what: `\`${label}\` announces to take ${formatCount(most)} ${unit}, ${listShapes(larger)} ${larger.length === 1 ? "needs" : "need"} up to ${formatCount(needed)}`,
        why: "those REQs would be refused, or end the connection",
        remedy: `raise \`${name}\` while the relay is under test${orLeaveOut(asking, larger)}`,
      }),
    );
  }
  return findings;
}

/** Fewer rows than are asked for are an answer still. */
function judgeRows({ label, asking, information }: QueryQuestion): Finding[] {
  const known = knownLimit(information, "max_limit");
  if (known === null) return [];
  const larger = asking.demands.filter(({ limit }) => limit > known.value);
  if (larger.length === 0) return [];
  const most = Math.max(...larger.map(({ limit }) => limit));
  return [
    advice("max-limit", {
      what: `\`${label}\` answers a filter with at most ${formatCount(known.value)} rows (${describeSource(known)}), ${listShapes(larger)} ${larger.length === 1 ? "asks" : "ask"} for up to ${formatCount(most)}`,
      why:
        asking.mix === null
          ? "they would be answered in part, or refused"
          : "answers that end there are counted as `truncated`, not as `short`",
      remedy: `raise \`max_limit\` while the relay is under test${orLeaveOut(asking, larger)}`,
    }),
  ];
}

/** What `supported_nips` can't be believed for. */
function judgeTried(
  question: QueryQuestion,
  { filters, count, search }: Extract<QueryProbe, { status: "reached" }>,
): Finding[] {
  const { label, asking } = question;
  const findings: Finding[] = [];
  const refuse = (id: string, meant: (demand: Demand) => boolean, found: Explanation) => {
    const remedy = `${found.remedy}${orLeaveOut(asking, asking.demands.filter(meant))}`;
    findings.push(settle(question, id, { ...found, what: `\`${label}\` ${found.what}`, remedy }));
  };
  if (filters !== null && filters.outcome !== "eose") {
    const most = Math.max(...asking.demands.map((demand) => demand.filters));
    refuse("queries", (demand) => demand.filters > 1, {
      what: describe(filters, `a REQ of ${most} filters`),
      why: "questions of several filters would have no answer",
      remedy: "raise its limit on filters",
    });
  }
  // khatru complains, and counts 0 all the same.
  const counted = count?.outcome === "count" && !isComplaint(count.words) ? count.count : null;
  if (count !== null && counted !== 0) {
    refuse("count", ({ verb }) => verb === "COUNT", {
      what:
        counted === null
          ? describe(count, "a COUNT (NIP-45)")
          : `counts ${formatCount(counted)} events of an id that no event has (NIP-45)`,
      why: "there would be no number to hold against the right one",
      remedy: "switch COUNT on",
    });
  }
  if (search !== null) findings.push(...judgeSearch(question, search));
  return findings;
}

function judgeSearch(question: QueryQuestion, { found, any, planted }: SearchHeard): Finding[] {
  const { label, asking } = question;
  const searching = asking.demands.filter(({ searches }) => searches);
  const remedy = `switch search on${orLeaveOut(asking, searching)}`;
  const why = "what it answers would be other rows than were asked for";
  if (found.rows > 0) {
    const what = `\`${label}\` ignores \`search\` (NIP-50): it has rows for a word that no event holds`;
    return [settle(question, "search", { what, why, remedy })];
  }
  if (found.outcome !== "eose") {
    const what = `\`${label}\` ${describe(found, "a search (NIP-50)")}`;
    return [settle(question, "search", { what, why: "searches would have no answer", remedy })];
  }
  if (planted !== null && planted.rows === 0) {
    // An index may follow later.
    const what = `\`${label}\` does not find a word (NIP-50) of an event that it took a moment ago`;
    return [advice("search", { what, why: "answers without such rows are `short`", remedy })];
  }
  if (planted !== null) {
    return [ok("search", `\`${label}\` finds a word of an event that it took a moment ago`)];
  }
  if (any.rows > 0)
    return [ok("search", `\`${label}\` finds nothing where there is nothing to find`)];
  const unknown = `whether \`${label}\` searches (NIP-50) can't be known beforehand: it holds nothing`;
  return [ok("search", unknown)];
}

function describe({ outcome, words }: Heard, what: string): string {
  if (outcome === "closed")
    return `refuses ${what}: ${words === "" ? "without a word" : `\`${words}\``}`;
  if (outcome === "ended") return `ends the connection at ${what}, ${words}`;
  if (words !== "") return `answers ${what} with a NOTICE: \`${words}\``;
  if (outcome === "silent") return `gives no answer to ${what}`;
  return `gives another answer to ${what}`;
}

/** A plan of questions ends here; what is by the way, goes on. */
function settle({ asking }: QueryQuestion, id: string, explanation: Explanation): Finding {
  return asking.isBounded ? stop(id, explanation) : advice(id, explanation);
}

function listShapes(demands: readonly Demand[]): string {
  return demands.map(({ shape }) => `\`${shape}\``).join(", ");
}

/** How to go on without some shapes; empty where nothing would be left, or nobody chose them. */
function orLeaveOut({ mix }: Asking, demands: readonly Demand[]): string {
  if (mix === null) return "";
  const names = demands.map(({ shape }) => shape);
  const rest = Object.entries(parseQueryMix(mix)).filter(([name]) => !names.includes(name));
  if (rest.length === 0) return ", or give another mix of questions";
  return `, or leave ${listShapes(demands)} out: --query-mix ${formatMix(Object.fromEntries(rest))}`;
}

/** Rows a filter is answered with at most, for each relay; 0 where nothing is known. */
export function rowCapsOf(informations: readonly Information[]): readonly number[] {
  return informations.map((information) => knownLimit(information, "max_limit")?.value ?? 0);
}
