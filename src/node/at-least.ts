/** `--at-least N`: the capacity as a gate. */
import { ConfigError } from "../errors.ts";
import type { FlagRow } from "./command-line.ts";

export const AT_LEAST_FLAG: FlagRow = {
  flag: "at-least",
  value: "N",
  help: "exit 99 where the capacity is not shown to be N at least",
};

/** `null` where none is asked for. Throws `ConfigError`. */
export function readAtLeast(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new ConfigError(`--at-least must be a number above 0, got \`${text.slice(0, 60)}\``);
}
