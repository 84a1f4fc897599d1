/** May I believe this run? */
import { formatMs, NOT_MEASURED } from "../format.ts";
import { describeProxy, proxyOf } from "../port-proxy.ts";
import type { Report, Several, Signal } from "../types.ts";
import { type Block, details, list, type Section, strong, table, text } from "./document.ts";

export function believeSection(report: Report): Section {
  const { generator: g, run } = report;
  const proxy = proxyOf(report);
  const headline = {
    valid: [strong("Yes: the run is valid.")],
    suspect: [strong("With care: the run is suspect.")],
    invalid: [strong("No: the run is invalid."), " Its figures say nothing about the relay."],
  }[g.verdict];
  const sameHost: readonly Block[] =
    run.sameHost === true
      ? [
          text(
            "Generator and relay shared one host: figures compare on this host, and say less about any other.",
          ),
        ]
      : [];
  const bound = g.signals.find(({ id, text }) => id === "sharedHost" && text !== "");
  const lowerBound: readonly Block[] =
    bound === undefined
      ? []
      : [text(`${bound.text.charAt(0).toUpperCase()}${bound.text.slice(1)}.`)];
  return {
    id: "believe",
    title: "May I believe this run?",
    blocks: [
      text(headline),
      ...list(g.reasons),
      ...sameHost,
      ...lowerBound,
      ...(proxy === null ? [] : [text(describeProxy(proxy))]),
      signals(g.signals),
      ...(g.several === undefined ? [] : [instances(g.several)]),
    ],
  };
}

function signals(all: readonly Signal[]): Block {
  return details(
    "Signals the verdict rests on",
    table(
      "Signals of the generator with their bounds",
      ["signal", "#value", "#suspect above", "#invalid above", "says"],
      all.map((s) => [
        s.id,
        s.value === null ? NOT_MEASURED : `${rounded(s.value)} ${s.unit}`,
        bound(s.suspectAbove),
        bound(s.invalidAbove),
        s.state === "notMeasured" ? NOT_MEASURED : s.state,
      ]),
    ),
  );
}

function instances({ expected, each }: Several): Block {
  const percent = (value: number | null) =>
    value === null ? NOT_MEASURED : `${value.toFixed(0)} %`;
  return details(
    `The ${expected} generators`,
    table(
      "What each generator did",
      [
        "#instance",
        "figures",
        "#began",
        "#ready before",
        "#schedule lag p99",
        "#loop lag p99",
        "#clock drift",
        "#relay's clock ahead",
        "#CPU of one core",
        "#host CPU",
        "#cores",
      ],
      each.map((one) => [
        String(one.index),
        one.complete ? "whole" : "not whole",
        one.startedMs === null ? NOT_MEASURED : `+${formatMs(one.startedMs)}`,
        formatMs(one.slackMs),
        formatMs(one.scheduleLag.p99),
        formatMs(one.loopLag.p99),
        formatMs(one.clockDriftMs),
        one.clock === null ? NOT_MEASURED : `${one.clock.aheadMs} ms ± ${one.clock.uncertainMs} ms`,
        percent(one.cpuPercent.generator),
        percent(one.cpuPercent.host),
        one.host.cpus === null ? NOT_MEASURED : String(one.host.cpus),
      ]),
    ),
  );
}

function bound(value: number | null): string {
  return value === null ? "–" : rounded(value);
}

function rounded(value: number): string {
  return String(Math.round(value * 1_000) / 1_000);
}
