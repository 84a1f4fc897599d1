/** The lines of a file of any size, as bytes. */
import { createReadStream } from "node:fs";

const NEWLINE = 10;
const READ_BYTES = 1 << 20;

/**
 * Gives the lines of each piece of a file, without their line feeds. Bytes behind the last line feed come
 * as a line where `whole` is not set: a file that a stopped writer left ends within a line.
 */
export async function* readLines(path: string, whole = false): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer[] = [];
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES })) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
      const part = piece.subarray(from, end);
      lines.push(rest.length === 0 ? part : Buffer.concat([...rest, part]));
      rest = [];
      from = end + 1;
    }
    if (from < piece.length) rest.push(piece.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (!whole && rest.length > 0) yield [Buffer.concat(rest)];
}
