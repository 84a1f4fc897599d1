/**
 * May the run be believed? Each signal is a figure of the same report, held against two bounds, each
 * with its reason. One signal beyond `invalidAbove` makes the run invalid: then the generator was the
 * limit, and no finding blames the relay.
 *
 * Where its bounds come from stands with each signal; those of the processors are:
 * - CPU: Artillery warns at 80 %, Locust at 90 %, k6's own guide wants 20 % kept idle. At 95 % of all
 *   cores there is none left to be on time with. A relay on the same host has its share taken off first; what
 *   is left may be other processes', which is said, and makes no run invalid: what they did to it, lag shows.
 * - other processes: where they had the host (host-use.ts), lateness is theirs, and the text says so.
 * - several k6 processes: each is held against these bounds by itself, see several.ts.
 */
import { generatorFinding } from "./generator-finding.ts";
import { hostCpuSignal, sharedHostSignal } from "./host-signals.ts";
import { hostUseOf } from "./host-use.ts";
import { lagSignals } from "./lag-signals.ts";
import { scheduleSignals } from "./schedule-signals.ts";
import { partOf, severalSignals, worse, worstOfInstances } from "./several.ts";
import { shareSignals, withDisprovedCeiling } from "./share-signals.ts";
import { signal } from "./signal.ts";
import type { Figures, Measured, Report, Signal, VerdictState } from "./types.ts";
import { unreadySignals } from "./unready-signal.ts";
import { scriptErrorSignal, wholeSignals } from "./whole-signals.ts";

/** Adds the verdict on the generator to a report; an invalid run's only finding is the generator. */
export function judgeGenerator(report: Measured, figures: Figures): Report {
  const signals = withDisprovedCeiling(allSignalsOf(report, figures), report);
  const verdict: VerdictState = signals.some((s) => s.state === "invalid")
    ? "invalid"
    : signals.some((s) => s.state === "suspect")
      ? "suspect"
      : "valid";
  const reasons = signals
    .filter((s) => s.state === "invalid" || s.state === "suspect")
    .sort((a, b) => Number(b.state === "invalid") - Number(a.state === "invalid"))
    .map((s) => s.text);
  const findings = verdict === "invalid" ? [generatorFinding(signals, report)] : report.findings;
  return { ...report, findings, generator: { verdict, reasons, signals, ...figures } };
}

/** Of several processes the worst one counts: one of a hundred that is late does not show in the p99 of all. */
function allSignalsOf(report: Measured, figures: Figures): readonly Signal[] {
  const { several } = figures;
  const signals = signalsOf(report, figures);
  if (several === undefined) return signals;
  const worst = worstOfInstances(several, (part) =>
    signalsOf(...partOf(report, figures, part, several)),
  );
  return [...signals.map((one) => worse(one, worst.get(one.id))), ...severalSignals(several)];
}

function signalsOf(report: Measured, f: Figures): readonly Signal[] {
  return [
    ...wholeSignals(report, f),
    ...lagSignals(report, f),
    ...processorSignals(report, f),
    ...scheduleSignals(report, f),
    ...shareSignals(report, f),
    ...unreadySignals(report),
    scriptErrorSignal(report),
  ];
}

function processorSignals(report: Measured, { cpuPercent }: Figures): readonly Signal[] {
  const { run } = report;
  const cpus = run.host.cpus ?? 1;
  const use = hostUseOf(report);
  const generatorShare = cpuPercent.generator === null ? null : cpuPercent.generator / cpus;
  return [
    signal(
      "generatorCpu",
      generatorShare,
      "% of all cores",
      80,
      95,
      (v) => `k6 used ${v.toFixed(0)} % of all cores`,
    ),
    hostCpuSignal(cpuPercent.host, run.sameHost === true, use),
    sharedHostSignal(use),
  ];
}
