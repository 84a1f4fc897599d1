/** What a relay says about open queries, but for rows in the usual form: which one is meant, and how it ends by that. */
import {
  Q_CLOSED,
  Q_REFUSED_BY_NOTICE,
  Q_ROWS_BEHIND,
} from "../../../src/measure/classes/query.ts";
import { messagePrefix } from "../../../src/nostr/ok.ts";
import type { Client } from "../connection/client.ts";
import type { Ground } from "../driver.ts";
import type { Hint, ReadMessage } from "../relay-message.ts";
import { type Asked, eoseOf, type Lane } from "./asked.ts";
import { judgeCount } from "./counted.ts";
import type { Rows } from "./rows.ts";
import { rowOfId } from "./subscription-id.ts";
import type { Verdict } from "./verdict.ts";

/** Whether the message was about a query. */
type TakeReply = (lane: Lane, message: ReadMessage, receivedMs: number) => boolean;

interface Querier {
  readonly rows: Pick<Rows, "take">;
  /** Nothing but queries is open on its connection. */
  readonly isAlone: (client: Client) => boolean;
  /** How many were asked so far. */
  readonly asked: () => number;
  readonly end: (one: Asked, column: number) => void;
  readonly answer: (one: Asked, receivedMs: number, verdict: Verdict | null) => void;
  readonly takeEose: (one: Asked, hint: Hint, receivedMs: number) => void;
  readonly sendWaiting: (lane: Lane) => void;
}

export function createReplies(
  { recorder, atSec }: Pick<Ground, "recorder" | "atSec">,
  { rows, isAlone, asked, end, answer, takeEose, sendWaiting }: Querier,
): TakeReply {
  const takeNotice = (lane: Lane, text: string): boolean => {
    const [only] = lane.open.values();
    // Of several nobody knows which one is meant.
    if (only === undefined || lane.open.size > 1 || !isAlone(lane.client)) return false;
    recorder.link.notices++;
    recorder.said("notice", messagePrefix(text), atSec(), text);
    end(only, Q_REFUSED_BY_NOTICE);
    sendWaiting(lane);
    return true;
  };

  /** A row that is not in the usual form, or that comes behind the end of its answer. */
  const takeRow = (
    lane: Lane,
    { id, data }: ReadMessage & { type: "EVENT" },
    receivedMs: number,
  ) => {
    const one = lane.open.get(eoseOf(id));
    if (one !== undefined) {
      rows.take(one, data, receivedMs);
      return;
    }
    const row = rowOfId(id, asked());
    if (row !== null) recorder.books.query.count(row, Q_ROWS_BEHIND);
  };

  const takeClosed = (one: Asked, text: string): void => {
    recorder.said("closed", messagePrefix(text), atSec(), text);
    end(one, Q_CLOSED);
    sendWaiting(one.lane);
  };

  return (lane, message, receivedMs) => {
    if (message.type === "NOTICE") return takeNotice(lane, message.text);
    if (message.type === "EVENT") takeRow(lane, message, receivedMs);
    else if (message.type === "EOSE" || message.type === "COUNT" || message.type === "CLOSED") {
      const one = lane.open.get(eoseOf(message.id));
      const verb = message.type === "COUNT" ? "COUNT" : "REQ";
      // What comes behind an end, or under an id of nobody, ends nothing.
      if (one === undefined) return true;
      if (message.type === "CLOSED") takeClosed(one, message.text);
      else if (verb !== one.question.verb) return true;
      else if (message.type === "EOSE") takeEose(one, message.hint, receivedMs);
      else answer(one, receivedMs, judgeCount(message, one));
    } else return false;
    return true;
  };
}
