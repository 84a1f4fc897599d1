/** What only the instances' machines and the relay know, put into a merged report. */
import { publishOf } from "../report/class-report.ts";
import { completeReport } from "../report/complete.ts";
import type { Audit, Report } from "../report/types.ts";
import type { Instance } from "./instance.ts";
import type { RelaySeen } from "./protocol.ts";
import { NOBODY_LOOKED } from "./relay-seen.ts";

/** What was read back from the relays behind the run; `notes`: why not, or not all. */
export interface ReadBackFigures {
  readonly audit: Audit | null;
  readonly notes: readonly string[];
}

export function completeMerged(
  report: Report,
  instances: readonly Instance[],
  { audit, notes, seen }: ReadBackFigures & { readonly seen: RelaySeen | null },
): Report {
  const abouts = instances.flatMap(({ about }) => about ?? []);
  const [about] = abouts;
  const [first] = instances;
  const { totals } = publishOf(report);
  const unread = totals.attempted === 0 ? [] : notes;
  return completeReport(report, {
    k6: [...new Set(abouts.map(({ k6 }) => k6))].join(", ") || "k6, version not known",
    ...(first === undefined ? {} : { kept: first.begin.kept }),
    host: about?.host ?? report.run.host,
    resources: seen?.samples ?? null,
    companion: {
      ...(seen?.notes ?? NOBODY_LOOKED),
      notMeasured: [
        ...(seen?.notes ?? NOBODY_LOOKED).notMeasured,
        ...unread.map((why) => ({ what: "what the relay stored", why })),
      ],
    },
    ceilingEps: null,
    floorMs: about?.floorMs ?? null,
    audit,
    relayNote: about?.relayNote ?? null,
    ...(seen === null || seen.relays.length === 0 ? {} : { relays: seen.relays }),
    proofs: about?.proofs ?? [],
    corpus: about?.corpus ?? null,
    stopReason: null,
    sharesHost: abouts.some(({ sharesHost }) => sharesHost),
  });
}
