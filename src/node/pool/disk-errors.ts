/** Failures of the disk in words: they are the user's to solve, not ours. */
import { ConfigError } from "../../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the disk; free some, or make a smaller pool",
  EDQUOT: "the disk quota is used up; free some space, or make a smaller pool",
  EFBIG: "the file would be larger than is allowed here; make a smaller pool",
  EACCES: "may not be written; give another folder",
  EPERM: "may not be written; give another folder",
  EROFS: "is on a read-only disk; give another folder",
  ENOTDIR: "lies below something that is not a folder; give another folder",
};

/** A `ConfigError` for a failure of the disk; any other error as it came. */
export function explainFailure(error: unknown, dir: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code];
  if (reason === undefined) return error;
  return new ConfigError(`cannot make the pool \`${dir}\`: ${reason} (${code})`, { cause: error });
}
