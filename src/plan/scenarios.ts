/** The scenarios of `run`. Command line, help, bundles, thresholds and documentation read this table. */
import { type ClassName, classOf } from "../measure/classes.ts";

export interface Scenario {
  /** What it does, in one line. */
  readonly does: string;
  /** The classes of work that it counts. */
  readonly classes: readonly ClassName[];
  /** The one that the rate is of, and without which nothing was measured. */
  readonly leads: ClassName;
  /** What its pool holds: events to publish, questions; without one nothing is signed, and nothing published. */
  readonly pool: "events" | "questions" | "none";
  /** Its k6 script: the file of that name in `k6/`, bundled to `build/dist/`. */
  readonly script: string;
}

const table = {
  publish: {
    does: "publishes the mix at the set rate",
    classes: ["publish", "set", "connection"],
    leads: "publish",
    pool: "events",
    script: "publish",
  },
  playback: {
    does: "the same, and before each view event what its viewer's client asks (docs/sessions.md)",
    classes: ["publish", "set", "query", "connection"],
    leads: "publish",
    pool: "events",
    script: "playback",
  },
  query: {
    does: "asks what clients ask, at the set rate, and checks every answer",
    classes: ["query", "connection"],
    leads: "query",
    pool: "questions",
    script: "query",
  },
  fanout: {
    does: "publishes, and holds what every subscriber gets against what it is owed",
    classes: ["publish", "delivery", "connection"],
    leads: "publish",
    pool: "events",
    script: "fanout",
  },
  connect: {
    does: "opens connections, holds them, lets them churn, or has them come back (docs/connect.md)",
    classes: ["connection", "auth"],
    leads: "connection",
    pool: "none",
    script: "connect",
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof table;

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = table;
export const SCENARIO_NAMES = Object.keys(table) as readonly ScenarioName[];

/** Scenarios of the design that are still to come: a clear answer is better than "unknown". */
export const PLANNED_SCENARIOS: readonly string[] = ["mixed", "burst", "soak"];

/** Whether a scenario has a schedule for a class: connections have one only where they lead. */
export function isScheduled(name: ClassName, scenario: string): boolean {
  const leads = isScenario(scenario) && SCENARIOS[scenario].leads === name;
  return leads || classOf(name).hasSchedule;
}

/** Whether a text is the name of a scenario. */
export function isScenario(name: string | undefined): name is ScenarioName {
  return name !== undefined && Object.hasOwn(table, name);
}
