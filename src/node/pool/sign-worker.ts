/** The thread that signs: gets chunks, answers with their lines. Its keys never leave it. */
import { parentPort, workerData } from "node:worker_threads";
import type { Chunk, ChunkScope } from "../../pool/plan.ts";
import { loadBuilders } from "./builders.ts";
import { openKeyring } from "./keyring.ts";
import { signChunk } from "./sign-chunk.ts";

const { scope, module }: { scope: ChunkScope; module?: string } = workerData;
const keyring = await openKeyring(scope.seed);
const extra = module === undefined ? [] : (await loadBuilders(module)).extra;

parentPort?.on("message", (chunk: Chunk) => {
  const signed = signChunk(chunk, scope, keyring, extra);
  parentPort?.postMessage(signed, [
    signed.bytes.buffer as ArrayBuffer,
    signed.lineLengths.buffer as ArrayBuffer,
    signed.lineTypes.buffer as ArrayBuffer,
    signed.marks.buffer as ArrayBuffer,
  ]);
});
parentPort?.postMessage("ready");
