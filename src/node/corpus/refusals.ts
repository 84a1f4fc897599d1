/** What a relay does not take of a corpus: left out of what is expected of it, or too much to ask about. Pure. */
import { ConfigError } from "../../errors.ts";
import { findShape, parseQueryMix } from "../../query/catalogue.ts";
import type { Corpus } from "../../query/corpus.ts";
import { Keys } from "../../query/keys.ts";
import { seededRandom } from "../../random.ts";

/** More than so many, and the questions would be about another corpus. */
const MOST_SHARE = 0.01;
const MOST_REASONS = 5;

export interface RefusedFor {
  readonly reason: string;
  readonly count: number;
}

/** By reason, what comes most first; beyond a few they are one. */
export function countReasons(reasons: Iterable<string>): readonly RefusedFor[] {
  const counts = new Map<string, number>();
  for (const reason of reasons) {
    const isNew = !counts.has(reason) && counts.size >= MOST_REASONS;
    const name = isNew ? "other reasons" : reason;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count);
}

export interface Refusals {
  readonly label: string;
  readonly corpus: Corpus;
  /** Id → why. */
  readonly refused: ReadonlyMap<string, string>;
  readonly mix: string;
}

/** Throws `ConfigError` where the answers would not be those of the corpus. */
export function judgeRefusals({ label, corpus, refused, mix }: Refusals): void {
  const kinds = new Map<number, { kept: number; refused: number; reason: string }>();
  let lacking = 0;
  for (const { id, kind } of corpus.events) {
    const of = kinds.get(kind) ?? { kept: 0, refused: 0, reason: "" };
    kinds.set(kind, of);
    of.kept++;
    const reason = refused.get(id);
    if (reason === undefined) continue;
    lacking++;
    of.refused++;
    of.reason = reason;
  }
  let excused = 0;
  for (const [kind, of] of kinds) {
    if (of.refused < of.kept) continue;
    const asking = shapesOfKind(corpus, mix, kind);
    if (asking.length > 0) {
      throw new ConfigError(
        `\`${label}\` takes no event of kind ${kind} of the corpus (${of.reason}), which ${asking.join(", ")} ask for\n` +
          "Leave these shapes out of --query-mix, let the relay take the kind, or ask about what it holds: --corpus relay.",
      );
    }
    excused += of.refused;
  }
  if (lacking - excused <= MOST_SHARE * corpus.events.length) return;
  const reasons = countReasons(corpus.events.flatMap(({ id }) => refused.get(id) ?? [])).map(
    ({ reason, count }) => `${count} × ${reason}`,
  );
  throw new ConfigError(
    `\`${label}\` does not hold ${lacking} of the corpus's ${corpus.events.length} events: ${reasons.join("; ")}\n` +
      "Answers can't be held against what is not there: let the relay take all of it, or ask about what it holds: --corpus relay.",
  );
}

/** Those of the mix that a kind may be an answer to. */
function shapesOfKind(corpus: Corpus, mix: string, kind: number): readonly string[] {
  return Object.keys(parseQueryMix(mix)).filter((name) => {
    const keys = new Keys(corpus, "uniform", seededRandom("kinds", name));
    const filters = findShape(name)?.ask(keys) ?? [];
    return filters.some(({ kinds }) => kinds === undefined || kinds.includes(kind));
  });
}
