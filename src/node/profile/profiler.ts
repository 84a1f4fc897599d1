/** Takes a profile over the measured window, whatever it comes from; failing is a note and no error. */
import type { Slice } from "../../measure/slice.ts";
import type { Profile } from "../../report/types.ts";

export interface Profiler {
  /** At the start of the window, which lasts so long. */
  begin(seconds: number): Promise<void>;
  /** Behind the window. Rejects with why there is none. */
  end(): Promise<Profile>;
}

export interface Profiled {
  readonly profile: Profile | null;
  /** Why there is none. */
  readonly problem: string | null;
}

export interface RunningProfile {
  /** To be told of each slice: the first of the window begins it, the first behind it ends it. */
  observe(slice: Slice): void;
  end(): Promise<Profiled>;
}

const NOT_ASKED: Profiled = {
  profile: null,
  problem: "no --profile, --pprof or --profile-file was given",
};

export function startProfile(profiler: Profiler | undefined, durationSec: number): RunningProfile {
  if (profiler === undefined) return { observe: () => {}, end: async () => NOT_ASKED };
  let begun: Promise<void> | undefined;
  let ended: Promise<Profiled> | undefined;
  const end = (): Promise<Profiled> => {
    ended ??= (begun ?? Promise.reject(new Error("the window did not begin")))
      .then(() => profiler.end())
      .then((profile) => ({ profile, problem: null }), describeProblem);
    return ended;
  };
  return {
    observe({ phase }) {
      if (phase === "window" && begun === undefined) {
        begun = profiler.begin(durationSec);
        // Told by `end`, which waits for it too.
        begun.catch(() => {});
      }
      if (begun !== undefined && (phase === "drain" || phase === "done")) void end();
    },
    end,
  };
}

function describeProblem(error: unknown): Profiled {
  return { profile: null, problem: error instanceof Error ? error.message : String(error) };
}
