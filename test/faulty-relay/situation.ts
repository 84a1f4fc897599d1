/** A relay, or several, in one known way each, and the finding that a run against it must have first. */
import type { ScenarioName } from "../../src/plan/scenarios.ts";
import type { Behaviour } from "./relay.ts";

export interface Situation {
  /** The finding that must come first; `null`: none above `info`. */
  readonly first: string | null;
  /** One relay each, made anew for a run. */
  readonly relays: readonly (() => Behaviour)[];
  /** Without it `publish`. */
  readonly scenario?: ScenarioName;
  readonly flags?: Readonly<Record<string, string>>;
  /** Keeps k6 off the processor, so that the generator is the limit. */
  readonly starved?: boolean;
  /** Keeps the relay off its processor, and the generator on another one. */
  readonly crowded?: boolean;
  /** Other processes use all of the host. */
  readonly busy?: boolean;
}
