/** Questions that wait for a place on their connection: in turn on each, and by age over all. */
import { Fifo } from "../fifo.ts";
import type { Lane, Waiting } from "./asked.ts";
import type { Question } from "./question.ts";

export class WaitingLine {
  length = 0;
  /** What waits no more stays in it until it is at the head. */
  private readonly byAge = new Fifo<Waiting>();

  push(lane: Lane, question: Question): void {
    const one = { question, isWaiting: true };
    lane.waiting.push(one);
    this.byAge.push(one);
    this.length++;
  }

  /** The next one of a connection. */
  shift({ waiting }: Lane): Question | undefined {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (this.end(one)) return one.question;
    }
    return undefined;
  }

  /** Takes out all that has waited for too long. */
  expire(isExpired: (dueMs: number) => boolean, giveUp: (question: Question) => void): void {
    for (let one = this.byAge.peek(); one !== undefined; one = this.byAge.peek()) {
      if (one.isWaiting && !isExpired(one.question.dueMs)) return;
      this.byAge.shift();
      if (this.end(one)) giveUp(one.question);
    }
  }

  /** Whether it waited so far. */
  private end(one: Waiting): boolean {
    if (!one.isWaiting) return false;
    one.isWaiting = false;
    this.length--;
    return true;
  }
}
