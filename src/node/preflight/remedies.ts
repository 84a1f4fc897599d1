/** What to do about events that a relay does not take, by what it means by its words. Pure. */
import type { Reason } from "../../nostr/reason.ts";
import type { ProbeAnswer } from "./probe.ts";

export interface Refused {
  readonly outcome: ProbeAnswer["outcome"];
  readonly reason: Reason;
  readonly kinds: readonly number[];
  readonly isEphemeral: boolean;
  /** Nothing else was taken. */
  readonly isWhole: boolean;
  /** The events are a user's own: no mix leaves any out. */
  readonly isReplay: boolean;
  /** The mix without the refused types, where anything would be left. */
  readonly mixWithout: string | null;
  /** A mix that the relay takes, where another one was tried. */
  readonly takes: string | null;
}

export function remedyFor(refused: Refused): string {
  const { outcome, reason, isWhole } = refused;
  if (outcome === "ended") {
    return isWhole
      ? "look at its log: it turns away every EVENT, or fails at it"
      : `look at its log, raise its limit on sizes${orLeaveOut(refused)}`;
  }
  if (outcome === "silent" && reason === "other") {
    return isWhole
      ? "let it answer each EVENT with an OK (NIP-01); `--force` goes on, and every event times out"
      : `let it answer each EVENT with an OK (NIP-01)${orLeaveOut(refused)}`;
  }
  const remedy = remedyOf(refused);
  return outcome === "silent" ? `${remedy}; and let it answer with an OK (NIP-01)` : remedy;
}

function remedyOf(refused: Refused): string {
  const { reason, kinds, isEphemeral, isReplay } = refused;
  switch (reason) {
    case "auth":
      return "this tool can't authenticate (NIP-42): let the relay take events without AUTH while it is under test";
    case "payment":
      return "keys made for a test have paid for nothing: let it take events without payment while it is under test";
    case "pow":
      return `events are ${isReplay ? "sent as they are" : "signed without proof of work (NIP-13)"}: let it ask for none while it is under test`;
    case "kind":
      return `let it take the kind${kinds.length > 1 ? "s" : ""} ${kinds.join(", ")}${orLeaveOut(refused)}`;
    case "policy":
      return `let it take events of any key and kind while it is under test${orLeaveOut(refused)}`;
    case "size":
      return `raise its limit on the size of events${orLeaveOut(refused)}`;
    case "age-past":
      return isEphemeral
        ? `give --epoch now, or let it take ephemeral events of any age (strfry: \`rejectEphemeralEventsOlderThanSeconds\`)${orLeaveOut(refused)}`
        : `raise its limit on the age of events${isReplay ? ", or leave the old ones out of the file" : ""}`;
    case "age-future":
      return "set both clocks, raise its limit on future events";
    case "rate-limit":
      return "raise or switch off its limit on rates for this address, unless that limit is what you test";
    case "storage":
      return "look at its disk, its store and its log: it can't keep what it gets";
    case "overload":
    case "shutdown":
      return "wait until it is ready, and look at its log";
    case "signature":
    case "malformed":
      return `look at its log: the events are signed and checked before they are sent${orLeaveOut(refused)}`;
    default:
      return `look at its limits and its log${orLeaveOut(refused)}`;
  }
}

function orLeaveOut({ mixWithout, takes, isReplay }: Refused): string {
  if (takes !== null) return `, or give a mix that it takes: --mix ${takes}`;
  if (mixWithout !== null) return `, or leave them out: --mix ${mixWithout}`;
  return isReplay ? ", or leave them out of the file" : "";
}
