/** Worker threads that do jobs of one sort, each busy with one at a time; for few jobs, this thread. */
import { Worker } from "node:worker_threads";
import { ConfigError } from "../../errors.ts";

/** Modules of this folder that are threads: each says "ready", and answers every job with its result. */
export interface CrewRequest {
  readonly module: "./sign-worker.ts" | "./check-worker.ts";
  /** What every thread finds as its `workerData`. */
  readonly data: unknown;
  readonly threads: number;
}

export interface Crew<Job, Result> {
  readonly threads: number;
  /** Does a job as soon as a thread is free; jobs are begun in the order of the calls. */
  readonly run: (job: Job) => Promise<Result>;
  /** Ends the threads; jobs under way are dropped. */
  readonly close: () => Promise<void>;
}

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Gives the results of jobs in their order; keeps two a thread under way, so that memory stays bounded. */
export async function* runInOrder<Job, Result>(
  jobs: Iterable<Job> | AsyncIterable<Job>,
  crew: Crew<Job, Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for await (const job of jobs) {
    const result = crew.run(job);
    // A failure is met when its turn comes; until then it must not count as unhandled.
    result.catch(() => undefined);
    underWay.push(result);
    const next = underWay.length < 2 * crew.threads ? undefined : underWay.shift();
    if (next !== undefined) yield await next;
  }
  for (const result of underWay) yield await result;
}

/** Does the jobs in this thread: for what is done before another has started, which takes 0.3 s. */
export function workHere<Job, Result>(work: (job: Job) => Result): Crew<Job, Result> {
  return { threads: 1, run: async (job) => work(job), close: async () => {} };
}

/** Starts so many threads and resolves when all are ready to sign. */
export async function startCrew<Job, Result>({
  module,
  data,
  threads,
}: CrewRequest): Promise<Crew<Job, Result>> {
  const waiting: Waiting<Job, Result>[] = [];
  const busy = new Map<Worker, Waiting<Job, Result>>();
  const idle: Worker[] = [];
  let failure: Error | undefined;

  const dispatch = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop();
      const next = waiting.shift();
      if (worker === undefined || next === undefined) return;
      busy.set(worker, next);
      worker.postMessage(next.job);
    }
  };
  const fail = (cause: unknown): void => {
    failure ??=
      cause instanceof Error && cause.name === "ConfigError"
        ? new ConfigError(cause.message, { cause })
        : new Error(`a thread failed: ${describe(cause)}`, { cause });
    for (const { reject } of [...busy.values(), ...waiting.splice(0)]) reject(failure);
    busy.clear();
  };
  const start = (): Promise<Worker> =>
    new Promise((resolve, reject) => {
      const worker = startWorker(module, data);
      worker.on("message", (message: "ready" | Result) => {
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

  const started = await Promise.allSettled(Array.from({ length: threads }, start));
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
    threads,
    close,
    run: (job) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        waiting.push({ job, resolve, reject });
        dispatch();
      }),
  };
}

function startWorker(name: string, workerData: unknown): Worker {
  // A thread does not inherit the loader that reads TypeScript, and `--import tsx` registers it in
  // the main thread only. Full URLs make the folder that the program was started in irrelevant.
  const loader = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const entry = JSON.stringify(new URL(name, import.meta.url).href);
  const code = `import { register } from ${loader}; register(); await import(${entry});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return new Worker(url, { workerData, execArgv: [] });
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
