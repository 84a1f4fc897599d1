/**
 * The report as Markdown, readable on its own in a pull request. In this order: may I believe this
 * run; did it pass; how many events, how fast; where did the time go; what went wrong, by type; what
 * to do about it; how to run it again.
 */
import {
  cell,
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatRate,
  NOT_MEASURED,
  sparkline,
} from "./format.ts";
import { describeStored } from "./stored.ts";
import type { Band, LatencySummary, Report, ResourceSample } from "./types.ts";
import { passed } from "./verdict.ts";

/** Ids of missing events; the JSON lists a hundred. */
const MOST_IDS = 10;

export function renderMarkdown(report: Report): string {
  return [
    `# Load test of ${report.config.relays.join(", ")}: ${report.run.scenario}`,
    believe(report),
    pass(report),
    events(report),
    time(report),
    errors(report),
    findings(report),
    again(report),
    details(report),
  ]
    .join("\n\n")
    .concat("\n");
}

function believe({ generator: g, run }: Report): string {
  const headline = {
    valid: "**Yes: the run is valid.**",
    suspect: "**With care: the run is suspect.**",
    invalid: "**No: the run is invalid.** Its figures say nothing about the relay.",
  }[g.verdict];
  const reasons = g.reasons.map((reason) => `- ${cell(reason)}`);
  const rows = g.signals.map(
    (s) =>
      `| ${s.id} | ${s.value === null ? NOT_MEASURED : `${s.value} ${s.unit}`} | ${s.suspectAbove ?? "–"} | ${s.invalidAbove ?? "–"} | ${s.state === "notMeasured" ? NOT_MEASURED : s.state} |`,
  );
  const host =
    run.sameHost === true
      ? "Generator and relay shared one host: figures compare on this host, and say less about any other."
      : "";
  return [
    "## May I believe this run?",
    "",
    headline,
    ...(reasons.length > 0 ? ["", ...reasons] : []),
    ...(host ? ["", host] : []),
    "",
    "<details><summary>Signals the verdict rests on</summary>",
    "",
    "| signal | value | suspect above | invalid above | says |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "</details>",
  ].join("\n");
}

function pass(report: Report): string {
  const rows = report.thresholds.map(({ metric, expression, value, ok }) => {
    const verdict = ok === null ? "**no data**" : ok ? "met" : "**crossed**";
    return `| ${cell(metric)} | ${cell(expression)} | ${value === null ? "no data" : Number(value.toFixed(4))} | ${verdict} |`;
  });
  const headline = passed(report) ? "**Yes: every threshold was met.**" : "**No.**";
  const lost = lostEvents(report);
  return [
    "## Did it pass?",
    "",
    report.generator.verdict === "invalid" ? "**Not judged: the run is invalid.**" : headline,
    "",
    "| metric | threshold | value | |",
    "|---|---|---|---|",
    ...rows,
    ...(lost === "" ? [] : ["", lost]),
  ].join("\n");
}

/** What the relay said it accepted and does not have. */
function lostEvents({ audit }: Report): string {
  if (audit === null || audit.missingCount === 0) return "";
  const shown = audit.missing.slice(0, MOST_IDS).map((id) => `\`${id}\``);
  const rest = audit.missingCount - shown.length;
  const more = rest > 0 ? ` and ${formatCount(rest)} more` : "";
  return `**The relay lost events that it had acknowledged: ${formatCount(audit.missingCount)} of ${formatCount(audit.checked)} read back are missing:** ${shown.join(", ")}${more}.`;
}

