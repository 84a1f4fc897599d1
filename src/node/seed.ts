/** The seed of runs that a person gave none for. */
import { randomInt } from "node:crypto";
import { SCENARIOS, type ScenarioName } from "../plan/scenarios.ts";

/** Events that are published must be new; a corpus is asked about again and again, and loaded once. */
export function drawSeed(scenario: ScenarioName): string {
  return asksAgain(scenario) ? "corpus" : String(randomInt(2 ** 32));
}

/** Repetitions ask the same: what the relay holds of the first is what the others are about. */
export function asksAgain(scenario: ScenarioName): boolean {
  return SCENARIOS[scenario].leads === "query";
}
