/**
 * The Grafana dashboard of a run as it goes: panels of each class of work by the table of classes, then those
 * of relay, generator and host.
 *
 *     node --import tsx build/dashboard.ts
 */
import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { CLASS_NAMES, type ClassName, classOf } from "../src/measure/classes.ts";

const FILE = new URL("../deploy/observe/grafana/dashboards/k6-nostr.json", import.meta.url);
const DATASOURCE = { type: "prometheus", uid: "prometheus" };
const QUANTILES = ["p50", "p95", "p99", "max"];
/** Over which a rate is taken: six looks of Prometheus. */
const SPAN = "30s";

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: "short" | "s" | "percent" | "percentunit" | "bytes";
  readonly lines: readonly (readonly [legend: string, expression: string])[];
}

const rateOf = (counter: string) => `sum(rate(k6_${counter}_total[${SPAN}]))`;
/** `timedOut` → `timed out`. */
const wordsOf = (column: string) =>
  column.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function classPanels(name: ClassName): readonly Panel[] {
  const { many, title, due, sent, done, metrics, times } = classOf(name);
  const { counters, trends, failed } = metrics;
  const isFlow = (column: string) => column === due || column === sent || column === done;
  const flows = Object.entries(counters).filter(([column]) => isFlow(column));
  const others = Object.entries(counters).filter(([column]) => !isFlow(column));
  const line = ([column, counter]: readonly [string, string]) =>
    [wordsOf(column), rateOf(counter)] as const;
  const rates: readonly Panel[] = [
    {
      title: `${title}, a second`,
      description: `What was due, sent and ${classOf(name).doneWord}: a gap between due and sent is what could not be sent.`,
      unit: "short",
      lines: flows.map(line),
    },
    {
      title: `What else became of ${many}, a second`,
      description: "The report names the reasons.",
      unit: "short",
      lines: [
        ...others.map(line),
        ...(failed === null ? [] : [["share failed so far", `avg(k6_${failed}_rate)`] as const]),
      ],
    },
  ];
  return [
    ...rates.filter(({ lines }) => lines.length > 0),
    ...Object.entries(trends).map(
      ([time, trend]): Panel => ({
        title: `${title}, ${wordsOf(time)} time`,
        description: `Time ${times[time]}.`,
        unit: "s",
        lines: QUANTILES.map((q) => [q, `max(k6_${trend}_${q})`] as const),
      }),
    ),
  ];
}

const FURTHER: readonly Panel[] = [
  {
    title: "Connections",
    description: "Handshakes tried in all.",
    unit: "short",
    lines: [["handshakes tried", "sum(k6_ws_sessions_total)"]],
  },
  {
    title: "Generator",
    description:
      "Signals for the verdict: the first two lines near 0 in a run that may be believed. The verdict itself is the report's.",
    unit: "short",
    lines: [
      [
        "events due and not sent, a second",
        `${rateOf("nostr_events_scheduled")} - ${rateOf("nostr_events_attempted")}`,
      ],
      [
        "response p99 − service p99, s",
        "max(k6_nostr_publish_response_time_p99) - max(k6_nostr_publish_service_time_p99)",
      ],
      ["VUs", "max(k6_vus)"],
    ],
  },
  {
    title: "Relay: CPU",
    description: "Cores in use. Empty where the relay's process is not metered.",
    unit: "short",
    lines: [["cores", `sum(rate(process_cpu_seconds_total{job="relay"}[${SPAN}]))`]],
  },
  {
    title: "Relay: memory",
    description: "Resident memory.",
    unit: "bytes",
    lines: [["resident", 'sum(process_resident_memory_bytes{job="relay"})']],
  },
  {
    title: "Generator and host: CPU",
    description: "Of the generator, percent of one core; of the host, of all cores.",
    unit: "percent",
    lines: [
      ["generator", "max(k6_nostr_generator_cpu_percent_p95)"],
      ["host", "max(k6_nostr_host_cpu_percent_p95)"],
    ],
  },
  {
    title: "Relay: open files",
    description: "Connections are files too.",
    unit: "short",
    lines: [["open files", 'sum(process_open_fds{job="relay"})']],
  },
];

function panelJson({ title, description, unit, lines }: Panel, place: number) {
  return {
    id: place + 1,
    type: "timeseries",
    title,
    description,
    datasource: DATASOURCE,
    gridPos: { x: (place % 2) * 12, y: Math.floor(place / 2) * 8, w: 12, h: 8 },
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: { showPoints: "never", lineWidth: 2, stacking: { mode: "none" } },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: "table", placement: "bottom", calcs: ["lastNotNull", "max"] },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: lines.map(([legendFormat, expr], i) => ({
      refId: String.fromCharCode(65 + i),
      expr,
      legendFormat,
    })),
  };
}

/** The dashboard, as Grafana reads it. */
export function dashboardJson() {
  const panels = [...CLASS_NAMES.flatMap(classPanels), ...FURTHER];
  return {
    uid: "k6-nostr",
    title: "k6-nostr: a run as it goes",
    schemaVersion: 39,
    version: 2,
    editable: false,
    refresh: "5s",
    time: { from: "now-15m", to: "now" },
    timezone: "utc",
    tags: ["k6-nostr"],
    templating: { list: [] },
    annotations: { list: [] },
    panels: panels.map(panelJson),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await writeFile(FILE, `${JSON.stringify(dashboardJson(), null, 2)}\n`);
}
