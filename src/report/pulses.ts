/**
 * Work of the relay that comes back at a period: many clients opened in the same second ping in the same second ever
 * after, and so do relays that ping theirs. Seen by folding: the same second of each period has more than the others of
 * its period, every time.
 */
import type { Pulse } from "./cost-types.ts";
import type { Report } from "./types.ts";

/** What relays are known to ping at, seconds: khatru 30, strfry 55, rnostr 60, nostream 120 (their sources). */
const RELAY_PERIODS = [30, 55, 60, 120] as const;
/** In so many periods, and no less: one peak is chance. */
const LEAST_CYCLES = 3;
/** Percent of a core above the middle of its period, and times what looks of a period differ by. */
const LEAST_PERCENT = 5;
const LEAST_SPREADS = 4;

interface Look {
  readonly t: number;
  readonly cpu: number;
}

/** Of the time in which all connections were held; the shortest period first, without its multiples. */
export function pulsesOf({
  classes,
  resources,
  run,
  config,
}: Pick<Report, "classes" | "resources" | "run" | "config">): readonly Pulse[] {
  const { series } = classes.connection;
  const most = Math.max(0, ...series.map(({ open = 0 }) => open));
  const held = series.filter(({ open = 0 }) => open > 0 && open >= most * 0.95);
  const [fromSec, untilSec] = [
    (held[0]?.t ?? 0) + run.sliceSec,
    (held.at(-1)?.t ?? 0) + run.sliceSec,
  ];
  const looks = (resources?.samples ?? []).flatMap(({ process, t, cpuPercent: cpu }): Look[] =>
    process === "relay" && cpu !== null && t > fromSec && t <= untilSec ? [{ t, cpu }] : [],
  );
  const { pingSec = 0 } = config;
  const periods = [...new Set([...(pingSec >= 2 ? [pingSec] : []), ...RELAY_PERIODS])];
  const pulses: Pulse[] = [];
  for (const periodSec of periods.sort((a, b) => a - b)) {
    if (pulses.some((known) => periodSec % known.periodSec === 0)) continue;
    const seen = fold(looks, periodSec);
    if (seen === null) continue;
    const isOurs = periodSec === pingSec;
    const mostPings = isOurs ? mostAtOnce(series, periodSec) : null;
    pulses.push({ periodSec, of: isOurs ? "ping" : "relay", ...seen, mostPings });
  }
  return pulses;
}

interface Above {
  readonly t: number;
  readonly cpu: number;
  /** More than the middle of its period. */
  readonly by: number;
}

/** The second of the period that stands out in each; `null` where none does. */
function fold(
  looks: readonly Look[],
  periodSec: number,
): Pick<Pulse, "atSec" | "cycles" | "cpuPercent" | "otherwisePercent"> | null {
  const fromSec = looks[0]?.t ?? 0;
  const cycles = Math.floor(((looks.at(-1)?.t ?? 0) - fromSec + 1) / periodSec);
  if (cycles < LEAST_CYCLES) return null;
  const byCycle = Array.from({ length: cycles }, (_, cycle): readonly Above[] => {
    const of = looks.filter(({ t }) => Math.floor((t - fromSec) / periodSec) === cycle);
    const middle = medianOf(of.map(({ cpu }) => cpu));
    return of.map(({ t, cpu }) => ({ t, cpu, by: cpu - middle }));
  });
  const spread = medianOf(byCycle.flat().map(({ by }) => Math.abs(by)));
  const needed = Math.max(LEAST_PERCENT, LEAST_SPREADS * spread);
  const peaks = Array.from({ length: Math.floor(periodSec) }, (_, atSec) => {
    const highest = byCycle.map((of) => highestNear(of, atSec, periodSec));
    const own = byCycle.flat().filter(({ t }) => Math.floor(t % periodSec) === atSec);
    return { atSec, highest, least: Math.min(...highest.map(byOf)), own: meanOf(own.map(byOf)) };
  });
  // A pulse is near three seconds: it is in that which has most of it.
  const [pulse] = peaks
    .filter(({ least }) => least >= needed)
    .sort((a, b) => b.least - a.least || b.own - a.own);
  if (pulse === undefined) return null;
  const isIn = new Set(pulse.highest);
  const { atSec } = pulse;
  return {
    atSec,
    cycles,
    cpuPercent: meanOf(pulse.highest.map((look) => look?.cpu ?? 0)),
    otherwisePercent: meanOf(byCycle.flat().flatMap((look) => (isIn.has(look) ? [] : [look.cpu]))),
  };
}

/** Looks are no clocks: what happens at the end of a second is now in this look and now in the next. */
function highestNear(looks: readonly Above[], atSec: number, periodSec: number): Above | undefined {
  return looks
    .filter(({ t }) => {
      const away = Math.abs((t % periodSec) - (atSec + 0.5));
      return Math.min(away, periodSec - away) <= 1.5;
    })
    .reduce<Above | undefined>((most, look) => (look.by > byOf(most) ? look : most), undefined);
}

function byOf(look: Above | undefined): number {
  return look?.by ?? Number.NEGATIVE_INFINITY;
}

/** Of connections that are pinged so long after they opened, and again: those of the fullest second of a period. */
function mostAtOnce(series: Report["classes"]["connection"]["series"], periodSec: number): number {
  const bySecond = new Map<number, number>();
  for (const { t, counts } of series) {
    const second = Math.floor(t % periodSec);
    bySecond.set(second, (bySecond.get(second) ?? 0) + counts.opened);
  }
  return Math.max(0, ...bySecond.values());
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
