/** The name of a run, which begins with when it was. */
import { randomBytes } from "node:crypto";

export function makeRunId(): string {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "");
  return `${stamp}Z-${randomBytes(3).toString("hex")}`;
}
