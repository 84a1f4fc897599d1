/** An event of a probe that was published, with what came of it. Pure. */
import { reasonOf } from "../../nostr/reason.ts";
import { classifyKind } from "../../nostr/wire.ts";
import type { ProbeAnswer } from "./probe.ts";
import type { SampleEvent } from "./sample.ts";

export type Tried = ProbeAnswer & Pick<SampleEvent, "type" | "bytes">;

export type Failed = Exclude<ProbeAnswer["outcome"], "accepted" | "untried">;

export function isFine(one: Tried): boolean {
  if (one.outcome !== "refused") return one.outcome === "accepted";
  return isKnown(one) || isUnheard(one);
}

/** It has the event, or a newer one in its place. */
export function isKnown({ message }: Tried): boolean {
  const reason = reasonOf(message);
  return reason === "duplicate" || reason === "replaced";
}

export function isUnheard(one: Tried): boolean {
  return isEphemeral(one) && reasonOf(one.message) === "unheard";
}

export function isEphemeral({ event }: Tried): boolean {
  return classifyKind(event.kind) === "ephemeral";
}

export function isAlike(a: Tried, b: Tried): boolean {
  return a.type === b.type && a.event.kind === b.event.kind;
}

const MOST_SHOWN = 6;

export function describeTypes(of: readonly Tried[]): string {
  const all = [...new Set(of.map(describeType))];
  const rest = all.length - MOST_SHOWN;
  return `${all.slice(0, MOST_SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

export function describeType({ type, event }: Tried): string {
  return type === `kind-${event.kind}` || type === ""
    ? `kind ${event.kind}`
    : `${type} (kind ${event.kind})`;
}
