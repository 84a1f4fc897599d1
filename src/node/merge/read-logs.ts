/** Logs of instances, from files and from standard input, line by line. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { ConfigError } from "../../errors.ts";
import { Gathering } from "../../merge/gather.ts";

/** Reads all that instances said; `-` is standard input. Throws `ConfigError` for what can't be read. */
export async function readLogs(paths: readonly string[]): Promise<Gathering> {
  const gathering = openGathering();
  for (const path of paths) {
    const input = path === "-" ? process.stdin : createReadStream(path);
    try {
      for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        gathering.take(line);
      }
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new ConfigError(`\`${path}\` can't be read (${reason})`, { cause });
    }
  }
  return gathering;
}

/** For logs of any length. */
export function openGathering(): Gathering {
  // Much is read and little kept: by itself the heap would grow to three times what is in use.
  setFlagsFromString("--heap-growing-percent=25");
  return new Gathering(sha256);
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
