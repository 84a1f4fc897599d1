/**
 * The proof: lo, hi, hi, lo, lo in long trials, in turn, so that what drifts burdens both; of an estimate lo, hi, lo.
 * Each place of lo must pass; a failure counts when the same again fails as well. Where trials of hi disagree, the
 * next one decides whether it is a bound.
 */
import type { TrialVerdict } from "./result.ts";
import type { Proof } from "./state.ts";

/** The same again: whether it fails, and whether it says nothing of the relay, is known by then. */
const MOST_AT_A_PLACE = 2;

export function startProof(lo: number, hi: number | null, isShort: boolean): Proof {
  const nothing = { done: [], places: 0, failsHere: 0, voidsHere: 0, hiPasses: 0, proven: null };
  return { lo, hi, isShort, ...nothing };
}

/** The load of the next trial; `null` when it is over. */
export function loadToProve(proof: Proof): number | null {
  return proof.proven === null ? loadAt(proof) : null;
}

/** How many trials are left, if all goes well. */
export function trialsLeft(proof: Proof): number {
  return proof.proven === null ? orderOf(proof).length - proof.places : 0;
}

export function prove(before: Proof, verdict: TrialVerdict): Proof {
  const load = loadAt(before);
  const isLo = load === before.lo;
  const proof = {
    ...before,
    done: [...before.done, { load, verdict }],
    failsHere: before.failsHere + Number(verdict === "fail"),
    voidsHere: before.voidsHere + Number(verdict === "void"),
    hiPasses: before.hiPasses + Number(!isLo && verdict === "pass"),
  };
  if (isLo && proof.failsHere >= MOST_AT_A_PLACE) return { ...proof, proven: "lo-failed" };
  if (isLo && proof.voidsHere >= MOST_AT_A_PLACE) return { ...proof, proven: "lo-void" };
  if (proof.hiPasses >= 2) return { ...proof, proven: "hi-passed" };
  const isSettled =
    verdict === "pass" || (!isLo && (verdict === "fail" || proof.voidsHere >= MOST_AT_A_PLACE));
  if (!isSettled) return proof;
  const next = { ...proof, places: proof.places + 1, failsHere: 0, voidsHere: 0 };
  return next.places < orderOf(next).length ? next : { ...next, proven: "held" };
}

function loadAt(proof: Proof): number {
  const place = orderOf(proof)[proof.places];
  return place === "hi" ? (proof.hi ?? proof.lo) : proof.lo;
}

function orderOf({ hi, hiPasses, isShort }: Proof): readonly ("lo" | "hi")[] {
  if (hi === null) return isShort ? ["lo", "lo"] : ["lo", "lo", "lo"];
  const again = hiPasses > 0 ? (["hi"] as const) : [];
  return isShort ? ["lo", "hi", ...again, "lo"] : ["lo", "hi", "hi", ...again, "lo", "lo"];
}
