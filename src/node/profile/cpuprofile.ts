/** A V8 CPU profile (`.cpuprofile`, DevTools protocol `Profiler.Profile`) → functions by self time. */
import type { Profile } from "../../report/types.ts";
import { type SelfTime, topFunctions } from "./functions.ts";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly hitCount?: number;
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples?: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas?: readonly number[];
}

/** In these nobody computes. */
const IDLE = new Set(["(idle)", "(root)"]);

/** Throws an `Error` that says what is missing. */
export function readCpuProfile(
  value: unknown,
  source: Profile["source"],
  process: string,
): Profile {
  const profile = value as Partial<Record<keyof CpuProfile, unknown>> | null;
  if (!Array.isArray(profile?.nodes)) throw new Error("it is no .cpuprofile: `nodes` is missing");
  if (!profile.nodes.every(isNode)) throw new Error("it is no .cpuprofile: a node has no function");
  const nodes: readonly ProfileNode[] = profile.nodes;
  const samples = numbersOf(profile.samples);
  const timeDeltas = numbersOf(profile.timeDeltas);
  const times = nodes.map((node) => ({ node, weight: 0 }));
  const byId = new Map(times.map((time) => [time.node.id, time]));
  // A delta is the time before its sample: it belongs to the sample that was running until then.
  samples.forEach((id, i) => {
    const time = byId.get(id);
    if (time) time.weight += Math.max(0, timeDeltas[i + 1] ?? 0);
  });
  const hasTimes = times.some(({ weight }) => weight > 0);
  const selfTimes = times
    .filter(({ node }) => !IDLE.has(node.callFrame.functionName))
    .map(({ node, weight }): SelfTime => {
      const { functionName, url, lineNumber } = node.callFrame;
      return {
        name: functionName || "(anonymous)",
        file: url === "" ? null : `${url}:${lineNumber + 1}`,
        weight: hasTimes ? weight : (node.hitCount ?? 0),
      };
    });
  const functions = topFunctions(selfTimes);
  if (functions.length === 0) throw new Error("it has no samples");
  return { source, process, samples: Math.max(1, samples.length), functions };
}

function isNode(value: unknown): value is ProfileNode {
  const { id, callFrame } = (value ?? {}) as Partial<ProfileNode>;
  return (
    typeof id === "number" &&
    typeof callFrame?.functionName === "string" &&
    typeof callFrame.url === "string" &&
    typeof callFrame.lineNumber === "number"
  );
}

/** What is no number counts as none: only its weight is lost. */
function numbersOf(value: unknown): readonly number[] {
  if (!Array.isArray(value)) return [];
  return value.map((n) => (typeof n === "number" && Number.isFinite(n) ? n : 0));
}