function events({ totals: t, throughput, config, run, warmup, latency }: Report): string {
  const unsent = t.unsent.backpressure + t.unsent.noConnection + t.unsent.poolExhausted;
  const count = (label: string, n: number) => `| ${label} | ${formatCount(n)} |`;
  const byType = Object.entries(latency.byEvent).map(
    ([type, e]) =>
      `| ${cell(type)} | ${formatCount(e.accepted)} | ${formatMs(e.response.p50)} | ${formatMs(e.response.p99)} | ${formatMs(e.service.p50)} | ${formatMs(e.service.p99)} |`,
  );
  return [
    "## How many events, how fast?",
    "",
    `${formatCount(t.accepted)} of ${formatCount(t.scheduled)} scheduled events were accepted in ${run.durationSec.toFixed(1)} s over ${formatCount(config.clients)} connections: ${formatRate(throughput.acceptedEps)} accepted, ${formatRate(throughput.attemptedEps)} sent, ${formatRate(throughput.targetEps)} set.`,
    "",
    "| outcome | events |",
    "|---|---:|",
    count("scheduled", t.scheduled),
    count("= attempted", t.attempted),
    count("+ unsent: backpressure", t.unsent.backpressure),
    count("+ unsent: no connection", t.unsent.noConnection),
    count("+ unsent: pool exhausted", t.unsent.poolExhausted),
    count("attempted = accepted", t.accepted),
    count("+ duplicate", t.duplicate),
    count("+ superseded", t.superseded),
    count("+ rejected", t.rejected),
    count("+ timed out", t.timedOut),
    count("+ lost", t.lost),
    "",
    balance(t, unsent),
    ...(warmup.scheduled > 0
      ? ["", `Before the window, apart: ${formatCount(warmup.scheduled)} events of warm-up.`]
      : []),
    "",
    "| event | accepted | response p50 | response p99 | service p50 | service p99 |",
    "|---|---:|---:|---:|---:|---:|",
    ...byType,
    "",
    `Connections: ${formatCount(t.connections.opened)} opened of ${formatCount(t.connections.attempted)} tried, ${formatCount(t.connections.failed)} failed, ${formatCount(t.connections.dropped)} dropped by the relay, ${formatCount(t.connections.reconnected)} reconnected.`,
  ].join("\n");
}

function balance(t: Report["totals"], unsent: number): string {
  const answered = t.accepted + t.duplicate + t.superseded + t.rejected + t.timedOut + t.lost;
  return t.scheduled === t.attempted + unsent && t.attempted === answered
    ? "The totals balance."
    : "**The totals do not balance: do not use these figures.**";
}

