/** When receivers of an event have it, behind the first of them, by their rank: as a report shows it. */
import { RANKS } from "../measure/classes/delivery.ts";
import { deliveryOf } from "./class-report.ts";
import type { LatencySummary } from "./times.ts";
import type { Report } from "./types.ts";

interface RankTimes {
  /** `50 %`; `last`. */
  readonly name: string;
  readonly times: LatencySummary;
}

export function rankTimes(report: Pick<Report, "classes">): readonly RankTimes[] {
  const { times } = deliveryOf(report);
  return [
    ...RANKS.map(([time, share]) => ({ name: `${share * 100} %`, times: times[time] })),
    { name: "last", times: times.spread },
  ];
}
