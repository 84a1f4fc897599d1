/** The instances of a run as their pods come and go: who runs, who is over, and in a line why one will not do. */
import type { Pod } from "./pods.ts";

export class Roster {
  readonly #instances: number;
  readonly #startAtMs: number;
  readonly #pods = new Map<string, Pod>();
  readonly #told = new Set<string>();
  #isStopping = false;
  /** Index → why it was stopped, of those that ran until then. */
  readonly #stopped = new Map<number | null, string>();

  constructor(instances: number, startAtMs: number) {
    this.#instances = instances;
    this.#startAtMs = startAtMs;
  }

  get pods(): readonly Pod[] {
    return [...this.#pods.values()];
  }

  /** From now on pods go because they are told to; `why`: unless they say so themselves. */
  stop(why: string | null = null): void {
    this.#isStopping = true;
    if (why === null) return;
    for (const { index, state } of this.pods)
      if (state === "running") this.#stopped.set(index, why);
  }

  /** Takes the pods that are there, and with them those that are not any more. */
  see(pods: readonly Pod[], nowMs: number): void {
    const there = new Set(pods.map(({ name }) => name));
    for (const pod of pods) this.#pods.set(pod.name, this.#explain(pod));
    for (const [name, pod] of this.#pods) {
      if (there.has(name) || pod.state === "ended") continue;
      const why = this.#isStopping ? null : DELETED;
      this.#pods.set(name, { ...pod, state: "ended", why, endedMs: nowMs, saysItself: false });
    }
  }

  /** Of a pod that was told to end, its code says only that it did. */
  #explain(pod: Pod): Pod {
    if (!pod.isDeleted || !pod.saysItself || this.#isStopping) return pod;
    return { ...pod, why: DELETED, saysItself: false };
  }

  count(state: Pod["state"]): number {
    return this.pods.filter((pod) => pod.state === state).length;
  }

  /** Nothing is to be waited for: a node that is lost says nothing once the others have ended. */
  areAllOver(): boolean {
    const indexes = new Set(this.pods.map(({ index }) => index));
    const areThere = this.#isStopping || indexes.size === this.#instances;
    const over = this.pods.filter(({ state }) => state === "ended" || state === "lost");
    const isLostAlone = over.length > 0 && this.count("ended") === 0;
    return areThere && over.length === this.pods.length && !isLostAlone;
  }

  /** One that ended as it should not, or that nobody hears of. */
  hasDead(): boolean {
    return this.pods.some(({ state, why }) => why !== null && state !== "waiting");
  }

  /** What happened since the last call, in a line each. */
  news(): readonly string[] {
    return this.pods.flatMap((pod) => {
      const { name, state, why } = pod;
      const key = `${name} ${state}`;
      if (why === null || this.#told.has(key)) return [];
      this.#told.add(key);
      return [`${this.#nameOf(pod.index)}: ${this.#describe(pod)}`];
    });
  }

  /** What no patience helps against. */
  findHopeless(): string | null {
    const pod = this.pods.find(({ isHopeless }) => isHopeless);
    return pod === undefined ? null : `${this.#nameOf(pod.index)}: ${this.#describe(pod)}`;
  }

  /** Why a part of the plan would not be loaded; `null` where all pods run. */
  findNotRunning(): string | null {
    for (let index = 0; index < this.#instances; index++) {
      const pod = this.#podOf(index);
      if (pod !== null && pod.state !== "waiting") continue;
      const why = pod === null ? NO_POD : (pod.why ?? "its pod does not run yet: raise --lead");
      return `${this.#nameOf(index)}: ${why}`;
    }
    return null;
  }

  /**
   * Index → how it ended, of those that did not end as they should, and behind them those that were stopped because of
   * them. `hasSaid`: its log has the reason.
   */
  endings(hasSaid: (index: number) => boolean): ReadonlyMap<number, string> {
    const all = Array.from({ length: this.#instances }, (_, index) => {
      const pod = this.#podOf(index);
      const stopped = this.#stopped.get(index);
      if (stopped !== undefined) return [index, stopped] as const;
      if (pod === null) return [index, this.#isStopping ? null : NO_POD] as const;
      if (pod.saysItself && hasSaid(index)) return [index, null] as const;
      if (pod.state === "running" && !this.#isStopping)
        return [index, "it did not end in time"] as const;
      return [index, pod.why === null ? null : this.#describe(pod)] as const;
    });
    const told = all.flatMap(([index, why]) => (why === null ? [] : [[index, why] as const]));
    const isStopped = ([index]: (typeof told)[number]) => Number(this.#stopped.has(index));
    return new Map(told.sort((a, b) => isStopped(a) - isStopped(b)));
  }

  #podOf(index: number): Pod | null {
    return this.pods.find((pod) => pod.index === index) ?? null;
  }

  #describe({ state, why, endedMs }: Pod): string {
    if (state !== "ended" || endedMs === null) return why ?? state;
    const sec = Math.round((endedMs - this.#startAtMs) / 1_000);
    return `ended ${sec < 0 ? "before the start" : `at ${sec} s`}: ${why}`;
  }

  #nameOf(index: number | null): string {
    return `instance ${index ?? "?"} of ${this.#instances}`;
  }
}

const DELETED = "its pod was deleted";
const NO_POD = "no pod was made for it (a quota or a policy of the namespace?)";
