/** Who used the processor of the generator's host, means over the measured window. */
import type { Report, ResourceSample } from "./types.ts";

export interface HostUse {
  readonly cpus: number;
  /** In cores; `null` where it is not known. */
  readonly usedCores: number | null;
  readonly relayCores: number | null;
  readonly generatorCores: number | null;
  /** Neither relay nor generator: all else that ran on the host. */
  readonly othersCores: number | null;
  /** Other processes used more than the generator, and a good part of the host. */
  readonly isOthers: boolean;
  /** And the host was busy: times may be theirs. */
  readonly isTaken: boolean;
  /** The generator's share of what was used of a full host beside the relay; `null` where it is not full. */
  readonly ownShareOfFull: number | null;
}

/** From here on a thread that is ready finds no idle core at times. */
export const BUSY_HOST = 0.85;
/** Of all cores: a daemon or a desktop stays below it, a build or another test does not. */
const OTHERS_SHARE = 0.3;
/** No core is idle for more than a moment. */
const FULL = 0.95;
/** Below it the relay would hardly get more on a host of its own. */
const OWN_SHARE = 0.2;

/** `fromSec`: looks that end before it are left out. */
export function hostUseOf(
  { run, resources }: Pick<Report, "run" | "resources">,
  fromSec = 0,
): HostUse {
  const samples = (resources?.samples ?? []).filter(
    ({ t }) => t > Math.max(0, fromSec) && t <= run.durationSec,
  );
  const percent = (process: ResourceSample["process"]) => meanCpu(samples, process);
  const cpus = run.host.cpus ?? 1;
  const [host, relay, generator] = [percent("host"), percent("relay"), percent("generator")];
  const usedCores = host === null || run.host.cpus === null ? null : (host / 100) * cpus;
  const relayCores = relay === null ? null : relay / 100;
  const generatorCores = generator === null ? null : generator / 100;
  // A relay elsewhere uses none of this host.
  const relayHere = run.sameHost === true ? relayCores : 0;
  const othersCores =
    usedCores === null || relayHere === null || generatorCores === null
      ? null
      : Math.max(0, usedCores - relayHere - generatorCores);
  const isOthers =
    othersCores !== null &&
    othersCores >= OTHERS_SHARE * cpus &&
    othersCores >= (generatorCores ?? 0);
  const ownShare =
    run.sameHost === true && usedCores !== null && generatorCores !== null
      ? generatorCores / usedCores
      : 0;
  const isShared = usedCores !== null && usedCores >= FULL * cpus && ownShare >= OWN_SHARE;
  return {
    cpus,
    usedCores,
    relayCores,
    generatorCores,
    othersCores,
    isOthers,
    isTaken: isOthers && usedCores !== null && usedCores >= BUSY_HOST * cpus,
    ownShareOfFull: isShared ? ownShare : null,
  };
}

/** "other processes used 1.6 of 2 cores". */
export function describeOthers({ othersCores, cpus }: HostUse): string {
  const cores = cpus === 1 ? "core" : "cores";
  return `other processes used ${(othersCores ?? 0).toFixed(1)} of ${cpus} ${cores}`;
}

function meanCpu(
  samples: readonly ResourceSample[],
  process: ResourceSample["process"],
): number | null {
  const cpu = samples.flatMap((s) => (s.process === process ? (s.cpuPercent ?? []) : []));
  return cpu.length === 0 ? null : cpu.reduce((sum, n) => sum + n, 0) / cpu.length;
}
