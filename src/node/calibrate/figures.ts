/**
 * What a generator was measured to do against the sink, and for which generator that holds: the
 * machine, its k6 and this kit. Figures of another machine or version say nothing here.
 */
import { availableParallelism, cpus } from "node:os";
import { TOOL } from "../../report/build.ts";

/** The generator that figures belong to: equal members, same figures. */
export interface GeneratorIdentity {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly k6: string;
  readonly tool: string;
}

/** Service time against the sink at a gentle rate, ms. */
export interface Floor {
  readonly clients: number;
  readonly rateEps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Ceiling {
  /** Highest arrival rate that was held with a valid verdict. */
  readonly heldEps: number;
  /** Lowest rate that was not; `null` when all that were tried were held. */
  readonly failedEps: number | null;
  readonly clients: number;
}

export interface ConnectionFigures {
  readonly asked: number;
  readonly opened: number;
  readonly connectP50Ms: number | null;
  readonly connectP99Ms: number | null;
  /** What each adds to k6's resident memory; `null` where that can't be read. */
  readonly bytesEach: number | null;
}

export interface Calibration {
  readonly generator: GeneratorIdentity;
  readonly form: "full" | "quick";
  /** ISO 8601, UTC. */
  readonly measuredAt: string;
  /** p50 of service time, ms: what the generator and the loopback add to every figure. */
  readonly floorMs: number;
  readonly floors: readonly Floor[];
  /** `null`: not even the lowest rate was held. */
  readonly ceiling: Ceiling | null;
  /** Empty in the quick form. */
  readonly connections: readonly ConnectionFigures[];
  /** Percent of all cores that other processes took meanwhile; missing in figures kept before. */
  readonly othersPercent?: number | null;
}

/**
 * A floor at or above this means that small writes wait for acknowledgements: Nagle's algorithm
 * (RFC 896) against delayed ACK, which Linux holds back for 40 ms. Half of that is far above any
 * honest floor on loopback.
 */
const STALL_MS = 20;

export function isStalled({ floorMs }: Pick<Calibration, "floorMs">): boolean {
  return floorMs >= STALL_MS;
}

/** This machine with the given k6. */
export function identifyGenerator(k6Version: string): GeneratorIdentity {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    k6: k6Version,
    tool: TOOL,
  };
}

export function isSameGenerator(a: GeneratorIdentity, b: GeneratorIdentity): boolean {
  return (
    a.cpu === b.cpu &&
    a.cores === b.cores &&
    a.platform === b.platform &&
    a.k6 === b.k6 &&
    a.tool === b.tool
  );
}
