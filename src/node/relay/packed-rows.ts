/** Rows of an answer as WebSocket frames, many to a write. */
import { buildFrame, OPCODE } from "./sink-frames.ts";

/**
 * A write for each row fills the reader's buffer with small segments, whose overhead the system counts too: over
 * 20 s of 40 questions a second 5,600 windows closed for 60, and a feed of 1,300 rows took 138 ms for 56 in one of
 * twenty cases. At 64 kB acknowledgements are waited for.
 */
const WRITE_BYTES = 16 * 1024;

/** The frames of rows from a place on, ready to be written, and the place of the row behind them. */
export function packRows(
  subscriptionId: string,
  rows: readonly { readonly raw: string }[],
  from: number,
): { readonly bytes: Buffer; readonly next: number } {
  const opening = `["EVENT",${JSON.stringify(subscriptionId)},`;
  const frames: Buffer[] = [];
  let next = from;
  for (let bytes = 0; next < rows.length && bytes < WRITE_BYTES; next++) {
    const frame = buildFrame(OPCODE.text, Buffer.from(`${opening}${rows[next]?.raw}]`));
    frames.push(frame);
    bytes += frame.length;
  }
  return { bytes: Buffer.concat(frames), next };
}
