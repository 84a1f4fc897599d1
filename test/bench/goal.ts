/** What a figure should be, beside whether it is. */

/** "goal ≥ 0.75: missed"; `figure` may be `NaN`, where nothing was measured. */
export function atLeast(figure: number, goal: number, unit = ""): string {
  return say("≥", goal, unit, Number.isNaN(figure) ? null : figure >= goal);
}

/** "goal ≤ 20 %: met". */
export function atMost(figure: number, goal: number, unit = ""): string {
  return say("≤", goal, unit, Number.isNaN(figure) ? null : figure <= goal);
}

function say(sign: string, goal: number, unit: string, isMet: boolean | null): string {
  const state = isMet === null ? "not measured" : isMet ? "met" : "MISSED";
  return `goal ${sign} ${goal.toLocaleString("en")}${unit === "" ? "" : ` ${unit}`}: ${state}`;
}

/** Several judgements, shown as one note. */
export function notes(...texts: readonly string[]): string {
  return texts.join("; ");
}
