/** Where did the time go? */
import { RANKS } from "../../measure/classes/delivery.ts";
import { type ClassName, classOf } from "../../measure/classes.ts";
import { classesOf, leadingOf, publishOf, serviceOf } from "../class-report.ts";
import { formatCount, formatMs, formatPercent, NOT_MEASURED } from "../format.ts";
import type { LatencySummary } from "../times.ts";
import type { Band, ClassNoise, Report } from "../types.ts";
import {
  type Block,
  code,
  details,
  type Section,
  strong,
  type Text,
  table,
  text,
} from "./document.ts";

export function timeSection(report: Report): Section {
  const { noise, generator: g, profile } = report;
  const lead = leadingOf(report);
  return {
    id: "time",
    title: "Where did the time go?",
    blocks: [
      ...split(lead),
      text(
        "Response time counts from the moment a thing was due, service time from the moment it was sent: what lies between is waiting for a free place on the connection, or lateness of the generator.",
      ),
      table(
        "Response, service and connect times",
        ["", "#samples", "#min", "#mean", "#p50", "#p90", "#p95", "#p99", "#p99.9", "#max"],
        [
          ...classesOf(report)
            .filter(([name]) => name !== "set")
            .flatMap(([name, { times }]) =>
              Object.entries<LatencySummary>(times)
                .filter(([time, { count }]) => count > 0 || isAlways(name, time))
                // They have a table of their own.
                .filter(([time]) => !RANKS.some(([rank]) => rank === time))
                .map(([time, summary]) => row(labelOf(name, time), summary)),
            ),
          ...publishOf(report).byRelay.map(({ relay, service }) =>
            row(`service time of ${relay}`, service),
          ),
        ],
      ),
      { kind: "charts", ids: ["percentiles", "heat", "curve", "service", "queries", "lag"] },
      details(
        "Noise, and what the generator added",
        ...Object.entries(noise.classes).map(([name, of]) =>
          text(describeNoise(name as ClassName, of)),
        ),
        text(
          "The same seed against the same relay in the same state is expected within; what lies beyond is a difference.",
        ),
        text(
          `Schedule lag p50 ${formatMs(g.scheduleLag.p50)}, p99 ${formatMs(g.scheduleLag.p99)}; loop lag p50 ${formatMs(g.loopLag.p50)}, p99 ${formatMs(g.loopLag.p99)}.`,
        ),
      ),
      { kind: "charts", ids: ["cpu", "memory", "disk", "files", "pressure"] },
      ...hotFunctions(profile),
    ],
  };
}

/** What every run has, though it be of nothing. */
function isAlways(name: ClassName, time: string): boolean {
  return (
    name !== "query" &&
    name !== "delivery" &&
    name !== "auth" &&
    (name !== "connection" || time === "connect")
  );
}

/** `response time` of what a scenario is about, `query response time` of what else it does, `delivery` likewise. */
function labelOf(name: ClassName, time: string): string {
  const words = time.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return name === "query" || name === "delivery" || name === "auth"
    ? `${name} ${words} time`
    : `${words} time`;
}

function describeNoise(name: ClassName, of: ClassNoise): string {
  const { many, doneWord } = classOf(name);
  const over = name === "connection" ? "time in which they came" : "window";
  return `Noise of ${many}: over tenths of the ${over} response p50 ${range(of.responseP50, "ms")}, p99 ${range(of.responseP99, "ms")}, ${doneWord} ${range(of.donePerSec, `${many}/s`)}.`;
}

/** The answer in one sentence: what the relay took, and what came before. */
function split({
  row,
  times: { response, service },
}: ReturnType<typeof leadingOf>): readonly Block[] {
  if (response.mean === null || service.mean === null) return [];
  const before = Math.max(0, response.mean - service.mean);
  const share = response.mean === 0 ? 1 : Math.min(1, service.mean / response.mean);
  return [
    text([
      strong(
        `Of ${formatMs(response.mean)} on average the relay and the wire took ${formatPercent(share)}`,
      ),
      `: ${formatMs(service.mean)} ${serviceOf(row.times)}, ${formatMs(before)} before it.`,
    ]),
  ];
}

/** Only from a profiler. */
function hotFunctions(profile: Report["profile"]): readonly Block[] {
  if (profile === null) return [];
  const caption = `Hot functions of ${profile.process}, by ${profile.source}, ${formatCount(profile.samples)} samples`;
  const rows = profile.functions.map(({ name, file, selfPercent }): readonly Text[] => [
    [code(name)],
    `${selfPercent.toFixed(1)} %`,
    [code(file ?? "")],
  ]);
  return [details(caption, table(caption, ["function", "#self time", "file"], rows))];
}

function row(label: string, s: LatencySummary): readonly Text[] {
  const figures = [s.min, s.mean, s.p50, s.p90, s.p95, s.p99, s.p999, s.max];
  return [label, formatCount(s.count), ...figures.map(formatMs)];
}

/** Figures with the digits that ten parts of a run support. */
function range(band: Band, unit: string): string {
  if (band === null) return NOT_MEASURED;
  const [lowest, highest] = band.map((v) => (v < 100 ? v.toFixed(2) : formatCount(v)));
  return `${lowest} to ${highest} ${unit}`;
}
