/**
 * Times in which no client had a connection, as brackets: the relay went at some time between what was seen
 * last and what was refused first. Clients wait longer from try to try, so when they had a connection again says
 * little about when the relay was there; its port, tried meanwhile, says more.
 */
import { pointsOf, type SeriesPoint } from "./points.ts";
import type { Report } from "./types.ts";

/** Seconds from the start of the window. */
export interface Outage {
  /** The last slice's end in which there was a connection, and the first one's in which there was none. */
  readonly lastOpenSec: number;
  readonly firstRefusedSec: number;
  /** `null`: nobody knows; the clients only found it open later. */
  readonly lastRefusedSec: number | null;
  /** When it took a connection again, at the latest; `null`: not before the end. */
  readonly firstOpenSec: number | null;
  /** Whether a client had a connection again: a port may be open, and what is behind it not. */
  readonly isOver: boolean;
  /** How long it was away; the most is `null` where it did not come back. */
  readonly leastSec: number | null;
  readonly mostSec: number | null;
}

/** Outages of the measured window, the earliest first. */
export function outagesOf(report: Report): readonly Outage[] {
  const { run, resources } = report;
  const series = pointsOf(report);
  const { sliceSec } = report.run;
  const window = series.filter((point) => point.t < run.durationSec);
  const looks = resources?.portLooks ?? [];
  return gapsOf(window).map(({ from, back }): Outage => {
    const lastOpenSec = window[from]?.t ?? 0;
    const closedSec = lastOpenSec + sliceSec;
    const reopenedSec = back === null ? null : (window[back]?.t ?? 0) + sliceSec;
    const own = looks.find(({ firstRefusedSec, firstOpenSec }) => {
      const at = firstRefusedSec ?? firstOpenSec;
      return at !== null && at >= lastOpenSec && (reopenedSec === null || at <= reopenedSec);
    });
    const lastRefusedSec = own?.lastRefusedSec ?? null;
    // A port that takes connections while nobody keeps one is a proxy's, or of a relay that ends them.
    const portOpenSec = lastRefusedSec === null ? null : (own?.firstOpenSec ?? null);
    const firstRefusedSec = Math.min(closedSec, own?.firstRefusedSec ?? closedSec);
    const firstOpenSec = earliest(portOpenSec, reopenedSec);
    return {
      lastOpenSec,
      firstRefusedSec,
      lastRefusedSec,
      firstOpenSec,
      isOver: reopenedSec !== null,
      leastSec: lastRefusedSec === null ? null : Math.max(0, lastRefusedSec - firstRefusedSec),
      mostSec: firstOpenSec === null ? null : firstOpenSec - lastOpenSec,
    };
  });
}

function earliest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** Runs of slices at whose end no connection was open, behind one that had some. */
function gapsOf(window: readonly SeriesPoint[]) {
  const gaps: { readonly from: number; readonly back: number | null }[] = [];
  let from: number | null = null;
  let hadSome = false;
  window.forEach(({ connectionsOpen }, i) => {
    if (connectionsOpen === 0) {
      if (hadSome) from ??= i;
      return;
    }
    if (from !== null) gaps.push({ from, back: i });
    from = null;
    hadSome = true;
  });
  if (from !== null) gaps.push({ from, back: null });
  return gaps;
}

/** `between 3.0 and 3.1 s`; one time where both are the same. */
export function describeOutage({
  lastOpenSec,
  firstRefusedSec,
  lastRefusedSec,
  firstOpenSec,
  isOver,
  leastSec,
  mostSec,
}: Outage): string {
  const went = `went away ${bracket(lastOpenSec, firstRefusedSec)}`;
  if (firstOpenSec === null) return `${went} and did not come back`;
  if (!isOver) {
    const port = bracket(lastRefusedSec ?? firstOpenSec, firstOpenSec);
    return `${went}; its port was open again ${port}, and no client had a connection until the end`;
  }
  if (lastRefusedSec === null || leastSec === null || mostSec === null) {
    return `${went} and was back at ${seconds(firstOpenSec)} s at the latest`;
  }
  return `${went} and was back ${bracket(lastRefusedSec, firstOpenSec)}: away for ${seconds(leastSec)} to ${seconds(mostSec)} s`;
}

function bracket(from: number, to: number): string {
  const [low, high] = [seconds(from), seconds(to)];
  return low === high ? `at ${low} s` : `between ${low} and ${high} s`;
}

function seconds(sec: number): string {
  return sec.toFixed(1);
}
