/**
 * Has challenges signed by the command line that started this k6: in k6's own interpreter a signature takes as long as
 * thousands of events. What comes while one request is under way goes with the next.
 */
import http from "k6/http";
import type { AuthAnswer, AuthQuestion } from "../../../src/nostr/auth.ts";

const MOST_A_REQUEST = 64;

type Done = (answer: AuthAnswer | null) => void;

export class Signer {
  readonly #url: string;
  readonly #onFault: (where: string, error: unknown) => void;
  #waiting: { readonly question: AuthQuestion; readonly done: Done }[] = [];
  #isBusy = false;

  constructor(companionUrl: string, onFault: (where: string, error: unknown) => void) {
    this.#url = `${companionUrl}/auth`;
    this.#onFault = onFault;
  }

  /** `done` is called once, with `null` where nobody signed. */
  sign(question: AuthQuestion, done: Done): void {
    this.#waiting.push({ question, done });
    if (!this.#isBusy) void this.#askNext();
  }

  async #askNext(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MOST_A_REQUEST);
      this.#waiting = this.#waiting.slice(MOST_A_REQUEST);
      const answers = await this.#ask(batch.map(({ question }) => question));
      try {
        batch.forEach(({ done }, i) => {
          done(answers[i] ?? null);
        });
      } catch (error) {
        this.#onFault("auth", error);
      }
    }
    this.#isBusy = false;
  }

  async #ask(questions: readonly AuthQuestion[]): Promise<readonly AuthAnswer[]> {
    const params = { timeout: "5s", redirects: 0, tags: { name: "companion" } };
    try {
      const response = await http.asyncRequest(
        "POST",
        this.#url,
        JSON.stringify(questions),
        params,
      );
      const { status, body } = response;
      return status === 200 && typeof body === "string" ? (JSON.parse(body) as AuthAnswer[]) : [];
    } catch {
      // Counted as unsigned: the run says so.
      return [];
    }
  }
}
