/** The output of `perf script`: one block a sample, its innermost frame first → functions by self time. */
import type { Profile } from "../../report/types.ts";
import { type SelfTime, topFunctions } from "./functions.ts";

/** `7f31 ecmult_gen+0x1f (/usr/lib/libsecp256k1.so)` */
const FRAME = /^\s+[0-9a-f]+\s+(.+?)(?:\+0x[0-9a-f]+)?\s+\((.*)\)\s*$/;

/** `my relay 812/830 [001] 5.25: 250000 cycles:`: the name may hold spaces. */
const HEAD = /^(\S.*?)\s+\d+(?:\/\d+)?\s/;

/** Throws an `Error` that says what is missing. */
export function readPerfScript(text: string): Profile {
  const times: SelfTime[] = [];
  let process = "";
  let isInside = false;
  for (const line of text.split("\n")) {
    const frame = FRAME.exec(line);
    if (frame && isInside) {
      const [, name = "", file = ""] = frame;
      times.push({ name, file: file === "" || file.startsWith("[") ? null : file, weight: 1 });
      isInside = false;
    } else if (/^\S.*:\s*$/.test(line)) {
      process ||= HEAD.exec(line)?.[1] ?? "";
      isInside = true;
    }
  }
  if (times.length === 0) throw new Error("it has no samples of `perf script` with call stacks");
  return {
    source: "perf",
    process: process || "?",
    samples: times.length,
    functions: topFunctions(times),
  };
}
