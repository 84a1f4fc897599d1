/** The only finding of an invalid run: what kept it from measuring the relay. */
import { pageOf } from "./findings/page.ts";
import { describeOthers, hostUseOf } from "./host-use.ts";
import type { Finding, Measured, Signal } from "./types.ts";

const MOST_ERRORS = 4;

export function generatorFinding(signals: readonly Signal[], report: Measured): Finding {
  const { errors } = report;
  const use = hostUseOf(report);
  const bad = signals.filter((s) => s.state === "invalid");
  if (bad.every((s) => s.id === "knownEvents")) return knownEventsFinding(bad);
  const noData = bad.some((s) => s.id === "noData");
  return {
    rank: 1,
    id: noData ? "no-data" : "generator-limit",
    severity: "critical",
    title: noData
      ? "Nothing was measured"
      : use.isTaken
        ? `The generator had too little processor, and not the relay was the limit: ${describeOthers(use)}`
        : "The generator was the limit, not the relay",
    confidence: "high",
    evidence: [
      ...bad.map((s) => ({
        metric: `generator.${s.id}`,
        value: s.value,
        reference: s.invalidAbove,
      })),
      // Why nothing was sent: refused, turned down, no such name.
      ...(noData ? errors.slice(0, MOST_ERRORS) : []).map((e) => ({
        metric: `errors.${e.class}/${e.code}`,
        value: e.count,
        reference: e.example,
      })),
    ],
    counterEvidence: [],
    remediation: noData
      ? "See the errors: the relay could not be reached or took no connection. Start it, or correct its address."
      : use.isTaken
        ? "Stop what else runs on this host, or move the test; then measure again. Neither generator nor relay is to blame."
        : "Lower the rate, give the generator more cores, or run it on another machine than the relay; then measure again.",
    labels: ["generator"],
    cost: 0,
    page: pageOf(noData ? "no-data" : "generator-limit"),
  };
}

function knownEventsFinding(bad: readonly Signal[]): Finding {
  return {
    rank: 1,
    id: "duplicates",
    severity: "critical",
    title: "Most events were in the relay already: taking them was not measured",
    confidence: "high",
    evidence: bad.map((s) => ({
      metric: `generator.${s.id}`,
      value: s.value,
      reference: s.invalidAbove,
    })),
    counterEvidence: [],
    remediation:
      "Take a new --seed (without one each run draws its own), or an empty relay. If it was empty, look for events that it handles twice.",
    labels: ["workload"],
    cost: 0,
    page: pageOf("duplicates"),
  };
}
