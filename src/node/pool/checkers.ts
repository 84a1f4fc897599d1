/** Who checks lines of signed events: threads, or this one where the lines are few. */
import { loadVerifier } from "../relay/signatures.ts";
import { type Crew, startCrew, workHere } from "./crew.ts";
import type { ReplayTimes } from "./replay-event.ts";
import { type CheckedLine, checkLines } from "./replay-lines.ts";

export type Lines = readonly Uint8Array[];
export type Check = (lines: Lines) => readonly CheckedLine[];

export interface CheckersRequest {
  /** `null`: the lines are a pool's own, and only their faults are asked for. */
  readonly times: ReplayTimes | null;
  readonly threads: number;
  /** There are at most some 1,000 lines: they are checked before a thread has started. */
  readonly areFew: boolean;
}

export async function startCheckers(
  request: CheckersRequest,
): Promise<Crew<Lines, readonly CheckedLine[]>> {
  const { times, threads, areFew } = request;
  if (areFew) return workHere(await openCheck(times));
  return startCrew({ module: "./check-worker.ts", data: { times }, threads });
}

export async function openCheck(times: ReplayTimes | null): Promise<Check> {
  const verify = await loadVerifier();
  return (lines) => {
    const checked = checkLines(lines, verify, times);
    return times === null
      ? checked.map((line) => line && ("fault" in line ? line : null))
      : checked;
  };
}
