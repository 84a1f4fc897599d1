/** Relays that answer questions wrongly or slowly in one known way each; see `situations.ts`. */
import { type Action, cut, type Frame } from "./frames.ts";
import { type Fault, QUERY_FAULTS } from "./query-faults.ts";
import type { Question } from "./questions.ts";
import type { Behaviour } from "./relay.ts";
import type { Situation } from "./situation.ts";

const { rightly } = QUERY_FAULTS;

/** What is done about the questions for which this holds; the others are answered rightly. */
function where(isMeant: (question: Question) => boolean, fault: Fault): Behaviour {
  return { questions: { fault: (question) => (isMeant(question) ? fault : rightly) } };
}

const always = (fault: Fault): Behaviour => where(() => true, fault);
const every = (n: number, fault: Fault) => where(({ place }) => place % n === n - 1, fault);

const asksBy =
  (member: string) =>
  ({ filters }: Question): boolean =>
    filters.some((filter) => member in filter);

function delay(actions: readonly Action[], afterMs: number): readonly Action[] {
  return actions.map(
    (action): Action =>
      action.do === "send" ? ({ ...action, afterMs } satisfies Frame) : cut(action.how, afterMs),
  );
}

const later =
  (afterMs: () => number): Fault =>
  (question, right, corpus) =>
    delay(rightly(question, right, corpus), afterMs());

/** One question after the other, each for so long. */
function serially(costMs: number): Behaviour {
  let freeAtMs = 0;
  return always(
    later(() => {
      const now = performance.now();
      freeAtMs = Math.max(freeAtMs, now) + costMs;
      return freeAtMs - now;
    }),
  );
}

/** Leaves one answer of three without an end from so many ms behind the first question on. */
function endlessFrom(ms: number): Behaviour {
  let firstMs = 0;
  return where(({ place }) => {
    firstMs ||= performance.now();
    return place % 3 === 0 && performance.now() - firstMs >= ms;
  }, QUERY_FAULTS.noEose);
}

function situation(
  first: string | null,
  relay: () => Behaviour,
  flags: Situation["flags"] = {},
): Situation {
  return { first, relays: [relay], scenario: "query", flags };
}

export const QUERY_SITUATIONS: Readonly<Record<string, Situation>> = {
  "answering-rightly": situation(null, () => always(rightly)),
  "answering-unfiltered": situation("wrong-answers", () =>
    where(asksBy("#e"), QUERY_FAULTS.unfiltered),
  ),
  "answering-oldest-first": situation("wrong-answers", () => always(QUERY_FAULTS.oldestFirst)),
  "ending-too-early": situation("wrong-answers", () => every(5, QUERY_FAULTS.eoseTooEarly)),
  "ignoring-search": situation("search-ignored", () => always(QUERY_FAULTS.searchIgnored), {
    "query-mix": "search:0.3,ids:0.7",
  }),
  miscounting: situation("wrong-counts", () => always(QUERY_FAULTS.countWrong), {
    "query-mix": "count",
  }),
  capping: situation("unannounced-cap", () => always(QUERY_FAULTS.capped), {
    "query-mix": "hashtag:0.5,profiles:0.5",
  }),
  "repeating-rows": situation("duplicate-rows", () => always(QUERY_FAULTS.duplicates), {
    "query-mix": "thread:0.5,reactions:0.5",
  }),
  "refusing-several-filters": situation("queries-refused", () =>
    where(({ filters }) => filters.length > 1, QUERY_FAULTS.closedAsError),
  ),
  "refusing-queries-by-notice": situation("queries-refused", () =>
    every(4, QUERY_FAULTS.noticeInstead),
  ),
  "shedding-queries": situation("no-eose", () => endlessFrom(4_000)),
  "answering-queries-late": situation("late-answers", () => every(20, QUERY_FAULTS.late), {
    "ack-timeout": "8000",
    duration: "12",
  }),
  "slow-with-a-tag": situation(
    "costly-shape",
    () =>
      where(
        asksBy("#t"),
        later(() => 150),
      ),
    {
      "query-mix": "hashtag:0.3,profiles:0.7",
    },
  ),
  "overloaded-by-queries": situation("overload", () => serially(60), {
    "query-mix": "ids:0.5,thread:0.5",
  }),
};
