/** How to run it again, and what the figures rest on. */
import type { CapacityReport } from "../../../capacity/result.ts";
import { OPTIONS } from "../../../plan/option-table.ts";
import { shellQuote } from "../../command.ts";
import { formatBytes, formatCount, NOT_MEASURED } from "../../format.ts";
import { code, details, type Section, type Text, table, text } from "../../sections/document.ts";
import { spentText } from "../spent.ts";
import { ceilingUnit, formatLoad, loadUnit } from "../words.ts";

export function againSection(report: CapacityReport): Section {
  const { withheld } = report.config;
  const missing = withheld.map((flag) => `--${flag}`).join(", ");
  return {
    id: "again",
    title: "How to run it again",
    blocks: [
      { kind: "code", code: rerunCommand(report) },
      text([
        "What is loaded can be read from this report's JSON, the search's own flags are given as above: ",
        code("npx k6-nostr capacity --config report.json"),
        `${missing === "" ? "" : `, and again ${missing}, whose texts no report keeps`}.`,
      ]),
      details("How it was searched, with what and where", facts(report)),
    ],
  };
}

/** What a report does not keep has its place in it. */
function rerunCommand({ run, config, search, against }: CapacityReport): string {
  const { relay: _, ...options } = config.options;
  const other = against?.config;
  return [
    `npx k6-nostr capacity ${shellQuote(run.scenario)} --relay ${shellQuote(urlsOf(config))}`,
    ...(other == null ? [] : [`--against ${shellQuote(urlsOf(other))}`]),
    searchFlags(search),
    ...Object.entries(options).flatMap(([flag, value]) => flagTexts(flag, value)),
    ...config.withheld.map((flag) => (isSwitch(flag) ? `--${flag}` : `--${flag} "…"`)),
  ].join(" \\\n  ");
}

function urlsOf({ options, relays }: CapacityReport["config"]): string {
  return options.relay ?? relays.map((label) => `ws://${label}`).join(",");
}

function searchFlags(search: CapacityReport["search"]): string {
  const { scale, from, to, precision, trialSec, probeSec, repeats, budgetSec, quick } = search;
  return [
    ...(quick ? ["--quick"] : []),
    `--scale ${scale} --from ${from}`,
    ...(to === null ? [] : [`--to ${to}`]),
    `--precision ${Number((precision * 100).toFixed(4))}%`,
    `--trial ${trialSec} --probe ${probeSec} --repeats ${repeats} --budget ${budgetSec}s`,
    ...(search.fresh ? ['--fresh trial --empty-by "…"'] : []),
  ].join(" ");
}

function flagTexts(flag: string, value: string): readonly string[] {
  if (isSwitch(flag)) return value === "1" ? [`--${flag}`] : [];
  const texts = flag === "threshold" ? value.split(/[;\n]/) : [value];
  return texts.map((text) => `--${flag} ${shellQuote(text.trim())}`);
}

function isSwitch(flag: string): boolean {
  const row = Object.values(OPTIONS).find((option) => option.flag === flag);
  return row !== undefined && row.value === undefined;
}

/** Trials at low loads are longer than they were asked to be. */
function judged(
  { judges }: CapacityReport["search"],
  scenario: string,
): readonly (readonly [string, Text])[] {
  if (judges === undefined) return [];
  const unit = ceilingUnit(scenario).replace("/s", "");
  const least = `${formatCount(judges.least)} ${unit} at least, by the percentiles of the objective`;
  return [["judged of a trial", `${least}: it is longer where the load is too low for that`]];
}

function facts({ run, search, trials }: CapacityReport) {
  const unit = loadUnit(search.scale, run.scenario);
  const { host } = run;
  const rows: readonly (readonly [string, Text])[] = [
    ["search", [code(run.id)]],
    ["started", run.startedAt],
    ["ended", run.endedAt],
    ["load is", `${search.meaning ?? unit} (--scale ${search.scale})`],
    ["from", formatLoad(search.from, unit)],
    ["to", search.to === null ? "until something fails" : formatLoad(search.to, unit)],
    ["probe, trial, proof", `${search.probeSec} s, ${search.trialSec} s, ${search.proveSec} s`],
    ["trials at a load", `${search.repeats} at most, the majority decides`],
    ...judged(search, run.scenario),
    [
      "what trials leave",
      search.fresh ? "the relay was emptied before each" : "stays in the relay",
    ],
    ["budget", `${Math.round(search.budgetSec / 60)} min`],
    ["time", spentText({ trials })],
    ["relay, as a person says", run.relayNote ?? "nothing"],
    ["tool", `${run.tool}, ${run.k6 ?? "k6 not measured"}`],
    [
      "host",
      `${host.cpus ?? "?"} CPUs, ${formatBytes(host.memoryBytes)}, ${host.platform ?? NOT_MEASURED}`,
    ],
  ];
  return table("How it was searched", ["what", "value"], rows);
}
