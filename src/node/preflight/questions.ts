/** Holds a run's questions against each relay that can be reached, and tries what is not known beforehand. */
import { searchableWords } from "../../nostr/search.ts";
import type { Plan } from "../../plan/plan.ts";
import { type Asking, askingOf, whatToTry } from "./asking.ts";
import type { Finding } from "./finding.ts";
import { judgeQueries } from "./query-judge.ts";
import { probeQueries } from "./query-probe.ts";
import type { RelayAnswer } from "./relay.ts";

/** `viewShare`: of view events among the run's. */
export async function tryQuestions(
  plan: Plan,
  answers: readonly RelayAnswer[],
  viewShare: number,
): Promise<readonly Finding[]> {
  const asking = askingOf(plan, viewShare);
  if (asking === null) return [];
  const reached = answers.filter(({ isReached }) => isReached);
  return (await Promise.all(reached.map((answer) => tryOne(asking, answer)))).flat();
}

async function tryOne(
  asking: Asking,
  { admission, information, taken }: RelayAnswer,
): Promise<readonly Finding[]> {
  const request = whatToTry(asking, information);
  const planted = taken.flatMap(searchableWords).find(isSearched);
  const probe = request === null ? null : await probeQueries(admission, { ...request, planted });
  return judgeQueries({ label: admission.url.label, asking, information, probe });
}

/** Short words, and some of those without a digit, are left out of an index. */
function isSearched(word: string): boolean {
  return word.length >= 8 && /\d/.test(word);
}

/** Where the events are a corpus to ask about, all of them have to be taken. */
export function judgeForCorpus({ query }: Plan, answers: readonly RelayAnswer[]): Finding[] {
  return answers.flatMap(({ findings, refusedFor }) =>
    findings.map((finding): Finding => {
      const isFailure = finding.id === "probe" && finding.level !== "ok";
      if (query === null || !isFailure) return finding;
      return {
        ...finding,
        // A limit on rates may leave a corpus that is there already.
        level: refusedFor.has("rate-limit") ? finding.level : "stop",
        why: "answers are held against a corpus that the relay has whole",
        remedy:
          "let it take such events while it is under test, or ask about what it holds: --corpus relay",
      };
    }),
  );
}
