/**
 * What a report says of one class of work, and how to ask for it: a class that the scenario does not do is not
 * in the report, and has zeros here.
 */
import type { ClassOfWork } from "../measure/class-of-work.ts";
import {
  CLASSES,
  type ClassName,
  type CountsOf,
  classOf,
  type TimeOf,
} from "../measure/classes.ts";
import { EMPTY_HISTOGRAM } from "../measure/histogram.ts";
import { isScenario, SCENARIOS } from "../plan/scenarios.ts";
import type { ClassReport, ClassReports, IdentityReport } from "./class-types.ts";
import { summarize } from "./summary.ts";
import type { LatencySummary } from "./times.ts";
import type { Report } from "./types.ts";
import { zerosOf } from "./zeros.ts";

type Classes = Pick<Report, "classes">;

export function publishOf({ classes }: Classes): NonNullable<ClassReports["publish"]> {
  return classes.publish ?? NO_PUBLISH;
}

export function queryOf({ classes }: Classes): ClassReport<"query"> {
  return classes.query ?? NO_QUERY;
}

export function deliveryOf({ classes }: Classes): ClassReport<"delivery"> {
  return classes.delivery ?? NO_DELIVERY;
}

export function setOf({ classes }: Classes): NonNullable<ClassReports["set"]> {
  return classes.set ?? NO_SET;
}

/** The classes that a report has, whichever they are. */
export function classesOf({ classes }: Classes): readonly (readonly [ClassName, ClassReport])[] {
  return (Object.keys(CLASSES) as ClassName[]).flatMap((name) => {
    const of = classes[name] as ClassReport | undefined;
    return of === undefined ? [] : [[name, of] as const];
  });
}

/** The class that the scenario is about, and its row of the table. */
export function leadingOf(report: Classes & { readonly run: Pick<Report["run"], "scenario"> }): {
  readonly name: ClassName;
  readonly row: ClassOfWork;
  readonly totals: Readonly<Record<string, number>>;
  readonly times: Readonly<Record<"response" | "service", LatencySummary>>;
  readonly rate: ClassReport["rate"];
} {
  const { scenario } = report.run;
  const leads = isScenario(scenario) ? SCENARIOS[scenario].leads : "publish";
  const [name, of] = classesOf(report).find(([name]) => name === leads) ?? [
    "publish" as const,
    publishOf(report),
  ];
  const { response = NO_TIMES, ...more }: Readonly<Record<string, LatencySummary>> = of.times;
  return {
    name,
    row: classOf(name),
    totals: of.totals,
    times: { response, service: serviceOf(more) ?? NO_TIMES },
    rate: of.rate,
  };
}

/** The time from when a thing was sent: of a connection that of its handshake. */
export function serviceOf<T>({
  service,
  connect,
}: Readonly<Partial<Record<string, T>>>): T | undefined {
  return service ?? connect;
}

/** Holds each identity of a class against its counts. */
export function identitiesOf<C extends ClassName>(
  name: C,
  counts: CountsOf<C>,
): readonly IdentityReport[] {
  const of = counts as Readonly<Record<string, number>>;
  return classOf(name).identities.map(({ text, left, right }) => {
    const sum = right.reduce((n, column) => n + (of[column] ?? 0), 0);
    const whole = of[left] ?? 0;
    return { text, left: whole, right: sum, balances: whole === sum };
  });
}

/** What does not balance, in the window or the warm-up: "publish, warm-up: scheduled = attempted + unsent". */
export function wrongIdentities(report: Classes): readonly string[] {
  return classesOf(report).flatMap(([name, { identities, warmup }]) => [
    ...describeWrong(name, identities),
    ...(warmup === null ? [] : describeWrong(`${name}, warm-up`, identitiesOf(name, warmup))),
  ]);
}

function describeWrong(name: string, identities: readonly IdentityReport[]): readonly string[] {
  return identities.filter((one) => !one.balances).map(({ text }) => `${name}: ${text}`);
}

function nothingOf<C extends ClassName>(name: C): ClassReport<C> {
  const row: ClassOfWork = classOf(name);
  const totals = zerosOf(name);
  return {
    totals,
    warmup: row.hasWarmup ? totals : null,
    identities: identitiesOf(name, totals),
    times: Object.fromEntries(
      Object.keys(row.times).map((time) => [time, summarize(EMPTY_HISTOGRAM)]),
    ) as Record<TimeOf<C>, LatencySummary>,
    lag: null,
    rate: { target: null, sent: 0, done: 0 },
    rows: {},
    series: [],
  };
}

const NO_TIMES = summarize(EMPTY_HISTOGRAM);
const NO_PUBLISH = { ...nothingOf("publish"), byRelay: [] };
const NO_SET = { ...nothingOf("set"), lacking: {} };
const NO_QUERY = nothingOf("query");
const NO_DELIVERY = nothingOf("delivery");
