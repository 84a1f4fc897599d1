/** What only Node knows, put into a report that k6 wrote; the verdict is judged again with it. */
import type { KeptOptions } from "../plan/kept-options.ts";
import { costsOf } from "./costs.ts";
import { withFindings } from "./findings/engine.ts";
import { judgeGenerator } from "./generator.ts";
import { judgeAgain } from "./thresholds.ts";
import type {
  Audit,
  ConsentProof,
  Profile,
  ReceiveFigures,
  Report,
  ResourceSample,
  Resources,
} from "./types.ts";

export interface Completion {
  readonly k6: string;
  /** The options as a person gave them. */
  readonly kept?: KeptOptions;
  readonly host: Report["run"]["host"];
  readonly resources: readonly ResourceSample[] | null;
  /** What else the companion knows. */
  readonly companion?: Omit<Resources, "samples">;
  readonly profile?: Profile | null;
  readonly handshakes?: Report["handshakes"];
  readonly slowReaders?: Report["slowReaders"] | null;
  readonly ceilingEps: number | null;
  readonly receive?: ReceiveFigures | null;
  readonly floorMs: number | null;
  readonly audit: Audit | null;
  /** What the relays had of the pool before the run. */
  readonly known?: Report["known"];
  readonly relayNote: string | null;
  readonly relays?: Report["run"]["relays"];
  readonly corpus?: Report["corpus"];
  readonly preflight?: Report["preflight"];
  readonly proofs: readonly ConsentProof[];
  /** Why the run was stopped, where it was. */
  readonly stopReason: string | null;
  /** A relay runs on the generator's machine, though its address does not say so. */
  readonly sharesHost?: boolean;
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
    ...(completion.relays === undefined ? {} : { relays: completion.relays }),
    proofs,
    sameHost: completion.sharesHost === true ? true : report.run.sameHost,
    stopReason: stopReason ?? report.run.stopReason,
  };
  const measured = resourcesOf(completion);
  const isOfConnections = report.config.connect !== undefined;
  const judged = judgeGenerator(
    {
      ...report,
      run,
      config: { ...report.config, ...completion.kept },
      handshakes: completion.handshakes ?? null,
      ...(completion.slowReaders ? { slowReaders: completion.slowReaders } : {}),
      ...(completion.preflight === undefined ? {} : { preflight: completion.preflight }),
      ...(completion.known === undefined ? {} : { known: completion.known }),
      ...(completion.corpus === undefined ? {} : { corpus: completion.corpus }),
      resources: measured,
      ...(isOfConnections ? { connectionCosts: costsOf({ ...report, resources: measured }) } : {}),
      profile: completion.profile ?? null,
      thresholds: judgeAgain(report.thresholds, measured, run.durationSec),
      audit,
    },
    {
      ...figures,
      ceilingEps,
      receive: completion.receive ?? null,
      floorMs,
      cpuPercent: {
        generator: meanCpu(resources, "generator", run.durationSec),
        host: meanCpu(resources, "host", run.durationSec),
      },
    },
  );
  return withFindings(judged);
}

function resourcesOf({ resources, companion }: Completion): Resources | null {
  const samples = resources ?? [];
  if (samples.length === 0 && companion === undefined) return null;
  return { samples, ...(companion ?? { relayProcess: null, relayMetrics: [], notMeasured: [] }) };
}

/** Mean CPU within the measured window. */
export function meanCpu(
  samples: readonly ResourceSample[] | null,
  process: ResourceSample["process"],
  durationSec: number,
): number | null {
  const own = (samples ?? []).filter((s) => s.process === process && s.t > 0 && s.t <= durationSec);
  const cpu = own.flatMap((s) => s.cpuPercent ?? []);
  return cpu.length === 0 ? null : cpu.reduce((sum, n) => sum + n, 0) / cpu.length;
}
