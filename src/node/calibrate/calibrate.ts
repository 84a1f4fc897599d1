/**
 * The calibration: floor, connections and ceilings of this generator, measured one after the other on
 * the bench. The full form takes up to a minute and a half, the quick one, for runs that find no figures, about
 * 15 s a ceiling, with shorter windows, coarser steps and without connections.
 */

import { readFile } from "node:fs/promises";
import { publishOf, queryOf } from "../../report/class-report.ts";
import { formatCount, formatMs, formatRate } from "../../report/format.ts";
import type { Report } from "../../report/types.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { type Measure, type Measurement, ROWS_AN_ANSWER, withBench } from "./bench.ts";
import {
  type Calibration,
  type Ceiling,
  type ConnectionFigures,
  type Floor,
  identifyGenerator,
  type Part,
  type ReceiveCeiling,
} from "./figures.ts";
import { findCeiling, type Trial } from "./search.ts";
import { describeGentle, describeRows } from "./table.ts";

export interface CalibrateOptions {
  readonly k6: K6Binary;
  readonly form: Calibration["form"];
  /** Which ceilings; both if left out. */
  readonly parts?: readonly Part[];
  /** Is given a line after each measurement. */
  readonly onStep: (text: string) => void;
  readonly signal: AbortSignal;
}

const CLIENTS = 100;
const LEAST_EPS = 250;
const MOST_EPS = 100_000;
const LEAST_ROWS = 1_000;
const MOST_ROWS = 400_000;
/** Achieved share of the rate set, from which a rate counts as held. */
const HELD_SHARE = 0.99;

const FORMS = {
  full: {
    windowSec: 2,
    gentle: [
      { clients: 1, rateEps: 150 },
      { clients: CLIENTS, rateEps: 500 },
    ],
    connections: [2_000, 10_000],
    search: { firstEps: 2_000, factor: 2, precision: 1.1, mostTrials: 11 },
    mostMs: 55_000,
    rows: { firstEps: 10_000, factor: 2, precision: 1.1, mostTrials: 9 },
    mostRowsMs: 35_000,
  },
  quick: {
    windowSec: 1,
    gentle: [{ clients: 1, rateEps: 150 }],
    connections: [],
    search: { firstEps: 4_000, factor: 4, precision: 1.3, mostTrials: 6 },
    mostMs: 13_000,
    rows: { firstEps: 20_000, factor: 2, precision: 1.3, mostTrials: 5 },
    mostRowsMs: 9_000,
  },
} as const;

/** Measures this generator. Throws `ConfigError` when k6 or the disk does not let it. */
export async function calibrate(options: CalibrateOptions): Promise<Calibration> {
  const { k6, form, signal, parts = ["publish", "receive"] } = options;
  const endMs = performance.now() + FORMS[form].mostMs;
  const others: number[] = [];
  const reads = parts.includes("receive");
  const scenarios = reads ? (["publish", "query"] as const) : (["publish"] as const);
  return await withBench(k6, signal, scenarios, async (bench) => {
    const measure = noting(bench, others);
    const { floors, rssBytes } = await measureFloors(measure, options);
    const connections = await measureConnections(measure, options, rssBytes);
    const ceiling = parts.includes("publish")
      ? await measureCeiling(measure, options, endMs)
      : null;
    return {
      generator: identifyGenerator(k6.version),
      form,
      measuredAt: new Date().toISOString(),
      floorMs: Math.min(...floors.map((floor) => floor.p50Ms)),
      floors,
      ceiling,
      ...(reads ? { receive: await measureReceive(bench, options) } : {}),
      connections,
      othersPercent: mean(others),
    };
  });
}

/** Notes for each measurement what other processes took meanwhile. */
function noting(measure: Measure, others: number[]): Measure {
  return async (load) => {
    const measured = await measure(load);
    others.push(...(measured.othersPercent === null ? [] : [measured.othersPercent]));
    return measured;
  };
}

function mean(percents: readonly number[]): number | null {
  if (percents.length === 0) return null;
  return Math.round(percents.reduce((sum, n) => sum + n, 0) / percents.length);
}

async function measureFloors(measure: Measure, { form, onStep }: CalibrateOptions) {
  const { gentle, windowSec } = FORMS[form];
  const floors: Floor[] = [];
  let rssBytes: number | null = null;
  for (const load of gentle) {
    const measured = await measure({
      scenario: "publish",
      clients: load.clients,
      rate: load.rateEps,
      durationSec: windowSec,
      mostSec: windowSec + 10,
    });
    const { p50, p99 } = publishOf(measured.report).times.service;
    rssBytes = measured.rssBytes;
    if (p50 === null || p99 === null) throw new Error("the sink answered no event");
    floors.push({ ...load, p50Ms: p50, p99Ms: p99 });
    onStep(`floor       ${describeGentle(load)}: p50 ${formatMs(p50)}`);
  }
  return { floors, rssBytes };
}

