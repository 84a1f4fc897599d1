/** What a capacity is told by: the class of work whose times and counts are shown beside a load. */
import type { ClassName } from "../measure/classes.ts";
import { isScenario, SCENARIOS } from "../plan/scenarios.ts";

/** Of `fanout` what subscribers get; else what the scenario is about. */
export function subjectOf(scenario: string): ClassName {
  if (!isScenario(scenario)) return "publish";
  return scenario === "fanout" ? "delivery" : SCENARIOS[scenario].leads;
}

/** Its own time: a connection that is open and can't be used is none. */
export function timeOf(subject: ClassName): "response" | "usable" {
  return subject === "connection" ? "usable" : "response";
}
