/** A cluster in virtual time: pods of Jobs that live, say and end as they are told to. */
import { ApiError, type Cluster, type Method } from "../src/node/kubernetes/api.ts";
import type { Clock } from "../src/node/kubernetes/clock.ts";
import type { PodObject } from "../src/node/kubernetes/pods.ts";

/** What becomes of a pod; times are Unix ms. */
export interface Life {
  readonly lines: readonly (readonly [atMs: number, text: string])[];
  readonly endsMs: number;
  /** 0 without it. */
  readonly exitCode?: number;
  readonly reason?: string;
  readonly hostIP?: string;
}

/** Of the pod of an index; `job`: which Job of the cluster it is of, from 0. */
type Live = (variables: FakeJob["variables"], index: number, job: number) => Life;

export interface FakeJob {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly lives: readonly Life[];
  /** `null`: it is still there. */
  goneMs: number | null;
}

interface Manifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly completions: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value: string }[];
        }[];
      };
    };
  };
}

/** Turns of Node's loop after which nothing is under way but what waits. */
const QUIET_TURNS = 4;

export class FakeCluster implements Cluster {
  readonly namespace = "load";
  readonly jobs: FakeJob[] = [];
  nowMs: number;
  readonly #live: Live;
  readonly #waiting: { readonly atMs: number; readonly wake: () => void }[] = [];
  #runs = false;

  constructor(nowMs: number, live: Live) {
    this.nowMs = nowMs;
    this.#live = live;
  }

  readonly clock: Clock = {
    nowMs: () => this.nowMs,
    wait: (ms, signal) => this.#until(this.nowMs + ms, signal),
  };

  async ask<T>(method: Method, path: string, body?: object): Promise<T> {
    if (method === "POST") this.#make(body as Manifest);
    if (method === "DELETE") this.#remove(path);
    return { items: method === "GET" ? this.#pods(decodeURIComponent(path)) : [] } as T;
  }

  async lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const [, name = "", index = ""] = /\/pods\/(.+)-(\d+)\/log/.exec(path) ?? [];
    const job = this.jobs.find((one) => one.name === name);
    const life = job?.lives[Number(index)];
    if (job === undefined || life === undefined) throw new ApiError(404, "not found");
    for (const [atMs, text] of [...life.lines, [life.endsMs, ""] as const]) {
      while (this.nowMs < atMs && job.goneMs === null && !signal.aborted) {
        await this.#until(Math.min(atMs, this.nowMs + 500), signal);
      }
      if (signal.aborted) throw new Error("aborted");
      if (this.nowMs < atMs) return;
      if (text !== "") onLine(text);
    }
  }

  async close(): Promise<void> {}

  #make({ metadata: { name }, spec }: Manifest): void {
    const [container] = spec.template.spec.containers;
    const variables = Object.fromEntries(
      (container?.env ?? []).map((one) => [one.name, one.value] as const),
    );
    const lives = Array.from({ length: spec.completions }, (_, index) =>
      this.#live(variables, index, this.jobs.length),
    );
    this.jobs.push({ name, variables, lives, goneMs: null });
  }

  #remove(path: string): void {
    const name = /jobs\/([^?]+)/.exec(path)?.[1];
    const job = this.jobs.find((one) => one.name === name && one.goneMs === null);
    if (job === undefined) throw new ApiError(404, "not found");
    job.goneMs = this.nowMs;
  }

  #pods(path: string): readonly PodObject[] {
    const name = /job-name=([^,&]+)/.exec(path)?.[1];
    const job = this.jobs.find((one) => one.name === name && one.goneMs === null);
    return (job?.lives ?? []).map((life, index) => this.#pod(`${name}-${index}`, index, life));
  }

  #pod(name: string, index: number, life: Life): PodObject {
    const { endsMs, exitCode = 0, reason, hostIP = "10.0.0.1" } = life;
    const hasEnded = this.nowMs >= endsMs;
    const finishedAt = new Date(endsMs).toISOString();
    const terminated = { exitCode, finishedAt, ...(reason === undefined ? {} : { reason }) };
    return {
      metadata: { name, labels: { "batch.kubernetes.io/job-completion-index": String(index) } },
      spec: { containers: [{ name: "k6-nostr" }] },
      status: {
        phase: !hasEnded ? "Running" : exitCode === 0 ? "Succeeded" : "Failed",
        hostIP,
        containerStatuses: [
          { name: "k6-nostr", state: hasEnded ? { terminated } : { running: {} } },
        ],
      },
    };
  }

  #until(atMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        signal?.removeEventListener("abort", wake);
        const place = this.#waiting.indexOf(entry);
        if (place >= 0) this.#waiting.splice(place, 1);
        resolve();
      };
      const entry = { atMs, wake };
      this.#waiting.push(entry);
      signal?.addEventListener("abort", wake);
      if (!this.#runs) void this.#run();
    });
  }

  /** Whoever waits longest is woken when nothing else goes on. */
  async #run(): Promise<void> {
    this.#runs = true;
    while (this.#waiting.length > 0) {
      for (let turn = 0; turn < QUIET_TURNS; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#waiting.sort((a, b) => a.atMs - b.atMs);
      const [next] = this.#waiting;
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.wake();
    }
    this.#runs = false;
  }
}