async function measureConnections(
  measure: Measure,
  { form, onStep }: CalibrateOptions,
  baseBytes: number | null,
): Promise<readonly ConnectionFigures[]> {
  const most = await mostConnections();
  const all: ConnectionFigures[] = [];
  for (const wanted of FORMS[form].connections) {
    const clients = Math.min(wanted, most);
    if (clients <= (all.at(-1)?.asked ?? 0)) break;
    const figures = connectionFigures(
      clients,
      await measure({ scenario: "publish", clients, rate: 50, durationSec: 1, mostSec: 20 }),
      baseBytes,
    );
    all.push(figures);
    onStep(`connections ${formatCount(figures.opened)} of ${formatCount(clients)} opened`);
    if (figures.opened < clients) break;
  }
  return all;
}

function connectionFigures(
  asked: number,
  { report, rssBytes }: Measurement,
  baseBytes: number | null,
): ConnectionFigures {
  const { opened, reconnected } = report.classes.connection.totals;
  const { p50, p99 } = report.classes.connection.times.connect;
  const grown = rssBytes === null || baseBytes === null ? null : rssBytes - baseBytes;
  return {
    asked,
    opened: opened - reconnected,
    connectP50Ms: p50,
    connectP99Ms: p99,
    bytesEach: grown === null || grown <= 0 ? null : Math.round(grown / asked),
  };
}

/** Connections that k6 and the sink may have open each, by this process's limit of open files. */
async function mostConnections(): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const limit = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  // Elsewhere the limit can't be read; 4,096 is common.
  const files = limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit ?? 4_096);
  return Math.max(100, files - 500);
}

async function measureCeiling(
  measure: Measure,
  { form, onStep }: CalibrateOptions,
  endMs: number,
): Promise<Ceiling | null> {
  const { windowSec, search } = FORMS[form];
  const { heldEps, failedEps } = await findCeiling({
    ...search,
    leastEps: LEAST_EPS,
    mostEps: MOST_EPS,
    isOver: () => performance.now() > endMs,
    measure: async (rateEps) => {
      const { report } = await measure({
        scenario: "publish",
        clients: CLIENTS,
        rate: rateEps,
        durationSec: windowSec,
        mostSec: windowSec * 2 + 6,
      });
      const trial = judgeTrial(report);
      onStep(`ceiling     ${formatRate(rateEps)}: ${trial.held ? "held" : explain(report, trial)}`);
      return trial;
    },
  });
  return heldEps === null ? null : { heldEps, failedEps, clients: CLIENTS };
}

/** By rows a second, of which the queries each ask for `ROWS_AN_ANSWER`. */
async function measureReceive(
  bench: Measure,
  { form, onStep }: CalibrateOptions,
): Promise<ReceiveCeiling | null> {
  const { windowSec, rows, mostRowsMs } = FORMS[form];
  const endMs = performance.now() + mostRowsMs;
  const others: number[] = [];
  const measure = noting(bench, others);
  const bytesPerSec = new Map<number, number>();
  const { heldEps, failedEps } = await findCeiling({
    ...rows,
    leastEps: LEAST_ROWS,
    mostEps: MOST_ROWS,
    isOver: () => performance.now() > endMs,
    measure: async (rowsPerSec) => {
      const { report } = await measure({
        scenario: "query",
        clients: CLIENTS,
        rate: rowsPerSec / ROWS_AN_ANSWER,
        durationSec: windowSec,
        mostSec: windowSec * 2 + 6,
      });
      const trial = judgeReading(report);
      bytesPerSec.set(rowsPerSec, queryOf(report).totals.bytes / report.run.durationSec);
      onStep(
        `receiving   ${describeRows(rowsPerSec)}: ${trial.held ? "held" : explain(report, trial)}`,
      );
      return trial;
    },
  });
  if (heldEps === null) return null;
  return {
    heldRowsPerSec: heldEps,
    heldBytesPerSec: Math.round(bytesPerSec.get(heldEps) ?? 0),
    failedRowsPerSec: failedEps,
    rowsAnAnswer: ROWS_AN_ANSWER,
    clients: CLIENTS,
    form,
    measuredAt: new Date().toISOString(),
    othersPercent: mean(others),
  };
}

/** Held: the verdict is valid, nearly all was answered at the rate set, and every answer was right. */
export function judgeReading(report: Report): Trial {
  const { totals, rate } = queryOf(report);
  const achievedShare = rate.target === null ? 0 : rate.done / rate.target;
  const isRight = totals.right === totals.eose;
  return {
    held: report.generator.verdict === "valid" && achievedShare >= HELD_SHARE && isRight,
    achievedShare,
  };
}

/** Held: the run's own verdict is valid, and nearly all was accepted at the rate set. */
export function judgeTrial(report: Report): Trial {
  const achievedShare = publishOf(report).rate.done / report.config.rateEps;
  return {
    held: report.generator.verdict === "valid" && achievedShare >= HELD_SHARE,
    achievedShare,
  };
}

function explain({ generator }: Report, { achievedShare }: Trial): string {
  return `not held, ${(achievedShare * 100).toFixed(0)} % achieved; ${generator.reasons[0] ?? "verdict valid"}`;
}
