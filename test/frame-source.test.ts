import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createFrameSource, type OpenAt } from "../k6/lib/frames/frame-source.ts";
import { INDEX_STEP } from "../src/pool/format.ts";

/** A pool's lines without their frames: so many sets of these lengths. */
function linesOf(lengths: readonly number[]): readonly string[] {
  return lengths.flatMap((length, set) =>
    Array.from(
      { length },
      (_, part) => `a${part.toString(36)}${(length - 1).toString(36)} set ${set}`,
    ),
  );
}

/** Offsets are numbers of lines here. */
function openLines(lines: readonly string[], linesAChunk: number): OpenAt {
  return async (offset) => {
    let at = offset;
    return async () => {
      const chunk = lines.slice(at, at + linesAChunk);
      at += chunk.length;
      return chunk;
    };
  };
}

async function readShare(
  lines: readonly string[],
  { share, shares, linesAChunk }: { share: number; shares: number; linesAChunk: number },
): Promise<readonly string[]> {
  const index = Array.from(
    { length: Math.ceil(lines.length / INDEX_STEP) },
    (_, i) => i * INDEX_STEP,
  );
  const manifest = { events: lines.length, index };
  const source = await createFrameSource(openLines(lines, linesAChunk), manifest, share, shares);
  const read: string[] = [];
  for (;;) {
    const line = source.next();
    if (line !== undefined) read.push(line);
    else if (source.isStarved()) await new Promise(setImmediate);
    else return read;
  }
}

describe("the shares of a pool", () => {
  it("hold each event once and cut no set, also where a share is shorter than a set", async () => {
    const pools = fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: 36 }), { minLength: 1, maxLength: 40 }),
      shares: fc.integer({ min: 1, max: 12 }),
      linesAChunk: fc.integer({ min: 1, max: 50 }),
    });
    await fc.assert(
      fc.asyncProperty(pools, async ({ lengths, shares, linesAChunk }) => {
        const lines = linesOf(lengths);
        const read: string[] = [];
        for (let share = 0; share < shares; share++) {
          const own = await readShare(lines, { share, shares, linesAChunk });
          assert.ok(own[0] === undefined || own[0].startsWith("a0"), "a share begins within a set");
          read.push(...own);
        }
        assert.deepEqual(read, lines);
      }),
      { numRuns: 300 },
    );
  });
});
