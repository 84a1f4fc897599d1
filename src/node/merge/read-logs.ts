/** Logs of instances, from files and from standard input, line by line. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { ConfigError } from "../../errors.ts";
import { Gathering } from "../../merge/gather.ts";

/** Reads all that instances said; `-` is standard input. Throws `ConfigError` for what can't be read. */
export async function readLogs(paths: readonly string[]): Promise<Gathering> {
  const gathering = new Gathering(sha256);
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

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
