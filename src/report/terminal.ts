/** The verdict in a few lines for a terminal. Returns text; who prints it is the caller's business. */

import { describeLeftOut } from "../pool/left-out.ts";
import { leadingOf, queryOf } from "./class-report.ts";
import { describeCutOff } from "./cut-off.ts";
import { formatCount, formatMs, formatRate } from "./format.ts";
import { outcomeOf, testedRelays } from "./outcome.ts";
import { describeProxy, proxyOf } from "./port-proxy.ts";
import { describeAuth, describeProbes, describeRecovery } from "./sections/connections.ts";
import { describeStored } from "./stored.ts";
import type { Audit, Report } from "./types.ts";
import { lackingKinds } from "./verdict.ts";

/** Ids of missing events. */
const MOST_SHOWN = 5;
const MOST_FINDINGS = 3;
const MOST_LINE = 300;

export function renderTerminal(report: Report, files: readonly string[]): string {
  const { generator: g, audit } = report;
  const { row, rate, times: l } = leadingOf(report);
  const unit = `${row.many}/s`;
  const proxy = proxyOf(report);
  const failed = report.thresholds.filter(({ ok }) => ok !== true);
  const lines = [
    "",
    `outcome     ${printable(outcomeOf(report))}`,
    ...testedRelays(report).map(
      (relay, i) => `${i === 0 ? "relay       " : "            "}${printable(relay)}`,
    ),
    ...(proxy === null ? [] : [`            ${printable(describeProxy(proxy))}`]),
    `verdict     ${g.verdict.toUpperCase()}${g.verdict === "invalid" ? ": the figures say nothing about the relay" : ""}`,
    ...g.reasons.map((reason) => `            - ${reason}`),
    ...g.signals
      .filter(({ state, text }) => state === "valid" && text !== "")
      .map(({ text }) => `            note: ${text}`),
    `thresholds  ${g.verdict === "invalid" ? "not judged" : failed.length === 0 ? "all met" : "NOT MET"}`,
    ...failed.map(
      (f) =>
        `            - ${f.metric}: ${f.expression} (${f.value === null ? "no data" : f.value.toFixed(4)})`,
    ),
    ...eventLines(report),
    `rate        ${formatRate(rate.done, unit)} ${row.doneWord} of ${formatRate(rate.target, unit)} set`,
    `response    p50 ${formatMs(l.response.p50)}, p95 ${formatMs(l.response.p95)}, p99 ${formatMs(l.response.p99)}, max ${formatMs(l.response.max)} (${formatCount(l.response.count)} samples, from the due time)`,
    `service     p50 ${formatMs(l.service.p50)}, p95 ${formatMs(l.service.p95)}, p99 ${formatMs(l.service.p99)}, max ${formatMs(l.service.max)} (from the send)`,
    ...queryLines(report),
    ...deliveryLines(report),
    ...connectionLines(report),
    ...describeCutOff(report).map((line) => `cut off     ${line}`),
    ...(report.classes.publish === undefined
      ? []
      : [
          `read-back   ${audit === null ? "not made: an OK is no proof of storage, --audit asks for what was acknowledged" : readBackLine(audit)}`,
        ]),
    ...missingLines(audit),
    ...(audit?.stored === undefined ? [] : [`stored      ${describeStored(audit.stored)}`]),
    ...leftOutLines(report),
    ...(audit !== null && lackingKinds(audit).length > 0
      ? ["            NOT ALL WAS STORED: the run failed"]
      : []),
    ...findingLines(report),
    ...files.map((file, i) => `${i === 0 ? "reports     " : "            "}${file}`),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function eventLines({ classes: { publish } }: Report): readonly string[] {
  if (publish === undefined) return [];
  const { totals: t } = publish;
  const unsent = t.backpressure + t.noConnection + t.poolExhausted;
  return [
    `events      ${formatCount(t.scheduled)} scheduled, ${formatCount(t.attempted)} sent, ${formatCount(t.accepted)} accepted, ${formatCount(t.duplicate)} duplicate, ${formatCount(t.superseded)} superseded, ${formatCount(t.unheard)} unheard, ${formatCount(t.rejected)} rejected, ${formatCount(t.timedOut)} timed out, ${formatCount(t.lost)} lost, ${formatCount(unsent)} unsent`,
  ];
}

function leftOutLines({ config: { pool } }: Report): readonly string[] {
  return (pool.leftOut ?? []).map(
    (of, i) => `${i === 0 ? "left out    " : "            "}${describeLeftOut(of)}`,
  );
}

function queryLines(report: Report): readonly string[] {
  return Object.entries(queryOf(report).rows).map(([name, { totals: q, times }], i) => {
    const failed = q.scheduled - q.eose;
    const { p50, p95, p99 } = times.response;
    const answers =
      q.eose === q.unchecked
        ? ""
        : `, ${formatCount(q.right)} right, ${formatCount(q.truncated)} truncated, ${formatCount(q.short)} short, ${formatCount(q.wrong)} wrong`;
    return `${i === 0 ? "queries     " : "            "}${name}: ${formatCount(q.scheduled)} asked, ${formatCount(q.eose)} answered, ${formatCount(failed)} not${answers}; p50 ${formatMs(p50)}, p95 ${formatMs(p95)}, p99 ${formatMs(p99)}`;
  });
}

function deliveryLines({ classes: { delivery } }: Report): readonly string[] {
  if (delivery === undefined) return [];
  const { totals: t, times } = delivery;
  const { p50, p95, p99 } = times.response;
  return [
    `deliveries  ${formatCount(t.due)} due, ${formatCount(t.delivered)} delivered, ${formatCount(t.late)} late, ${formatCount(t.missing)} missing, ${formatCount(t.subscriptionLost)} lost with their subscription, ${t.unfinished > 0 ? `${formatCount(t.unfinished)} unfinished, ` : ""}${formatCount(t.duplicate)} twice, ${formatCount(t.unexpected)} not owed; p50 ${formatMs(p50)}, p95 ${formatMs(p95)}, p99 ${formatMs(p99)}`,
  ];
}

function connectionLines(report: Report): readonly string[] {
  if (report.config.connect === undefined) return [];
  const { due, opened, failed, unfinished, unsent, dropped, asked, usable } =
    report.classes.connection.totals;
  const auth = describeAuth(report);
  const probes = describeProbes(report);
  const recovery = describeRecovery(report);
  return [
    `connections ${formatCount(due)} due, ${formatCount(opened)} opened, ${formatCount(failed + unfinished)} failed, ${formatCount(unsent)} not tried, ${formatCount(dropped)} dropped by the relay${asked === 0 ? "" : `; ${formatCount(usable)} of ${formatCount(asked)} usable`}`,
    ...(auth === null ? [] : [`auth        ${auth}`]),
    ...(probes === null ? [] : [`probes      ${probes}`]),
    ...(recovery === null ? [] : [`recovery    ${recovery}`]),
  ];
}

/** A relay chose some of it: no control character, which a terminal would obey. */
export function printable(text: string): string {
  return Array.from(text, (c) => (/\p{C}/u.test(c) ? " " : c))
    .join("")
    .slice(0, MOST_LINE);
}

function findingLines({ findings }: Report): readonly string[] {
  const rest = findings.length - MOST_FINDINGS;
  return [
    `findings    ${findings.length === 0 ? "none is supported by this run" : ""}`.trimEnd(),
    ...findings
      .slice(0, MOST_FINDINGS)
      .map((f) => `            ${f.rank}. ${f.title} (${f.severity}, confidence ${f.confidence})`),
    ...(rest > 0 ? [`            and ${rest} more, see the report`] : []),
  ];
}

function readBackLine(audit: Audit): string {
  const { checked, found, excused, missingCount, acknowledged } = audit;
  const sample =
    checked < acknowledged
      ? ` (a ${audit.spot ? "spot check" : "sample"} of ${formatCount(acknowledged)} acknowledged)`
      : "";
  return `${formatCount(found + excused)} of ${formatCount(checked)} acknowledged events found or rightly gone, ${formatCount(missingCount)} missing${sample}`;
}

function missingLines(audit: Audit | null): readonly string[] {
  if (audit === null || audit.missingCount === 0) return [];
  const shown = audit.missing.slice(0, MOST_SHOWN);
  const rest = audit.missingCount - shown.length;
  return [
    "            ACKNOWLEDGED AND LOST: the run failed",
    ...shown.map((id) => `            - ${id}`),
    ...(rest > 0 ? [`            and ${formatCount(rest)} more, see the JSON report`] : []),
  ];
}
