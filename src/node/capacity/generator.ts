/** Who carries out the trials of a search: k6 on this machine, or generators elsewhere. */
import { availableParallelism, platform, release, totalmem } from "node:os";
import type { CapacityReport } from "../../capacity/result.ts";
import type { K6Outcome } from "../k6/supervise.ts";
import { type MachineLimits, readMachine } from "../preflight/machine.ts";
import type { RunRequest } from "../run/driven.ts";
import { lookHere, type Prepared, prepareRun } from "../run/prepare.ts";
import { type Carried, runPrepared } from "../run/run.ts";
import { Stock, type Supplies } from "./stock.ts";

export interface Generator {
  /** Of each, where CORES does not say so. */
  readonly cores: number;
  /** Whether a trial may be shared by several. */
  readonly mayShare: boolean;
  /** What is found out once, before the first trial. Throws `ConfigError`. */
  readonly prepare: (asked: RunRequest) => Promise<Ready>;
  readonly openStock: (of: { readonly isReused: boolean }) => Supplies;
  readonly close: () => Promise<void>;
}

export interface Ready
  extends Pick<Prepared, "request" | "admissions" | "checked" | "calibration"> {
  readonly about: Pick<CapacityReport["run"], "k6" | "host">;
  /** What there is of files, ports and memory; `null`: nobody knows it of generators elsewhere. */
  readonly readMachine: () => Promise<MachineLimits | null>;
  /** Throws `ConfigError` for a plan that this machine can't carry out. */
  readonly lookHere: (asked: RunRequest) => Promise<unknown>;
  readonly carryOut: (trial: Pick<Prepared, "request" | "admissions">) => Promise<CarriedTrial>;
}

export interface CarriedTrial extends Pick<Carried, "report" | "runDir"> {
  readonly outcome: Pick<K6Outcome, "stopped">;
}

/** k6 on this machine. */
export const HERE: Generator = {
  cores: availableParallelism(),
  mayShare: false,
  openStock: (of) => new Stock(of),
  close: async () => {},
  prepare: async (asked) => {
    const prepared = await prepareRun(asked);
    return {
      ...prepared,
      about: {
        k6: `k6 v${prepared.k6.version}`,
        host: {
          cpus: availableParallelism(),
          memoryBytes: totalmem(),
          platform: `${platform()} ${release()} ${process.arch}`,
        },
      },
      readMachine,
      lookHere,
      carryOut: (trial) => runPrepared({ ...prepared, ...trial }),
    };
  },
};
