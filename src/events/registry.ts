/** The event types that a mix may name. A new type is one module and one entry here. */
import type { EventType } from "./event-type.ts";
import { video } from "./video.ts";
import { view } from "./view.ts";

/** Goes up whenever a builder gives other events for the same seed: pools made before are made anew. */
export const BUILDERS_VERSION = 1;

export const eventTypes: readonly EventType[] = [video, view];

/** The type of a name, or `undefined`. */
export function findEventType(name: string): EventType | undefined {
  return eventTypes.find((type) => type.name === name);
}
