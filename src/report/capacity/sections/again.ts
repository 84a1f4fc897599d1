/** How to run it again, and what the figures rest on. */
import type { CapacityReport } from "../../../capacity/result.ts";
import { OPTIONS } from "../../../plan/option-table.ts";
import { shellQuote } from "../../command.ts";
import { formatBytes, formatCount, NOT_MEASURED } from "../../format.ts";
import { code, details, type Section, type Text, table, text } from "../../sections/document.ts";
import { spentText } from "../spent.ts";
import { doneUnit, formatLoad, loadUnit } from "../words.ts";

export function againSection(report: CapacityReport): Section {
  const { withheld } = report.config;
  const missing = withheld.map((flag) => `--${flag}`).join(", ");
  return {
    id: "again",
    title: "How to run it again",
    blocks: [
      { kind: "code", code: rerunCommand(report) },
      text([
        "The same with this report's JSON: ",
        code("npx k6-nostr capacity --config report.json"),
        `${missing === "" ? "" : `, and again ${missing}, whose texts no report keeps`}.`,
      ]),
      details("How it was searched, with what and where", facts(report)),
    ],
  };
}

/** What a report does not keep has its place in it. */
function rerunCommand({ run, config }: CapacityReport): string {
  const { relay, ...options } = config.options;
  const urls = relay ?? config.relays.map((label) => `ws://${label}`).join(",");
  return [
    `npx k6-nostr capacity ${shellQuote(run.scenario)} --relay ${shellQuote(urls)}`,
    ...Object.entries(options).flatMap(([flag, value]) => flagTexts(flag, value)),
    ...config.withheld.map((flag) => (isSwitch(flag) ? `--${flag}` : `--${flag} "…"`)),
  ].join(" \\\n  ");
}

function flagTexts(flag: string, value: string): readonly string[] {
  if (isSwitch(flag)) return value === "1" ? [`--${flag}`] : [];
  const texts = flag === "threshold" ? value.split(/[;\n]/) : [value];
  return texts.map((text) => `--${flag} ${shellQuote(text.trim())}`);
}

function isSwitch(flag: string): boolean {
  const row = Object.values(OPTIONS).find((option) => option.flag === flag);
  return row === undefined ? flag === "quick" : row.value === undefined;
}

/** Trials at low loads are longer than they were asked to be. */
function judged(
  { judges }: CapacityReport["search"],
  scenario: string,
): readonly (readonly [string, Text])[] {
  if (judges === undefined) return [];
  const unit = doneUnit(scenario).replace("/s", "");
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
    ["load is", `${unit} (--scale ${search.scale})`],
    ["from", formatLoad(search.from, unit)],
    ["to", search.to === null ? "until something fails" : formatLoad(search.to, unit)],
    ["probe, trial, proof", `${search.probeSec} s, ${search.trialSec} s, ${search.proveSec} s`],
    ["trials at a load", `${search.repeats} at most, the majority decides`],
    ...judged(search, run.scenario),
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
