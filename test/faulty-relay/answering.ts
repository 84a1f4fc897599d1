/** Questions of all connections of a faulty relay: which fault each meets, and what that sends. */
import type { ClientMessage, NostrEvent } from "../../src/nostr/wire.ts";
import { Corpus } from "../../src/query/corpus.ts";
import type { Action } from "./frames.ts";
import { type Fault, QUERY_FAULTS } from "./query-faults.ts";
import type { QueryLedger } from "./query-ledger.ts";
import { answerRightly, type Question } from "./questions.ts";

export interface Questioned {
  /** What it holds; without it, whatever it was sent. */
  readonly corpus?: Corpus;
  /** How it answers the generator; everybody else is answered rightly. */
  readonly fault: (question: Question) => Fault;
}

export class Answering {
  readonly #ledger: QueryLedger;
  readonly #behaviour: Questioned;
  readonly #sent: NostrEvent[] = [];
  #corpus: Corpus | undefined;

  constructor(behaviour: Questioned, ledger: QueryLedger) {
    this.#behaviour = behaviour;
    this.#ledger = ledger;
    this.#corpus = behaviour.corpus;
  }

  /** Takes note of a message; what is to be done about it. */
  receive(message: ClientMessage, { connection, isLoad, atMs }: Receipt): readonly Action[] {
    switch (message[0]) {
      case "EVENT":
        this.#keep(message[1]);
        return [];
      case "CLOSE":
        this.#ledger.close(connection, message[1], atMs);
        return [];
      case "REQ":
      case "COUNT":
        break;
      default:
        return [];
    }
    const [verb, id, ...filters] = message;
    const question = this.#ledger.ask({ connection, isLoad }, { verb, id, filters }, atMs);
    this.#corpus ??= new Corpus(this.#sent);
    const fault = isLoad ? this.#behaviour.fault(question) : QUERY_FAULTS.rightly;
    return fault(question, answerRightly(this.#corpus, filters), this.#corpus);
  }

  #keep(event: NostrEvent): void {
    if (this.#behaviour.corpus !== undefined) return;
    this.#sent.push(event);
    this.#corpus = undefined;
  }
}

export interface Receipt {
  readonly connection: number;
  /** Of the generator: not of what prepares a run, or audits it. */
  readonly isLoad: boolean;
  readonly atMs: number;
}
