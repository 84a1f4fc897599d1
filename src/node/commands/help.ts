/** The texts of `--help`, made from the tables that the parser reads. */
import { presetNames } from "../../events/presets.ts";
import { PUBLIC_RELAYS_AS_OF } from "../../guard/public-relays.ts";
import { OPTION_NAMES, OPTIONS, type OptionName } from "../../plan/option-table.ts";
import { defaultOf, hasSay } from "../../plan/options.ts";
import { isScenario, SCENARIO_NAMES, SCENARIOS, type ScenarioName } from "../../plan/scenarios.ts";
import { defaultThresholds } from "../../plan/thresholds.ts";
import { queryPresets, shapes } from "../../query/catalogue.ts";
import type { FlagRow } from "../command-line.ts";

export const HELP_FLAG: FlagRow = { flag: "help", help: "show this" };

const GUARD = `What it refuses to load
  1. Anything but this machine (127.0.0.0/8, ::1), unless one of the following says otherwise.
  2. Private addresses need --allow-private: several people may share that network.
  3. Names: localhost, single labels and .localhost .local .internal .test .svc.cluster.local
     are resolved, and every answer must be allowed; any other name is refused.
     Single labels may be private in a network without a way out (INTERNAL_NETWORK=1: compose).
  4. A dedicated relay elsewhere needs --allow-dedicated-relay HOST and its owner's proof, served
     by the relay's own host and checked on every run (docs/dedicated-relays.md).
  5. Known public relays (list of ${PUBLIC_RELAYS_AS_OF}) are refused whatever is given. Redirects are not followed.
  6. k6 itself can dial the addresses found and nothing else; the script checks that before it dials.
`;

export function usage(): string {
  return `k6-nostr: what can this Nostr relay take, and may I believe the answer?

  k6-nostr demo                     load the embedded relay for 20 s and report
  k6-nostr run publish --relay URL  load a relay of your own
  k6-nostr run playback --relay URL the same, with what each viewer's client asks
  k6-nostr run query --relay URL    ask what clients ask, and check every answer
  k6-nostr run fanout --relay URL   does every subscriber get every event, and when?
  k6-nostr capacity --relay URL     the highest load that meets the objective, proven
  k6-nostr scenarios                what \`run\` can do
  k6-nostr calibrate                measure what this generator can send
  k6-nostr preflight --relay URL    check everything a run would need, send no load
  k6-nostr pool                     make a pool of signed events; verify, inspect, serve one
  k6-nostr relay [--sink]           start the embedded relay, or the OK-only sink
  k6-nostr report FILE              make Markdown and HTML of a JSON report again
  k6-nostr compare BASE NEW         is it worse than before? 99 when it is
  k6-nostr share publish --relay URL  load one of several parts of a plan
  k6-nostr kubernetes run publish   load by the pods of a cluster, one part each
  k6-nostr merge PART…              one report of a run that several generators shared
  k6-nostr issues FILE              drafts of issues and of a pull request from a report
  k6-nostr setup                    get and check the k6 binary
  k6-nostr --version                say which version this is

k6-nostr <command> --help says more. It loads loopback relays only, unless told otherwise.

Exit codes: 0 valid run, thresholds met; 99 a threshold was crossed; 3 the run is invalid;
2 wrong configuration or refused target; 130 interrupted; 1 anything else.
`;
}

/** Help of `run`, or of one of its scenarios. `more`: flags of the command beside the options of a plan. */
export function runUsage(more: readonly FlagRow[], scenario: string | undefined): string {
  const chosen = isScenario(scenario) ? scenario : undefined;
  const presets = [
    ...(chosen === undefined || hasSay("mix", chosen)
      ? [`Presets of --mix: ${presetNames.join(", ")} (docs/events.md)`]
      : []),
    ...(chosen === undefined || hasSay("queryMix", chosen)
      ? [
          `Presets of --query-mix: ${queryPresets.join(", ")}; shapes: ${shapes.map(({ name }) => name).join(", ")}`,
        ]
      : []),
  ];
  return `k6-nostr run ${chosen ?? "<scenario>"} --relay URL [flags]

Scenarios
${describeScenarios()}
${presets.join("\n")}

${describeOptions(chosen)}
This command
${describeFlags([...more, HELP_FLAG])}
${GUARD}`;
}

/** A line for each scenario. */
export function describeScenarios(): string {
  return SCENARIO_NAMES.map((name) => `  ${name.padEnd(9)} ${SCENARIOS[name].does}\n`).join("");
}

/** The options that have a say in a scenario, or all of them, by group. `own`: a command's own defaults, by flag. */
export function describeOptions(
  scenario?: ScenarioName,
  own: Readonly<Record<string, string>> = {},
): string {
  const names = OPTION_NAMES.filter((name) => scenario === undefined || hasSay(name, scenario));
  const groups = new Set(names.map((name) => OPTIONS[name].group));
  return [...groups]
    .map((group) => {
      const rows = names
        .filter((name) => OPTIONS[name].group === group)
        .map((name) => flagRow(name, scenario))
        .map((row) => ({ ...row, ...(own[row.flag] ? { default: own[row.flag] } : {}) }));
      return `${group}\n${describeFlags(rows)}`;
    })
    .join("\n");
}

/** Of all scenarios together, an option's row says where it has a say, and what its default is in each. */
function flagRow(name: OptionName, scenario: ScenarioName | undefined): FlagRow {
  const { default: text, defaultIn, scenarios, ...row } = OPTIONS[name];
  if (scenario !== undefined) {
    const own = name === "threshold" ? defaultThresholds(scenario) : defaultOf(name, scenario);
    return { ...row, ...(own === undefined ? {} : { default: own }) };
  }
  const others = Object.entries(defaultIn).map(([where, other]) => `; ${other} in ${where}`);
  return {
    ...row,
    ...(text === undefined ? {} : { default: `${text}${others.join("")}` }),
    help: `${row.help}${scenarios === undefined ? "" : ` (${scenarios.join(", ")})`}`,
  };
}

/** A line for each flag: name, value, variable, default, meaning. */
export function describeFlags(rows: readonly FlagRow[]): string {
  const lines = rows.map((row) => {
    const flag = `  --${row.flag}${row.value === undefined ? "" : ` ${row.value}`}`;
    const notes = [row.variable, row.default && `default ${row.default}`].filter(Boolean);
    return `${flag.padEnd(31)} ${row.help}${notes.length > 0 ? ` [${notes.join(", ")}]` : ""}`;
  });
  return `${lines.join("\n")}\n`;
}
