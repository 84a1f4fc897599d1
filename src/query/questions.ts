/** The questions of a run with their right answers, drawn from a corpus before the run. */
import { ConfigError } from "../errors.ts";
import { drawTypes, type Mix } from "../events/mix.ts";
import type { Filter } from "../nostr/wire.ts";
import { seededRandom } from "../random.ts";
import { findShape } from "./catalogue.ts";
import type { Corpus } from "./corpus.ts";
import { type ExpectedAnswer, expectAnswer, expectCount } from "./expected-answer.ts";
import { type KeyOrder, Keys } from "./keys.ts";
import type { Shape } from "./shape.ts";

export interface Question {
  readonly shape: Shape;
  readonly filters: readonly Filter[];
  /** Rows of a REQ, the number of a COUNT. */
  readonly expected: ExpectedAnswer | number;
}

export interface QuestionsRequest {
  readonly corpus: Corpus;
  /** Shape → weight, see `parseQueryMix`. */
  readonly mix: Mix;
  readonly keys: KeyOrder;
  readonly seed: string;
}

/**
 * Questions without end; the same request gives the same ones.
 * @throws ConfigError where the corpus has nothing that a shape of the mix could ask for
 */
export function* drawQuestions(request: QuestionsRequest): Generator<Question, never> {
  const { corpus, mix, seed } = request;
  const draw = drawTypes(mix, seededRandom(seed, "query-mix"));
  const asked = Object.keys(mix).map((name) => {
    const shape = findShape(name);
    if (shape === undefined) throw new ConfigError(`the query mix names \`${name}\`, no shape`);
    return { shape, keys: new Keys(corpus, request.keys, seededRandom(seed, `questions/${name}`)) };
  });
  for (;;) {
    const next = asked[draw()];
    if (next === undefined) throw new Error("a query mix names no shape");
    const { shape, keys } = next;
    const filters = shape.ask(keys);
    if (filters === null) {
      throw new ConfigError(
        `the corpus holds nothing that \`${shape.name}\` could ask for; leave it out of the query mix, or take another corpus`,
      );
    }
    const expected =
      shape.verb === "COUNT" ? expectCount(corpus, filters) : expectAnswer(corpus, filters);
    yield { shape, filters, expected };
  }
}
