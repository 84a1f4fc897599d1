/** What a report says of connections where they are what the run is about. */
import { formatCount, formatMs, formatPercent, formatRate } from "../format.ts";
import { recoveryOf } from "../recovery.ts";
import type { LatencySummary } from "../times.ts";
import type { Report } from "../types.ts";
import { costBlocks } from "./costs.ts";
import { type Block, code, type ReportDocument, table, text } from "./document.ts";

/** Nothing for a run of another scenario. */
export function connectionBlocks(report: Report): readonly Block[] {
  const { config, classes } = report;
  if (config.connect === undefined) return [];
  const { rows } = classes.connection;
  return [
    text(opened(report)),
    text([
      "Who was turned away or lost a connection came back as ",
      code(config.connect.reconnect),
      " does.",
    ]),
    table(
      "Connections by phase: handshake until close",
      [
        "phase",
        "#due",
        "#opened",
        "#failed",
        "#not tried",
        "#dropped",
        "#usable",
        "#handshake p50",
        "#handshake p99",
        "#usable p50",
        "#usable p99",
      ],
      Object.entries(rows).map(([name, { totals: c, times }]) => [
        name,
        formatCount(c.due),
        formatCount(c.opened),
        formatCount(c.failed + c.unfinished),
        formatCount(c.unsent),
        formatCount(c.dropped),
        config.connect?.onOpen === "none" ? "–" : formatCount(c.usable),
        formatMs(times.connect.p50),
        formatMs(times.connect.p99),
        formatMs(times.usable.p50),
        formatMs(times.usable.p99),
      ]),
    ),
    ...[
      describeMute(report),
      describeAuth(report),
      describeProbes(report),
      describeRecovery(report),
    ]
      .filter((line) => line !== null)
      .map(text),
    ...costBlocks(report),
  ];
}

function opened({ config, classes }: Report): string {
  const { totals, rate } = classes.connection;
  const { mode, rate: set = 0, holdSec = 0 } = config.connect ?? {};
  const [of, done] = [formatRate(set, "connections/s"), formatRate(rate.done, "connections/s")];
  const came = `${formatCount(config.clients)} clients came at ${of}`;
  const all = `${formatCount(totals.opened)} of ${formatCount(totals.due)} connections that were due opened`;
  return mode === "churn"
    ? `Mode churn: ${came}, and had one session after another; ${all}, ${done} on average.`
    : `Mode ${mode}: ${came}; ${all}, ${done} while they came. Behind that they were held${mode === "recover" ? `, ${holdSec} s before they lost their connections and ${holdSec} s behind it` : ` for ${holdSec} s`}.`;
}

/** What a reader sees first of a run that is about connections. */
export function connectionFigures({ config, classes }: Report): ReportDocument["keyFigures"] {
  const { totals, times, rate } = classes.connection;
  const { opened, due, asked, usable, probes, answered } = totals;
  const shareOf = (n: number, all: number) =>
    all === 0 ? formatCount(n) : `${formatCount(n)} (${formatPercent(n / all)})`;
  return [
    { label: "opened", value: shareOf(opened, due) },
    ...(asked === 0 ? [] : [{ label: "usable", value: shareOf(usable, asked) }]),
    ...(probes === 0 ? [] : [{ label: "probes answered", value: shareOf(answered, probes) }]),
    {
      label: config.connect?.mode === "churn" ? "opened on average" : "opened while they came",
      value: `${formatRate(rate.done, "of")} ${formatRate(rate.target, "connections/s")}`,
    },
    { label: "handshake p50", value: formatMs(times.connect.p50) },
    { label: "handshake p99", value: formatMs(times.connect.p99) },
    { label: "usable p50", value: formatMs(times.usable.p50) },
    { label: "usable p99", value: formatMs(times.usable.p99) },
  ];
}

function describeMute({ classes }: Report): string | null {
  const { asked, usable, refused, mute } = classes.connection.totals;
  if (asked === 0) return null;
  return usable === asked
    ? `Each of ${formatCount(asked)} that opened was usable: its first REQ had its EOSE.`
    : `${formatCount(asked)} asked as they opened: ${formatCount(usable)} were usable, ${formatCount(refused)} had CLOSED instead of EOSE, ${formatCount(mute)} nothing in time.`;
}

/** What signing took is in no time of the relay's. */
export function describeAuth({ classes: { auth } }: Report): string | null {
  if (auth === undefined) return null;
  const { totals: t, times } = auth;
  if (t.noChallenge === t.needed)
    return `AUTH: none of ${formatCount(t.needed)} that opened was asked who it is.`;
  const ways = [
    ["refused", t.refused],
    ["without an OK in time", t.timedOut],
    ["lost with their connection", t.lost],
    ["not signed in time", t.unsigned],
    ["not asked", t.noChallenge],
  ] as const;
  const others = ways.flatMap(([way, n]) => (n === 0 ? [] : [`${formatCount(n)} ${way}`]));
  const took = (of: LatencySummary) => `p50 ${formatMs(of.p50)}, p99 ${formatMs(of.p99)}`;
  return `AUTH: ${[`${formatCount(t.accepted)} of ${formatCount(t.needed)} were let in`, ...others].join(", ")}; from AUTH to its OK ${took(times.service)}, and before that ${took(times.signing)} from the challenge until AUTH was signed and sent, which is the generator's.`;
}

/** An open socket proves nothing. */
export function describeProbes({ classes }: Report): string | null {
  const { totals, times } = classes.connection;
  const { probes, answered, unanswered } = totals;
  if (!probes) return null;
  const took = `p50 ${formatMs(times.probe.p50)}, p99 ${formatMs(times.probe.p99)}`;
  return unanswered === 0
    ? `All ${formatCount(probes)} probes of held connections were answered, ${took}.`
    : `${formatCount(answered)} of ${formatCount(probes)} probes of held connections were answered, ${took}; ${formatPercent(unanswered / probes)} of those that look open are dead, or were not served in time.`;
}

export function describeRecovery(report: Report): string | null {
  const recovery = recoveryOf(report);
  if (recovery === null) return null;
  const { interrupted, recovered, afterMs } = recovery;
  const parts = afterMs.map(([share, ms]) =>
    ms === null ? `not ${formatPercent(share)}` : `${formatPercent(share)} within ${formatMs(ms)}`,
  );
  return `${formatCount(interrupted)} clients lost a connection that they could use, ${formatCount(recovered)} could use the relay again: ${parts.join(", ")}.`;
}
