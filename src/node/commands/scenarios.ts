/** The scenarios of `run`: what each does, and the mix it has without one of its own. */
import { OPTIONS } from "../../plan/options.ts";

interface Scenario {
  readonly does: string;
  readonly mix: string;
}

const table = {
  publish: { does: "publishes the mix at the set rate", mix: OPTIONS.mix.default ?? "" },
  playback: {
    does: "the same, and before each view event what its viewer's client asks (docs/sessions.md)",
    mix: "playback",
  },
} as const satisfies Record<string, Scenario>;

export const SCENARIOS: Readonly<Record<string, Scenario>> = table;
export const SCENARIO_NAMES: readonly string[] = Object.keys(table);

/** Scenarios of the design that are still to come: a clear answer is better than "unknown". */
export const PLANNED_SCENARIOS: readonly string[] = [
  "fanout",
  "query",
  "connect",
  "mixed",
  "burst",
  "soak",
];

/** The scenario of a name; `null` for any other text. */
export function findScenario(name: string | undefined): Scenario | null {
  return name !== undefined && SCENARIO_NAMES.includes(name) ? (SCENARIOS[name] ?? null) : null;
}
