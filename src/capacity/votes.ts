/** When a load is decided: by as many trials as it takes, and no more. */
import type { SearchSettings, TrialVerdict } from "./result.ts";
import type { Open, Standing } from "./state.ts";

/** Behind a second trial that says nothing of the relay it is the generator's limit. */
const MOST_VOIDS = 2;

export function vote(open: Open, verdict: TrialVerdict): Open {
  return {
    ...open,
    passes: open.passes + Number(verdict === "pass"),
    fails: open.fails + Number(verdict === "fail"),
    voids: open.voids + Number(verdict === "void"),
  };
}

/**
 * `null` while it is open. A full trial has one vote of `repeats`, of which the majority decides. A short one that
 * passes is enough; a fail has to be confirmed, and with one of each the third decides. In an estimate the first decides:
 * what it got wrong shows in the proof.
 */
export function decide(
  { role, passes, fails, voids }: Open,
  { repeats, quick }: Pick<SearchSettings, "repeats" | "quick">,
): Standing | null {
  if (voids >= MOST_VOIDS) return "generator";
  const majority = Math.floor(repeats / 2) + 1;
  const ofProbe = quick ? [1, 1] : [fails === 0 ? 1 : 2, 2];
  const [toPass = 1, toFail = 1] = role === "narrow" ? [majority, majority] : ofProbe;
  if (passes >= toPass) return "pass";
  return fails >= toFail ? "fail" : null;
}
