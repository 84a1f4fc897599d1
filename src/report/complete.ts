/** What only Node knows, put into a report that k6 wrote; the verdict is judged again with it. */
import { judgeGenerator } from "./generator.ts";
import type { Audit, ConsentProof, Report, ResourceSample } from "./types.ts";

export interface Completion {
  readonly k6: string;
  readonly host: Report["run"]["host"];
  readonly resources: readonly ResourceSample[] | null;
  readonly ceilingEps: number | null;
  readonly floorMs: number | null;
  readonly audit: Audit | null;
  readonly relayNote: string | null;
  readonly proofs: readonly ConsentProof[];
  /** Why the run was stopped, where it was. */
  readonly stopReason: string | null;
}

export function completeReport(report: Report, completion: Completion): Report {
  const { verdict: _, reasons: __, signals: ___, ...figures } = report.generator;
  const { k6, host, resources, ceilingEps, floorMs, audit, relayNote, proofs, stopReason } =
    completion;
  const run = {
    ...report.run,
    k6,
    host,
    relayNote,
    proofs,
    stopReason: stopReason ?? report.run.stopReason,
  };
  return judgeGenerator(
    {
      ...report,
      run,
      resources: resources && resources.length > 0 ? { samples: resources } : null,
      audit,
    },
    {
      ...figures,
      ceilingEps,
      floorMs,
      cpuPercent: {
        generator: meanCpu(resources, "generator", run.durationSec),
        host: meanCpu(resources, "host", run.durationSec),
      },
    },
  );
}

/** Mean CPU within the measured window. */
function meanCpu(
  samples: readonly ResourceSample[] | null,
  process: ResourceSample["process"],
  durationSec: number,
): number | null {
  const own = (samples ?? []).filter((s) => s.process === process && s.t > 0 && s.t <= durationSec);
  const cpu = own.flatMap((s) => s.cpuPercent ?? []);
  return cpu.length === 0 ? null : cpu.reduce((sum, n) => sum + n, 0) / cpu.length;
}
