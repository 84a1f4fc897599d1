/** What else was noted of the run. */

import { isPool } from "../../pool/format.ts";
import { describeLeftOut } from "../../pool/left-out.ts";
import { diskOf } from "../disk.ts";
import { formatBytes, formatCount, formatMs, formatRate, NOT_MEASURED } from "../format.ts";
import { changeOf, describeRelayCounts } from "../relay-counts.ts";
import { describeStored } from "../stored.ts";
import type {
  Audit,
  GeneratorReport,
  KnownEvents,
  RelayMetric,
  Report,
  ResourceSample,
  Resources,
  TestedRelay,
} from "../types.ts";
import { describeKernel } from "./costs.ts";
import {
  type Block,
  code,
  details,
  list,
  type Section,
  type Text,
  table,
  text,
} from "./document.ts";

export function detailsSection(report: Report): Section {
  return {
    id: "details",
    title: "Details",
    blocks: [
      details("Versions, machine, pool, resources", ...list(items(report))),
      ...describeRelayCounts(report).map(text),
      ...relayMetrics(report.resources?.relayMetrics ?? []),
    ],
  };
}

function items(report: Report): readonly Text[] {
  const { run, config, resources, audit, generator: g, profile, preflight, known } = report;
  const { pool } = config;
  const notMeasured = resources?.notMeasured ?? [];
  return [
    [
      "run ",
      code(run.id),
      `, ${run.startedAt} to ${run.endedAt}, plan `,
      code(run.planHash.slice(0, 16)),
    ],
    `${run.tool}, ${run.k6 ?? `k6 ${NOT_MEASURED}`}, ${config.vus} VUs${config.pacing ? `, ${config.pacing} pacing` : ""}, CPUs ${run.host.cpus ?? NOT_MEASURED}, memory ${formatBytes(run.host.memoryBytes)}, platform ${run.host.platform ?? NOT_MEASURED}`,
    ...(run.relays ?? []).flatMap(relayLine),
    ...(run.relayNote ? [`relay, as given: ${run.relayNote}`] : []),
    ...(isPool(pool.id)
      ? [
          [
            "pool ",
            code(pool.id),
            `: ${formatCount(pool.events)} events, ${formatBytes(pool.bytes)}`,
          ] satisfies Text,
        ]
      : []),
    ...(pool.leftOut ?? []).map((of) => `left out of the replay: ${describeLeftOut(of)}`),
    `generator's ceiling: ${g.ceilingEps === null ? NOT_MEASURED : formatRate(g.ceilingEps)}; ${describeReceive(g.receive ?? null)}floor of service time: ${formatMs(g.floorMs)}`,
    ...run.proofs.map(
      ({ host, until, source, digest }): Text => [
        "consent of ",
        code(host),
        ` until ${until} (${source}, SHA-256 `,
        code(digest.slice(0, 16)),
        ")",
      ],
    ),
    ...probesLine(preflight ?? null),
    ...(preflight?.advice ?? []).map(({ what, why }) => `before the run: ${what}; ${why}`),
    ...knownLine(known ?? null),
    `resources: ${resources === null ? NOT_MEASURED : resourceLine(resources.samples)}`,
    ...diskLine(report),
    ...kernelLine(report),
    `read-back audit: ${audit === null ? NOT_MEASURED : auditLine(audit)}`,
    ...(audit?.stored === undefined ? [] : [`stored: ${describeStored(audit.stored)}`]),
    ...(notMeasured.some(({ what }) => what === "hot functions")
      ? []
      : [`hot functions: ${profile === null ? NOT_MEASURED : `by ${profile.source}, above`}`]),
    ...(resources?.relayProcess
      ? [
          `the relay's process: ${resources.relayProcess}${spansLine(resources.relayProcesses ?? [])}`,
        ]
      : []),
    ...notMeasured.map(({ what, why }) => `${what}: ${NOT_MEASURED}, ${why}`),
  ];
}

/** Durability has its price: what was written for each event tells relays apart. */
function diskLine(report: Report): readonly Text[] {
  const disk = diskOf(report);
  if (disk === null) return [];
  const each =
    disk.bytesAnEvent === null ? "" : `, ${formatBytes(disk.bytesAnEvent)} an accepted event`;
  const pages =
    disk.dirtiedBytesPerSec === null
      ? ""
      : `; the relay's own count, ${formatBytes(disk.dirtiedBytesPerSec)}/s, is of pages each time they are dirtied`;
  return [`written to disk by the ${disk.of}: ${formatBytes(disk.bytesPerSec)}/s${each}${pages}`];
}

