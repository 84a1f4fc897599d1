/**
 * What connections cost the relay, by looks at its process while they were opened and held. Memory and files: the slope
 * over the open ones, so that what the relay needs by itself is in no figure. Processor: what it took in each second,
 * over the handshakes of that second and the connections that were open.
 */
import type { ClassPoint } from "./class-types.ts";
import type { ConnectionCosts, CostLook, Estimate } from "./cost-types.ts";
import { pulsesOf } from "./pulses.ts";
import { slopeOf } from "./slope.ts";
import type { Report, ResourceSample } from "./types.ts";

/** A sample's CPU is of the second before it. */
const LOOK_SEC = 1;
/** What a relay still frees or takes for those that came last. */
const SETTLE_SEC = 5;
/** With fewer open, what the relay does by itself weighs more. */
const LEAST_OPEN = 200;
/** Shown in the report, from none open to all of them. */
const SHOWN = [0, 0.25, 0.5, 0.75, 1] as const;

/** Of what was not measured: the relay's process as a whole. */
const UNSEEN = /^the (relay's )?process/;

type Costed = Pick<Report, "classes" | "resources" | "run" | "config">;
type Points = readonly ClassPoint<"connection">[];

/** Of a run whose connections come within its window; `null` where nothing was sampled. */
export function costsOf(report: Costed): ConnectionCosts | null {
  const { classes, resources, run } = report;
  if (resources === null) return null;
  const { series } = classes.connection;
  const samples = resources.samples.filter(({ process }) => process === "relay");
  const hasAnon = samples.every(({ anonBytes }) => typeof anonBytes === "number");
  const memoryOf = hasAnon ? "anonymous" : "resident";
  const memory = (s: ResourceSample) => (hasAnon ? (s.anonBytes ?? null) : s.rssBytes);
  const nothing = {
    handshakeCpuMs: null,
    heldCpuUsPerSec: null,
    memoryBytes: null,
    openFiles: null,
  };
  if (samples.length === 0) {
    const why = resources.notMeasured.find(({ what }) => UNSEEN.test(what))?.why;
    return { ...nothing, memoryOf, looks: [], pulses: [], why: why ?? "its process was not seen" };
  }
  const most = Math.max(0, ...series.map(({ open = 0 }) => open));
  if (most < LEAST_OPEN) {
    const why = `${most} were open at most, ${LEAST_OPEN} tell it from what the relay does by itself`;
    return { ...nothing, memoryOf, looks: [], pulses: [], why };
  }
  const openAt = openOver(series, run.sliceSec);
  const coming = samples.filter(whileComing(series, run.sliceSec, most));
  return {
    ...cpuOf(samples, series, run),
    memoryBytes: overOpen(coming, openAt, memory),
    memoryOf,
    openFiles: overOpen(coming, openAt, ({ openFiles }) => openFiles),
    looks: shownOf(
      coming,
      (sample): CostLook => ({
        t: sample.t,
        open: Math.round(openAt(sample.t)),
        memoryBytes: memory(sample),
        openFiles: sample.openFiles,
        cpuPercent: sample.cpuPercent,
      }),
      most,
    ),
    pulses: pulsesOf(report),
    why: null,
  };
}

/**
 * What a connection takes while it is held is told by looks without a handshake, before the first one came and behind the
 * last; a handshake by what is left of each second without that. Both at once would be told wrongly of a relay that
 * gets faster as it warms up: its first handshakes cost more, and less the more are open.
 */
function cpuOf(
  samples: readonly ResourceSample[],
  series: Points,
  { sliceSec, durationSec }: Report["run"],
): Pick<ConnectionCosts, "handshakeCpuMs" | "heldCpuUsPerSec"> {
  const doneBy = handshakesOver(series, sliceSec);
  const openAt = openOver(series, sliceSec);
  const looks = samples
    .filter((s) => s.t > -SETTLE_SEC && s.t <= durationSec && s.cpuPercent !== null)
    .map(({ t, cpuPercent }) => ({
      cpuMs: (cpuPercent ?? 0) * 10,
      handshakes: doneBy(t) - doneBy(t - LOOK_SEC),
      open: (openAt(t) + openAt(t - LOOK_SEC)) / 2,
    }));
  const calm = looks.filter(({ handshakes }) => handshakes === 0);
  const heldMs = slopeOf(calm.map(({ open, cpuMs }) => ({ x: open, y: cpuMs })));
  const handshakeCpuMs = slopeOf(
    looks.map(({ handshakes, open, cpuMs }) => ({
      x: handshakes,
      y: cpuMs - (heldMs?.value ?? 0) * open,
    })),
  );
  return { handshakeCpuMs, heldCpuUsPerSec: heldMs && times(heldMs, 1_000) };
}

function overOpen(
  samples: readonly ResourceSample[],
  openAt: (t: number) => number,
  figure: (sample: ResourceSample) => number | null,
): Estimate | null {
  return slopeOf(
    samples.flatMap((sample) => {
      const y = figure(sample);
      return y === null ? [] : [{ x: openAt(sample.t), y }];
    }),
  );
}

/** From shortly before the first connection until all that came have settled. */
function whileComing(series: Points, sliceSec: number, most: number) {
  const openAt = openOver(series, sliceSec);
  const full = series.find(({ open = 0 }) => open >= most * 0.99);
  const fullSec = (full?.t ?? 0) + sliceSec;
  return ({ t }: ResourceSample) =>
    t > -SETTLE_SEC && (t <= fullSec || (t <= fullSec + SETTLE_SEC && openAt(t) >= most * 0.95));
}

/** Those that are nearest to a quarter, half and so on of the open ones. */
function shownOf(
  samples: readonly ResourceSample[],
  lookOf: (sample: ResourceSample) => CostLook,
  most: number,
): readonly CostLook[] {
  const looks = samples.map(lookOf);
  const nearest = SHOWN.flatMap((share) => {
    const away = (look: CostLook) => Math.abs(look.open - share * most);
    const [first, ...others] = looks;
    return first === undefined ? [] : [others.reduce((a, b) => (away(b) < away(a) ? b : a), first)];
  });
  return [...new Set(nearest)];
}

/** How many were open at a time: from point to point, none before the window. */
function openOver(series: Points, sliceSec: number): (t: number) => number {
  return interpolate([[0, 0], ...series.map(({ t, open = 0 }) => [t + sliceSec, open] as const)]);
}

/** How many handshakes had an end by a time. */
function handshakesOver(series: Points, sliceSec: number): (t: number) => number {
  let sum = 0;
  const knots = series.map(({ t, counts }) => {
    sum += counts.opened + counts.failed;
    return [t + sliceSec, sum] as const;
  });
  return interpolate([[0, 0], ...knots]);
}

function interpolate(knots: readonly (readonly [t: number, value: number])[]) {
  return (t: number): number => {
    const after = knots.findIndex(([at]) => at >= t);
    if (after === 0) return knots[0]?.[1] ?? 0;
    if (after === -1) return knots.at(-1)?.[1] ?? 0;
    const [[fromSec, from], [toSec, to]] = [knots[after - 1] ?? [0, 0], knots[after] ?? [0, 0]];
    return from + ((to - from) * (t - fromSec)) / (toSec - fromSec);
  };
}

function times({ value, low, high, looks }: Estimate, factor: number): Estimate {
  return { value: value * factor, low: low * factor, high: high * factor, looks };
}
