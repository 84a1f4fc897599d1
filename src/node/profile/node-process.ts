/**
 * A CPU profile of a Node process that we start: it profiles itself by V8's inspector, in-process and
 * without a port, when its parent says so over the channel between them.
 */
import type { ChildProcess } from "node:child_process";
import { Session } from "node:inspector/promises";
import { readCpuProfile } from "./cpuprofile.ts";
import type { Profiler } from "./profiler.ts";

const SAMPLING_MICROS = 500;
const ANSWER_TIMEOUT_MS = 10_000;

type Order = { readonly profile: "start" | "stop" };
type Answer = { readonly profiled: unknown };

/** In the child: does as its parent says; nothing where there is no channel. */
export function obeyProfiler(): void {
  if (process.send === undefined) return;
  let session: Session | undefined;
  process.on("message", (order: Order) => {
    const answer = async (): Promise<unknown> => {
      if (order.profile === "start") {
        session = new Session();
        session.connect();
        await session.post("Profiler.enable");
        await session.post("Profiler.setSamplingInterval", { interval: SAMPLING_MICROS });
        await session.post("Profiler.start");
        return null;
      }
      const stopped = await session?.post("Profiler.stop");
      session?.disconnect();
      return stopped?.profile ?? null;
    };
    void answer().then((profiled) => process.send?.({ profiled } satisfies Answer));
  });
  // The channel alone is no reason to go on.
  process.channel?.unref();
}

/** In the parent: a profiler of a child that obeys. */
export function profileChild(child: ChildProcess, name: string): Profiler {
  const ask = (profile: Order["profile"]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error("the relay's process did not answer the profiler")),
        ANSWER_TIMEOUT_MS,
      );
      child.once("message", (answer: Answer) => {
        clearTimeout(timer);
        resolve(answer.profiled);
      });
      child.send({ profile } satisfies Order);
    });
  return {
    begin: async () => {
      await ask("start");
    },
    end: async () => readCpuProfile(await ask("stop"), "inspector", name),
  };
}
