/** What a run found out, in one sentence, and of which relay: for whoever reads no further. */
import { leadingOf } from "./class-report.ts";
import { underWay } from "./cut-off.ts";
import { formatCount, formatMs, formatPercent, formatRate } from "./format.ts";
import { recoveryOf } from "./recovery.ts";
import type { Finding, Report } from "./types.ts";
import { passed } from "./verdict.ts";

/** The finding that stands for the whole run: what is only worth knowing does not. */
export function decisive({ findings }: Pick<Report, "findings">): Finding | null {
  const [first] = findings;
  return first === undefined || first.severity === "info" ? null : first;
}

export function outcomeOf(report: Report): string {
  if (report.generator.verdict === "invalid") return "This run says nothing about the relay";
  const finding = decisive(report);
  if (finding !== null) return finding.title;
  if (report.config.connect !== undefined) return outcomeOfConnections(report);
  const { name, row, totals, times, rate } = leadingOf(report);
  const done = totals[row.done] ?? 0;
  const due = (totals[row.due] ?? 0) - underWay(report, name);
  const share =
    done === due
      ? `all ${formatCount(due)} ${row.many}`
      : `${formatPercent(due === 0 ? null : done / due)} of ${formatCount(due)} ${row.many}`;
  const set = formatRate(rate.target, `${row.many}/s`);
  const told = `it ${row.doneWord} ${share}, response p50 ${formatMs(times.response.p50)}, p99 ${formatMs(times.response.p99)}${delivered(report)}`;
  return passed(report)
    ? `The relay takes ${set}: ${told}`
    : `The relay does not take ${set} as the thresholds want it: ${told}`;
}

/** Opened is not usable, and usable once is not held. */
function outcomeOfConnections(report: Report): string {
  const { totals, times, rate } = report.classes.connection;
  const { due, opened, asked, usable, probes, answered, interrupted } = totals;
  const [, , [, most] = [0.99, null]] = recoveryOf(report)?.afterMs ?? [];
  const ofAll = (n: number, all: number) =>
    n === all ? `all ${formatCount(all)}` : `${formatCount(n)} of ${formatCount(all)}`;
  const set = formatRate(rate.target, "connections/s");
  const told = [
    `it opened ${ofAll(opened, due)}`,
    ...(asked === 0
      ? []
      : [
          `${ofAll(usable, asked)} were usable, p99 ${formatMs(times.usable.p99)} from when they were due`,
        ]),
    ...(probes === 0 ? [] : [`${ofAll(answered, probes)} probes were answered`]),
    ...(most === null
      ? []
      : [`99 % of ${formatCount(interrupted)} that lost one were back within ${formatMs(most)}`]),
  ].join("; ");
  return passed(report)
    ? `The relay takes ${set}: ${told}`
    : `The relay does not take ${set} as the thresholds want it: ${told}`;
}

function delivered({ classes: { delivery } }: Report): string {
  if (delivery === undefined) return "";
  const { totals, times } = delivery;
  const owed = totals.due - totals.unfinished;
  const share =
    totals.delivered === owed
      ? `all ${formatCount(owed)} deliveries`
      : `${formatCount(totals.delivered)} of ${formatCount(owed)} deliveries`;
  return `; ${share} came in time, p99 ${formatMs(times.response.p99)}`;
}

/** A report of whatever kind, as far as it says which relays it is about. */
interface Tested {
  readonly run: Pick<Report["run"], "relays">;
  readonly config: Pick<Report["config"], "relays">;
}

/** `strfry 1.1.1 (git+https://…), 127.0.0.1:7777`, a relay each; what the relay says of itself. */
export function testedRelays({ run, config }: Tested): readonly string[] {
  return config.relays.map((label, i) => {
    const relay = (run.relays ?? []).find((one) => one.label === label) ?? run.relays?.[i];
    const { software = null, version = null, address = null } = relay ?? {};
    const name = software === null ? null : shortName(software);
    const says = [name, version].filter((part) => part !== null && part !== "").join(" ");
    const from = software !== null && software !== name ? ` (${software})` : "";
    const at = address !== null && !label.includes(address) ? `${label} at ${address}` : label;
    return says === "" ? at : `${says}${from}, ${at}`;
  });
}

/** NIP-11 wants a URL; its last part is the name that people know. */
function shortName(software: string): string {
  const last =
    software
      .replace(/[?#].*$/, "")
      .replace(/\/+$/, "")
      .split("/")
      .at(-1) ?? "";
  return last.replace(/\.git$/, "") || software;
}
