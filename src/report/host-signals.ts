/** What the use of the generator's host says of a run: who was busy, and whose the capacity is. */
import { describeOthers, type HostUse } from "./host-use.ts";
import { signal } from "./signal.ts";
import type { Signal } from "./types.ts";

/** Without what a relay on the same host used; where that is not known the host is not judged. */
export function hostCpuSignal(host: number | null, isShared: boolean, use: HostUse): Signal {
  const isKnown = use.othersCores !== null && use.usedCores !== null && use.relayCores !== null;
  const relay = isShared && isKnown ? ((use.relayCores ?? 0) / use.cpus) * 100 : 0;
  const bounds = !isShared ? [80, 95] : isKnown ? [80, null] : [null, null];
  return signal(
    "hostCpu",
    host === null ? null : Math.max(0, host - relay),
    isShared && isKnown ? "% of all cores, without the relay" : "% of all cores",
    bounds[0] ?? null,
    bounds[1] ?? null,
    (v) =>
      use.isTaken
        ? `${describeOthers(use)} of the generator's host`
        : `the generator's host was ${v.toFixed(0)} % busy${isShared ? " beside the relay" : ""}`,
  );
}

/** Of a full host that a relay shares, the generator's part: never against the run, but against its capacity. */
export function sharedHostSignal({ ownShareOfFull, generatorCores, usedCores }: HostUse): Signal {
  const base = signal("sharedHost", ownShareOfFull ?? 0, "share", null, null, () => "");
  if (ownShareOfFull === null) return base;
  const [own, used] = [generatorCores, usedCores].map((cores) => ((cores ?? 0) * 100).toFixed(0));
  return {
    ...base,
    text: `the generator used ${own} of ${used} % of a full host: the capacity seen here is a lower bound, the relay may take more on a host of its own`,
  };
}
