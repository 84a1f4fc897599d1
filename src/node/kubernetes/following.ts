/**
 * The logs of all pods of a run, followed at once. A log that is followed outlives its pod and the node's rotation of
 * it at 10 MiB; one whose stream broke is read again from its start, as what came twice does not matter.
 */
import type { Slice } from "../../measure/slice.ts";
import { TEXT_MARK } from "../../merge/lines.ts";
import { LiveRun } from "../live.ts";
import { openGathering } from "../merge/read-logs.ts";
import { ApiError, type Cluster } from "./api.ts";
import { CLOCK } from "./clock.ts";
import type { Pod } from "./pods.ts";

/** Until the next look at the pods, which says whether a log that came to its end is whole. */
const AGAIN_MS = 3_000;

export class Following {
  readonly gathering = openGathering();
  readonly #api: Cluster;
  readonly #clock: typeof CLOCK;
  readonly #stop = new AbortController();
  readonly #streams = new Map<string, Promise<void>>();
  readonly #ended = new Set<string>();
  readonly #broken = new Set<Pod>();
  readonly #words = new Map<string, string>();
  #live: LiveRun | null = null;
  /** Where the time of the line begins, Unix ms: each process counts from its own start. */
  #originMs = 0;

  constructor(api: Cluster, clock = CLOCK) {
    this.#api = api;
    this.#clock = clock;
  }

  /** Follows those that have begun, each once. */
  follow(pods: readonly Pod[]): void {
    for (const pod of pods) {
      if (pod.state === "waiting") continue;
      if (pod.state === "ended") this.#ended.add(pod.name);
      if (!this.#streams.has(pod.name)) this.#streams.set(pod.name, this.#follow(pod));
    }
  }

  /** Waits for the last lines, at most so long; reads again what broke off. */
  async settle(mostMs: number): Promise<void> {
    const over = new AbortController();
    const limit = this.#clock.wait(mostMs, over.signal);
    await Promise.race([Promise.all(this.#streams.values()), limit]);
    over.abort();
    this.#stop.abort();
    await Promise.all(this.#streams.values());
    for (const pod of this.#broken) {
      // It may be gone, or on a node that does not answer: `merge` says what is missing.
      await this.#read(pod, false, AbortSignal.timeout(mostMs)).catch(() => {});
    }
  }

  close(): void {
    this.#stop.abort();
  }

  /** What a pod said last, of what is no figure. */
  lastWords(pod: string): string | null {
    return this.#words.get(pod) ?? null;
  }

  describe(nowMs: number): string {
    return this.#live?.describe(nowMs) ?? "no figures yet";
  }

  async #follow(pod: Pod): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#read(pod, true, signal);
        this.#broken.delete(pod);
      } catch (error) {
        this.#broken.add(pod);
        if (error instanceof ApiError && error.code === 404) return;
      }
      await this.#clock.wait(AGAIN_MS, signal);
      if (this.#ended.has(pod.name)) return;
    }
  }

  async #read({ name, container }: Pod, follow: boolean, signal: AbortSignal): Promise<void> {
    const path = `/api/v1/namespaces/${this.#api.namespace}/pods/${name}/log`;
    const query = `container=${container}&follow=${follow}`;
    await this.#api.lines(`${path}?${query}`, (line) => this.#take(name, line), signal);
  }

  #take(pod: string, line: string): void {
    const slice = this.gathering.take(line);
    if (slice !== null) this.#show(slice);
    else if (!line.includes(TEXT_MARK) && line.trim() !== "") this.#words.set(pod, line.trim());
  }

  #show(slice: Slice): void {
    if (this.#live === null) {
      const begin = [...this.gathering.processes.values()].find((said) => said.begin)?.begin;
      if (!begin) return;
      this.#live = new LiveRun(begin.plan, begin.pool);
      this.#originMs = slice.offsetMs ?? 0;
    }
    const byMs = (slice.offsetMs ?? this.#originMs) - this.#originMs;
    const { windowStartMs } = slice;
    this.#live.add(
      {
        ...slice,
        atMs: slice.atMs + byMs,
        windowStartMs: windowStartMs === null ? null : windowStartMs + byMs,
      },
      this.#clock.nowMs(),
    );
  }
}
