/** What a run found out, in one sentence, and of which relay: for whoever reads no further. */
import { formatCount, formatMs, formatPercent, formatRate } from "./format.ts";
import type { Finding, Report } from "./types.ts";
import { passed } from "./verdict.ts";

/** The finding that stands for the whole run: what is only worth knowing does not. */
export function decisive({ findings }: Pick<Report, "findings">): Finding | null {
  const [first] = findings;
  return first === undefined || first.severity === "info" ? null : first;
}

export function outcomeOf(report: Report): string {
  const { totals, throughput, latency, generator } = report;
  if (generator.verdict === "invalid") return "This run says nothing about the relay";
  const finding = decisive(report);
  if (finding !== null) return finding.title;
  const { accepted, scheduled } = totals;
  const share =
    accepted === scheduled
      ? `all ${formatCount(scheduled)} events`
      : `${formatPercent(scheduled === 0 ? null : accepted / scheduled)} of ${formatCount(scheduled)} events`;
  const times = `response p50 ${formatMs(latency.response.p50)}, p99 ${formatMs(latency.response.p99)}`;
  return passed(report)
    ? `The relay takes ${formatRate(throughput.targetEps)}: it accepted ${share}, ${times}`
    : `The relay does not take ${formatRate(throughput.targetEps)} as the thresholds want it: it accepted ${share}, ${times}`;
}

/** `strfry 1.1.1 (git+https://…), 127.0.0.1:7777`, a relay each; what the relay says of itself. */
export function testedRelays({ run, config }: Report): readonly string[] {
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
