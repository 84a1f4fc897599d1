/**
 * The verdict of a run that several k6 processes shared: what each of them did is held against the same bounds as
 * all together, and the worst of them is named. Signals of its own:
 *
 * - start slack: how long before the agreed start the last VU was ready. Without a second of it the next run is
 *   likely to lose an instance; one that was not ready at all has sent nothing, and is missing.
 * - missing instances: what is there is exact, and is the load of fewer than were asked for.
 * - clock error: how far the clocks of two machines are apart at least, held against the relay's. Shares of the
 *   load are shifted against each other by it, and series show them as one; a time from sending to answer is of one
 *   clock. Beyond a second, as start skew, points of series and both ends of the window are of other loads.
 * - an instance twice: its part of the load came twice, so that nobody asked for what was measured.
 */
import { ms, signal } from "./signal.ts";
import type { Figures, InstanceReport, Measured, Several, Signal } from "./types.ts";

/** What is told of a process by itself. */
const OWN = [
  "scheduleLag",
  "lagTail",
  "loopLag",
  "ownDelay",
  "generatorCpu",
  "clockDrift",
  "ceilingShare",
];

const STATES: readonly Signal["state"][] = ["notMeasured", "valid", "suspect", "invalid"];

/** The report and figures of one process, as far as its own signals ask for them. */
export function partOf(
  report: Measured,
  figures: Figures,
  part: InstanceReport,
  { expected }: Several,
): readonly [Measured, Figures] {
  const { several: _, ...rest } = figures;
  const { scheduleLag, loopLag, clockDriftMs, cpuPercent, ceilingEps } = part;
  return [
    {
      ...report,
      run: { ...report.run, host: part.host },
      config: { ...report.config, rateEps: report.config.rateEps / expected },
    },
    { ...rest, scheduleLag, loopLag, clockDriftMs, cpuPercent, ceilingEps },
  ];
}

/** By signal the worst of all processes, with the one that it is of. */
export function worstOfInstances(
  { each, expected }: Several,
  signalsOf: (part: InstanceReport) => readonly Signal[],
): ReadonlyMap<string, Signal> {
  const worst = new Map<string, Signal>();
  for (const part of each) {
    for (const one of signalsOf(part)) {
      if (!OWN.includes(one.id)) continue;
      const isFine = one.text === "" || one.state === "notMeasured";
      const named = isFine
        ? one
        : { ...one, text: `instance ${part.index} of ${expected}: ${one.text}` };
      worst.set(one.id, worse(worst.get(one.id) ?? named, named));
    }
  }
  return worst;
}

/** The first, unless the other one is worse. */
export function worse(one: Signal, other: Signal | undefined): Signal {
  if (other === undefined) return one;
  const by = STATES.indexOf(other.state) - STATES.indexOf(one.state);
  if (by !== 0) return by > 0 ? other : one;
  return (other.value ?? 0) > (one.value ?? 0) ? other : one;
}

export function severalSignals({ expected, missing, twice, each }: Several): readonly Signal[] {
  const slacks = each.flatMap(({ slackMs, index }) =>
    slackMs === null ? [] : [{ slackMs, index }],
  );
  const least = slacks.reduce<(typeof slacks)[number] | null>(
    (a, b) => (a === null || b.slackMs < a.slackMs ? b : a),
    null,
  );
  return [
    // The less there is, the worse: what is told is how much it lacks of a second.
    signal(
      "startSlack",
      least === null ? null : Math.max(0, 1_000 - least.slackMs),
      "ms short of a second",
      0,
      null,
      () =>
        `instance ${least?.index} of ${expected} was ready ${Math.round(least?.slackMs ?? 0)} ms before the start: raise --lead`,
    ),
    clockError(each, expected),
    signal(
      "missingInstances",
      missing.length,
      "instances",
      0,
      null,
      (v) =>
        `${v} of ${expected} instances are missing (${missing.slice(0, 5).join(", ")}): rates are those of the others`,
    ),
    signal(
      "instanceTwice",
      twice.length,
      "instances",
      null,
      0,
      () =>
        `instance ${twice.slice(0, 5).join(", ")} of ${expected} was there twice, and both loaded the relay with the same share`,
    ),
  ];
}

/** Of the two that are surely furthest apart. */
function clockError(each: readonly InstanceReport[], expected: number): Signal {
  const read = each.flatMap(({ index, clock }) => (clock === null ? [] : [{ index, ...clock }]));
  const [first, ...more] = read;
  const least = more.reduce(
    (a, b) => (a && b.aheadMs + b.uncertainMs < a.aheadMs + a.uncertainMs ? b : a),
    first,
  );
  const most = more.reduce(
    (a, b) => (a && b.aheadMs - b.uncertainMs > a.aheadMs - a.uncertainMs ? b : a),
    first,
  );
  const apartMs =
    least === undefined || most === undefined || more.length === 0
      ? null
      : Math.max(0, most.aheadMs - most.uncertainMs - (least.aheadMs + least.uncertainMs));
  return signal(
    "clockError",
    apartMs,
    "ms",
    1_000,
    null,
    (v) =>
      `the clocks of instances ${least?.index} and ${most?.index} of ${expected} are ${ms(v)} apart at least: their shares of the load lay so far from each other, and series show them as one; set them by NTP`,
  );
}
