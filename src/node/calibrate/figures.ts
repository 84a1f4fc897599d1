/**
 * What a generator was measured to do against the sink, and for which generator that holds: the
 * machine, its k6 and this kit. Figures of another machine or version say nothing here.
 */
import { availableParallelism, cpus } from "node:os";
import { TOOL } from "../../report/tool.ts";

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

/** What was read of the sink's rows, each held against the right answer. */
export interface ReceiveCeiling {
  /** Most rows a second at which the verdict was still valid, and their bytes. */
  readonly heldRowsPerSec: number;
  readonly heldBytesPerSec: number;
  /** Fewest that were not held; `null` when all that were tried were. */
  readonly failedRowsPerSec: number | null;
  readonly rowsAnAnswer: number;
  readonly clients: number;
  readonly form: Calibration["form"];
  /** ISO 8601, UTC. */
  readonly measuredAt: string;
  /** Percent of all cores that other processes took meanwhile; `null` where that can't be read. */
  readonly othersPercent: number | null;
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
  /** `null`: not even the lowest rate was held, or it was not measured. */
  readonly ceiling: Ceiling | null;
  /** Left out where it was not measured, as in figures kept before; `null` as above. */
  readonly receive?: ReceiveCeiling | null;
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

/** What a run is held against: what it sends, or what it reads. */
export type Part = "publish" | "receive";

/** Figures with those of a part that they lack; what is measured anew stands in their place. */
export function mergeFigures(
  kept: Calibration | null,
  measured: Calibration,
  part: Part,
): Calibration {
  if (kept === null) return measured;
  const { receive } = part === "receive" ? measured : kept;
  const own = part === "receive" ? kept : measured;
  return { ...own, ...(receive === undefined ? {} : { receive }) };
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
