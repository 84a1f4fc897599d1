/** Reads what `INTERNAL_NETWORK=1` may open here: nothing, but in a container without a way out. */
import { readFileSync } from "node:fs";
import { type Isolation, judgeIsolation, ROUTE_FILE, ROUTE6_FILE } from "../../guard/isolation.ts";

type ReadText = (path: string) => string;

/** `undefined` when the variable is not set to `1`. */
export function readIsolation(
  environment: Readonly<Record<string, string | undefined>>,
  read: ReadText = (path) => readFileSync(path, "utf8"),
): Isolation | undefined {
  if (environment.INTERNAL_NETWORK !== "1") return undefined;
  try {
    return judgeIsolation(read(ROUTE_FILE), readOrNothing(read, ROUTE6_FILE));
  } catch {
    return { status: "open", reason: "the routes of this machine can't be read: it is no Linux" };
  }
}

/** A kernel without IPv6 has no such table, and no way out by it. */
function readOrNothing(read: ReadText, path: string): string {
  try {
    return read(path);
  } catch {
    return "";
  }
}
