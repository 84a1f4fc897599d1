/**
 * The event types that a mix may name. A new type is one module and one entry here. Types that come
 * from elsewhere, a user's module, are handed to every lookup.
 */
import { ConfigError } from "../errors.ts";
import type { EventType } from "./event-type.ts";
import { video } from "./video.ts";
import { view } from "./view.ts";

/** Goes up whenever a builder gives other events for the same seed: pools made before are made anew. */
export const BUILDERS_VERSION = 2;

export const eventTypes: readonly EventType[] = [video, view];

/** The type of a name, or `undefined`. One of `extra` goes before a built-in type of its name. */
export function findEventType(
  name: string,
  extra: readonly EventType[] = [],
): EventType | undefined {
  const isNamed = (type: EventType) => type.name === name;
  return extra.find(isNamed) ?? eventTypes.find(isNamed);
}

/** The types of a mix's names, in their order. Throws `ConfigError` for a name that is no type. */
export function resolveTypes(
  names: readonly string[],
  extra: readonly EventType[] = [],
): readonly EventType[] {
  if (names.length === 0) throw new ConfigError("a pool needs a mix of at least one event type");
  return names.map((name) => {
    const type = findEventType(name, extra);
    if (type === undefined) throw new ConfigError(`the mix names \`${name}\`, no event type`);
    return type;
  });
}

/** How a mix names the types there are, for an error message or a help text. */
export function listTypeNames(extra: readonly EventType[] = []): readonly string[] {
  return [...eventTypes, ...extra].map(({ name }) => name);
}