/** Where connections are what a run is about it stands with them. */
function kernelLine({ config, resources }: Report): readonly Text[] {
  return config.connect === undefined ? describeKernel(resources?.kernel ?? null) : [];
}

function knownLine(known: KnownEvents | null): readonly Text[] {
  if (known === null) return [];
  const { asked, found, why } = known;
  return [
    `there before the run: ${asked === 0 ? NOT_MEASURED : `${found} of ${asked} events of the pool that the relay was asked for`}${why === null ? "" : `; ${why}`}`,
  ];
}

function probesLine(preflight: NonNullable<Report["preflight"]> | null): readonly Text[] {
  const probes = preflight?.probes ?? [];
  if (probes.length === 0) return [];
  const kinds = probes.map(({ kind, count }) => `${count} of kind ${kind}`).join(", ");
  return [`left in the relay by preflight: ${kinds}; they count among no figures`];
}

/** Who was there until when, where not one was all the time. */
function spansLine(spans: NonNullable<Resources["relayProcesses"]>): string {
  if (spans.every(({ fromSec, untilSec }) => fromSec === null && untilSec === null)) return "";
  const told = spans.map(({ pid, fromSec, untilSec }) => {
    const from = fromSec === null ? "" : ` from ${fromSec.toFixed(1)} s`;
    return `${pid}${from}${untilSec === null ? "" : ` until ${untilSec.toFixed(1)} s`}`;
  });
  return `: process ${told.join(", ")}`;
}

function relayLine({ label, address, software, version }: TestedRelay): readonly Text[] {
  if (software === null && address === null) return [];
  const who = software === null ? "software not announced" : `${software} ${version ?? ""}`.trim();
  return [[code(label), `: ${who}${address === null ? "" : `, at ${address}`}`]];
}

/** The relay's own figures, as it names them. */
function relayMetrics(metrics: readonly RelayMetric[]): readonly Block[] {
  if (metrics.length === 0) return [];
  const caption = "The relay's own metrics, at the first and the last look";
  const rows = metrics.map((metric): readonly Text[] => [
    [code(metric.name)],
    String(metric.first),
    String(metric.last),
    String(changeOf(metric)),
  ]);
  return [details(caption, table(caption, ["name", "#first", "#last", "#change"], rows))];
}

function auditLine(audit: Audit): string {
  return `${audit.spot ? "a spot check: " : ""}${formatCount(audit.checked)} of ${formatCount(audit.acknowledged)} acknowledged events checked, ${formatCount(audit.found)} found, ${formatCount(audit.excused)} rightly gone, ${formatCount(audit.missingCount)} missing`;
}

function resourceLine(samples: readonly ResourceSample[]): string {
  const hasProxy = samples.some(({ process }) => process === "proxy");
  const names = ["relay", ...(hasProxy ? ["proxy"] : []), "generator", "host"];
  const parts = names.map((name) => {
    const own = samples.filter((s) => s.process === name && s.t >= 0);
    const cpu = own.flatMap((s) => s.cpuPercent ?? []);
    const rss = own.flatMap((s) => s.rssBytes ?? []);
    if (own.length === 0) return `${name} ${NOT_MEASURED}`;
    const mean = meanOf(cpu);
    const thread = meanOf(own.flatMap((s) => s.busiestThreadPercent ?? []));
    const waited = meanOf(own.flatMap((s) => s.waitedForCpuPercent ?? []));
    const threads =
      thread === null || waited === null
        ? ""
        : ` (busiest thread ${thread.toFixed(0)} %, ready without a processor ${waited.toFixed(0)} %)`;
    const memory = rss.length > 0 ? `, ${formatBytes(Math.max(...rss))} RSS at most` : "";
    return `${name} ${mean === null ? NOT_MEASURED : `${mean.toFixed(0)} % CPU`}${threads}${memory}`;
  });
  return parts.join("; ");
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

function describeReceive(receive: GeneratorReport["receive"]): string {
  if (!receive) return "";
  return `reads ${formatCount(Math.round(receive.rowsPerSec))} rows/s (${formatBytes(receive.bytesPerSec)}/s); `;
}
