/**
 * What merging the logs of 200 instances of ten minutes costs: made logs, as large as those of a real run, merged by
 * the command itself. Prints time and the highest memory.
 *
 *     node --import tsx test/bench/merge.ts [instances]
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Histogram, packHistogram } from "../../src/measure/histogram.ts";
import { encodeSlice, type PackedSlice } from "../../src/measure/slice.ts";
import { toAscii, toLines } from "../../src/merge/lines.ts";
import { beginLines, endLines } from "../../src/merge/protocol.ts";
import { sha256 } from "../../src/node/merge/read-logs.ts";
import { seededRandom } from "../../src/random.ts";
import { planOf, pool, rowOf, rowOfClass, sliceOf } from "../fixtures/reports/run.ts";

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
const SLICES = 600;
/** Of each type a second: enough that a slice is as large as those of 1,000 events a second. */
const TIMES = 400;

const instances = Number(process.argv[2] ?? 200);
const random = seededRandom("merge", "bench");

function histogram(meanMs: number): ReturnType<typeof packHistogram> {
  const of = new Histogram();
  for (let i = 0; i < TIMES; i++) of.record(0.2 - Math.log(1 - random()) * meanMs);
  const { max, counts } = of.detach() ?? { max: 0, counts: new Uint32Array() };
  return packHistogram({ max, counts });
}

async function writeLog(path: string, index: number): Promise<number> {
  const out = createWriteStream(path);
  const of = `process${index}`;
  const startAtMs = 1_767_225_600_000;
  const plan = planOf({
    ...{ INSTANCES: String(instances), CLIENTS: String(1_000 * instances), CORES: "1" },
    ...{ RATE_EPS: String(2 * TIMES * instances), DURATION_SEC: String(SLICES), FORCE: "1" },
  });
  const begin = { of, index, startAtMs, unixMs: startAtMs, runId: "bench", plan, pool, sha256 };
  const handedOut = [];
  const lines = [...beginLines(begin)];
  let bytes = 0;
  for (let seq = 0; seq <= SLICES; seq++) {
    const isLast = seq === SLICES;
    const slice = {
      ...sliceOf({ vu: index + 1, seq, index: seq, phase: isLast ? "done" : "window" }),
      ...{ windowStartMs: 1_000, atMs: 1_000 * (seq + 2), of, offsetMs: startAtMs - 1_000 - index },
      classes: isLast
        ? { connection: [rowOfClass("connection", 0, { closedByUs: 1_000 })] }
        : {
            publish: [0, 1].map((row) =>
              rowOf(row, { scheduled: TIMES, attempted: TIMES, accepted: TIMES }),
            ),
            ...(seq === 0
              ? {
                  connection: [
                    rowOfClass("connection", 0, { due: 1_000, tried: 1_000, opened: 1_000 }),
                  ],
                }
              : {}),
          },
      histograms: isLast
        ? {}
        : {
            "publish.response.0": histogram(3),
            "publish.service.0": histogram(2),
            "publish.response.1": histogram(3),
            "publish.service.1": histogram(2),
            "publish.lag": histogram(0.4),
            loop: histogram(0.1),
          },
    };
    const text = encodeSlice(slice as PackedSlice);
    handedOut.push({ vu: slice.vu, seq, digest: sha256(toAscii(text)) });
    lines.push(...toLines(`${of}.${seq}`, text));
  }
  lines.push(...endLines(of, handedOut, sha256));
  for (const line of lines) {
    bytes += line.length + 1;
    if (!out.write(`${line}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
  return bytes;
}

const dir = await mkdtemp(join(tmpdir(), "k6-nostr-merge-"));
try {
  const paths = Array.from({ length: instances }, (_, i) => join(dir, `${i}.log`));
  let bytes = 0;
  for (const [i, path] of paths.entries()) bytes += await writeLog(path, i);
  const mean = Math.round(bytes / instances / SLICES);
  console.log(
    `${instances} instances × ${SLICES} slices, ${mean} bytes each, ${Math.round(bytes / 1e6)} MB`,
  );
  const measured = `
    const { performance } = require("node:perf_hooks");
    process.on("exit", () => {
      const { maxRSS } = process.resourceUsage();
      process.stderr.write("merged in " + (performance.now() / 1000).toFixed(1) + " s, at most " + Math.round(maxRSS / 1024) + " MB\\n");
    });`;
  const loader = `data:text/javascript,${encodeURIComponent(`import { createRequire } from "node:module"; const require = createRequire("/"); ${measured}`)}`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", loader, CLI, "merge", ...paths, "--report-dir", join(dir, "report")],
    { encoding: "utf8" },
  );
  console.log(stdout.split("\n").slice(0, 6).join("\n"));
  console.log(stderr.trim());
  process.exitCode = status === 0 ? 0 : 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}
