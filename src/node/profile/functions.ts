/** Self times by function → the list of a report. */
import type { Profile } from "../../report/types.ts";

const MOST_FUNCTIONS = 20;

export interface SelfTime {
  readonly name: string;
  readonly file: string | null;
  readonly weight: number;
}

/** The functions with the most self time, with their shares of all that is given. */
export function topFunctions(times: readonly SelfTime[]): Profile["functions"] {
  const byFunction = new Map<string, SelfTime>();
  let total = 0;
  for (const time of times) {
    const key = `${time.name}\n${time.file ?? ""}`;
    const known = byFunction.get(key);
    byFunction.set(key, { ...time, weight: time.weight + (known?.weight ?? 0) });
    total += time.weight;
  }
  return [...byFunction.values()]
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MOST_FUNCTIONS)
    .map(({ name, file, weight }) => ({
      name: name.slice(0, 160),
      file: file === null ? null : shortPath(file),
      selfPercent: Math.round((weight / total) * 10_000) / 100,
    }));
}

/** The end of a path: what is before it belongs to the machine and not in a report. */
function shortPath(path: string): string {
  const modules = path.lastIndexOf("node_modules/");
  if (modules >= 0) return path.slice(modules + "node_modules/".length);
  return path
    .replace(/^file:\/\//, "")
    .split("/")
    .slice(-3)
    .join("/");
}
