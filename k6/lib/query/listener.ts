/**
 * The hot path of reading: one function for what is done with the usual row, the one that is due next, as k6
 * starts each message on an empty stack, made anew. Nothing is cut out of a row, and nothing is called but one look
 * at its text, `indexOf`, which takes 0.3 µs: whose row it is, two comparisons say. What it keeps is in variables
 * that are its own, not in fields (docs/generator-speed.md).
 *
 * Rows of 900 B from the sink, 500 an answer, medians of five in turn with a k6 script that only counts frames
 * (129,500 a second on two shared cores): 0.87 of it with `--verify off`, 0.80 with `counts` and with `rows`.
 */
import type { Ground, Rest, SocketMessage } from "../driver.ts";
import { indexOf } from "../hot.ts";
import { createLook } from "../look.ts";
import type { Asked, Lane } from "./asked.ts";
import { NO_CORPUS } from "./corpus-rows.ts";
import type { QueryOptions } from "./options.ts";
import { NO_MARK, NO_PART, type Rows } from "./rows.ts";

/** One row of 16 and one of 16 other messages is followed by a look at the clock: those with none of these bits. */
const EACH_LOOKED_AT = 15;

export type Listen = (lane: Lane, rest: Rest) => (message: SocketMessage) => void;

interface ListenerOptions {
  readonly options: Pick<QueryOptions, "corpus" | "largestFrame">;
  readonly rows: Rows;
  /** Sends what is due. */
  readonly work: (nowMs: number) => void;
  /** Ends the REQ whose plain EOSE came. */
  readonly takeEose: (one: Asked, hint: null, receivedMs: number) => void;
}

export function createListener(ground: Ground, listener: ListenerOptions): Listen {
  const { rows, work, takeEose } = listener;
  const { corpus, largestFrame } = listener.options;
  const { clock, onFault } = ground;
  const { now, offsetMs } = clock;
  const { marks } = corpus ?? NO_CORPUS;
  const look = createLook(ground, largestFrame);
  let others = 0;

  /** What is no row of the query that had the last one. */
  const takeOther = (lane: Lane, rest: Rest, text: string, receivedMs: number): void => {
    const ended = lane.open.get(text);
    if (ended !== undefined && ended.question.verb === "REQ") takeEose(ended, null, receivedMs);
    else {
      const one = rows.turnTo(lane, text);
      if (one !== null) {
        rows.take(one, text, receivedMs);
        return;
      }
      rest(lane.client, text, receivedMs);
    }
    work(now());
  };

  const lookAround = (lane: Lane, message: SocketMessage): void => {
    look(lane.client, message.timestamp - offsetMs);
    work(now());
  };

  return (lane, rest) => {
    // Of the current query.
    let head = NO_MARK;
    let beyond = NO_MARK;
    let mark = NO_MARK;
    let part = NO_PART;
    let isCounted = false;
    let at = 0;
    let bytes = 0;

    lane.save = () => {
      const one = lane.current;
      if (one === null) return;
      one.at = at;
      one.bytes += bytes;
      bytes = 0;
    };

    lane.load = () => {
      const one = lane.current;
      bytes = 0;
      head = one === null ? NO_MARK : one.head;
      beyond = one === null ? NO_MARK : one.beyond;
      if (one === null) return;
      mark = one.mark;
      part = one.part;
      isCounted = one.isCounted;
      at = one.at;
    };

    return (message) => {
      try {
        const text = message.data as string;
        if (text > head && text < beyond) {
          if (isCounted) at++;
          else if (indexOf(text, mark, 0) > 0) mark = marks[part[++at] as number] ?? NO_MARK;
          else {
            rows.take(lane.current as Asked, text, message.timestamp - offsetMs);
            if ((++others & EACH_LOOKED_AT) === 0) lookAround(lane, message);
            return;
          }
          bytes += text.length;
          if ((at & EACH_LOOKED_AT) === 0) lookAround(lane, message);
          return;
        }
        takeOther(lane, rest, text, message.timestamp - offsetMs);
        if ((++others & EACH_LOOKED_AT) === 0) lookAround(lane, message);
      } catch (error) {
        onFault("message", error);
      }
    };
  };
}