function time({ latency: l, throughput, noise }: Report): string {
  const row = (label: string, s: LatencySummary) =>
    `| ${label} | ${formatCount(s.count)} | ${[s.min, s.mean, s.p50, s.p90, s.p95, s.p99, s.p999, s.max].map(formatMs).join(" | ")} |`;
  const series = throughput.series;
  const line = (label: string, values: readonly (number | null)[], most: string) =>
    `${label.padEnd(14)} ${sparkline(values)}  most ${most}`;
  const most = (values: readonly (number | null)[]) => {
    const known = values.filter((v) => v !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  const accepted = series.map((p) => p.accepted);
  const p99 = series.map((p) => p.p99);
  return [
    "## Where did the time go?",
    "",
    "Response time counts from the moment an event was due, service time from the moment it was sent: what lies between is waiting for a free place on the connection, or lateness of the generator.",
    "",
    "| | samples | min | mean | p50 | p90 | p95 | p99 | p99.9 | max |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    row("response time", l.response),
    row("service time", l.service),
    row("connect time", l.connect),
    "",
    `Over time (slices of ${throughput.sliceSec} s):`,
    "",
    "```",
    line("accepted", accepted, `${formatCount(most(accepted) ?? 0)} a slice`),
    line("response p99", p99, formatMs(most(p99))),
    "```",
    "",
    `Noise: over tenths of the window response p50 ${range(noise.responseP50, "ms")}, p99 ${range(noise.responseP99, "ms")}, accepted ${range(noise.acceptedEps, "events/s")}. The same seed against the same relay in the same state is expected within; what lies beyond is a difference.`,
  ].join("\n");
}

/** Figures with the digits that ten parts of a run support. */
function range(band: Band, unit: string): string {
  if (band === null) return NOT_MEASURED;
  const [lowest, highest] = band.map((v) => (v < 100 ? v.toFixed(2) : formatCount(v)));
  return `${lowest} to ${highest} ${unit}`;
}

function errors({ errors: list, totals: t }: Report): string {
  const counts = `NOTICEs ${formatCount(t.notices)}, malformed frames ${formatCount(t.malformedFrames)}, OKs for unknown ids ${formatCount(t.unknownOk)}, late OKs ${formatCount(t.lateOk)}.`;
  if (list.length === 0) return `## What went wrong?\n\nNothing was counted. ${counts}`;
  const rows = list.map(
    (e) =>
      `| ${cell(e.class)} | ${cell(e.code)} | ${formatCount(e.count)} | ${formatPercent(e.share)} | ${e.firstAtSec.toFixed(1)} s | ${cell(e.example)} |`,
  );
  return [
    "## What went wrong?",
    "",
    "| class | code | count | share | first at | example |",
    "|---|---|---:|---:|---:|---|",
    ...rows,
    "",
    counts,
  ].join("\n");
}

function findings({ findings: list }: Report): string {
  if (list.length === 0) {
    return "## What to do about it?\n\nNo finding is supported by the evidence of this run.";
  }
  const items = list.map((f) => {
    const evidence = f.evidence
      .map((e) => `${e.metric} ${e.value ?? NOT_MEASURED} (reference ${e.reference ?? "–"})`)
      .join("; ");
    return `${f.rank}. **${cell(f.title)}** (${f.severity}). ${cell(f.remediation)} Evidence: ${cell(evidence)}.`;
  });
  return ["## What to do about it?", "", ...items].join("\n");
}

function again({ config: c, run }: Report): string {
  const mix = Object.entries(c.mix)
    .map(([type, weight]) => `${type}:${weight}`)
    .join(",");
  const command = [
    `npx k6-nostr run ${run.scenario}`,
    `--relay ${c.relays.map((label) => `ws://${label}`).join(",")}`,
    `--clients ${c.clients} --rate ${c.rateEps} --duration ${c.durationSec} --mix ${mix} --seed ${c.seed}`,
    `--arrival ${c.arrival} --max-in-flight ${c.maxInFlight} --ack-timeout ${c.ackTimeoutMs} --warmup ${c.warmupSec}`,
  ].join(" \\\n  ");
  return ["## How to run it again", "", "```sh", command, "```"].join("\n");
}

function details({ run, config, resources, audit, generator, profile }: Report): string {
  const { pool } = config;
  return [
    "## Details",
    "",
    `- run \`${run.id}\`, ${run.startedAt} to ${run.endedAt}, plan \`${run.planHash.slice(0, 16)}\``,
    `- ${run.tool}, ${run.k6 ?? `k6 ${NOT_MEASURED}`}, ${config.vus} VUs, CPUs ${run.host.cpus ?? NOT_MEASURED}, memory ${formatBytes(run.host.memoryBytes)}, platform ${run.host.platform ?? NOT_MEASURED}`,
    `- pool \`${pool.id}\`: ${formatCount(pool.events)} events, ${formatBytes(pool.bytes)}`,
    `- schedule lag p50 ${formatMs(generator.scheduleLag.p50)}, p99 ${formatMs(generator.scheduleLag.p99)}; loop lag p50 ${formatMs(generator.loopLag.p50)}, p99 ${formatMs(generator.loopLag.p99)}`,
    `- generator's ceiling: ${generator.ceilingEps === null ? NOT_MEASURED : formatRate(generator.ceilingEps)}; floor of service time: ${formatMs(generator.floorMs)}`,
    ...run.proofs.map(
      ({ host, until, source, digest }) =>
        `- consent of \`${cell(host)}\` until ${until} (${source}, SHA-256 \`${digest.slice(0, 16)}\`)`,
    ),
    `- resources: ${resources === null ? NOT_MEASURED : resourceLine(resources.samples)}`,
    `- read-back audit: ${audit === null ? NOT_MEASURED : `${formatCount(audit.checked)} of ${formatCount(audit.acknowledged)} acknowledged events checked, ${formatCount(audit.found)} found, ${formatCount(audit.excused)} rightly gone, ${formatCount(audit.missingCount)} missing`}`,
    ...(audit?.stored === undefined ? [] : [`- stored: ${cell(describeStored(audit.stored))}`]),
    `- hot functions: ${profile === null ? NOT_MEASURED : "see JSON"}`,
  ].join("\n");
}

function resourceLine(samples: readonly ResourceSample[]): string {
  const parts = (["relay", "generator", "host"] as const).map((name) => {
    const own = samples.filter((s) => s.process === name && s.t >= 0);
    const cpu = own.flatMap((s) => s.cpuPercent ?? []);
    const rss = own.flatMap((s) => s.rssBytes ?? []);
    if (own.length === 0) return `${name} ${NOT_MEASURED}`;
    const mean = cpu.length > 0 ? cpu.reduce((a, b) => a + b, 0) / cpu.length : null;
    const memory = rss.length > 0 ? `, ${formatBytes(Math.max(...rss))} RSS at most` : "";
    return `${name} ${mean === null ? NOT_MEASURED : `${mean.toFixed(0)} % CPU`}${memory}`;
  });
  return parts.join("; ");
}
