/** Books what an OK that is not the plain one says of its publish. */
import {
  ACCEPTED,
  DUPLICATE,
  REJECTED,
  SUPERSEDED,
  UNHEARD,
} from "../../../src/measure/classes/publish.ts";
import { type AnsweredOutcome, classifyOk, messagePrefix } from "../../../src/nostr/ok.ts";
import type { Ground } from "../driver.ts";

/** Outcomes with which a part of a set is there, or needs not be. */
export const FINE: readonly AnsweredOutcome[] = ["accepted", "duplicate", "unheard"];

export type BookOutcome = (row: number, isAccepted: boolean, text: string) => AnsweredOutcome;

/** `mayBeEphemeral`: by event type; behind so many rows the same ones come for the warm-up. */
export function createOutcomeBook(
  { recorder, atSec }: Ground,
  types: number,
  mayBeEphemeral: readonly boolean[],
): BookOutcome {
  const book = recorder.books.publish;
  return (row, isAccepted, text) => {
    const outcome = classifyOk(isAccepted, text);
    if (outcome === "accepted") book.count(row, ACCEPTED);
    else if (outcome === "duplicate") book.count(row, DUPLICATE);
    else if (outcome === "superseded") book.count(row, SUPERSEDED);
    else if (mayBeEphemeral[row % types] && recorder.reasonOf(text) === "unheard") {
      book.count(row, UNHEARD);
      return "unheard";
    } else {
      book.count(row, REJECTED);
      recorder.said("reject", messagePrefix(text), atSec(), text, { row });
    }
    return outcome;
  };
}
