/** The lines of a file of any size, as bytes. */
import { createReadStream } from "node:fs";

const NEWLINE = 10;
const READ_BYTES = 1 << 20;

interface LineOptions {
  /** Drops bytes behind the last line feed: a file that a stopped writer left ends within a line. */
  readonly whole?: boolean;
  /** Of a longer line so many bytes are given, and one more. */
  readonly mostBytes?: number;
  /** The byte at which a line begins, and all before it is left out. */
  readonly from?: number;
}

/** Gives the lines of each piece of a file, without their line feeds. */
export async function* readLines(
  path: string,
  { whole = false, mostBytes = Number.POSITIVE_INFINITY, from: start = 0 }: LineOptions = {},
): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const keep = (part: Buffer) => {
    const kept = part.subarray(0, Math.max(0, mostBytes + 1 - restBytes));
    if (kept.length > 0) rest.push(kept);
    restBytes += kept.length;
  };
  const join = () => {
    const [first] = rest;
    const line = rest.length === 1 && first !== undefined ? first : Buffer.concat(rest);
    rest = [];
    restBytes = 0;
    return line;
  };
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES, start })) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
      keep(piece.subarray(from, end));
      lines.push(join());
      from = end + 1;
    }
    keep(piece.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (!whole && restBytes > 0) yield [join()];
}
