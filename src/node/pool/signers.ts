/** Worker threads that sign chunks, each busy with one at a time. */
import { Worker } from "node:worker_threads";
import type { Chunk, ChunkScope } from "../../pool/plan.ts";
import type { SignedChunk } from "./sign-chunk.ts";

export interface Signers {
  readonly threads: number;
  /** Signs a chunk as soon as a thread is free; chunks are begun in the order of the calls. */
  readonly sign: (chunk: Chunk) => Promise<SignedChunk>;
  /** Ends the threads; chunks under way are dropped. */
  readonly close: () => Promise<void>;
}

interface Job {
  readonly chunk: Chunk;
  readonly resolve: (signed: SignedChunk) => void;
  readonly reject: (error: Error) => void;
}

/** Starts so many threads and resolves when all are ready to sign. */
export async function startSigners(scope: ChunkScope, count: number): Promise<Signers> {
  const waiting: Job[] = [];
  const busy = new Map<Worker, Job>();
  const idle: Worker[] = [];
  let failure: Error | undefined;

  const dispatch = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop();
      const job = waiting.shift();
      if (worker === undefined || job === undefined) return;
      busy.set(worker, job);
      worker.postMessage(job.chunk);
    }
  };
  const fail = (cause: unknown): void => {
    failure ??= new Error(`a signing thread failed: ${describe(cause)}`, { cause });
    for (const job of [...busy.values(), ...waiting.splice(0)]) job.reject(failure);
    busy.clear();
  };
  const start = (): Promise<Worker> =>
    new Promise((resolve, reject) => {
      const worker = startWorker(scope);
      worker.on("message", (message: "ready" | SignedChunk) => {
        idle.push(worker);
        if (message === "ready") return resolve(worker);
        busy.get(worker)?.resolve(message);
        busy.delete(worker);
        dispatch();
      });
      const end = (cause: unknown) => {
        fail(cause);
        reject(failure);
      };
      worker.on("error", end);
      worker.on("exit", (code) => end(new Error(`it ended with code ${code}`)));
    });

  const started = await Promise.allSettled(Array.from({ length: count }, start));
  const workers = started.flatMap((result) =>
    result.status === "fulfilled" ? [result.value] : [],
  );
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  };
  if (failure !== undefined) {
    await close();
    throw failure;
  }
  return {
    threads: count,
    close,
    sign: (chunk) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        waiting.push({ chunk, resolve, reject });
        dispatch();
      }),
  };
}

function startWorker(scope: ChunkScope): Worker {
  // A thread does not inherit the loader that reads TypeScript, and `--import tsx` registers it in
  // the main thread only. Full URLs make the folder that the program was started in irrelevant.
  const loader = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const entry = JSON.stringify(new URL("./sign-worker.ts", import.meta.url).href);
  const code = `import { register } from ${loader}; register(); await import(${entry});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return new Worker(url, { workerData: scope, execArgv: [] });
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
