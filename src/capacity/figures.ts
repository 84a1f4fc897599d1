/** What a trial's report says in figures, of what a capacity is told by. */
import { CLASSES } from "../measure/classes.ts";
import { deliveryOf, leadingOf } from "../report/class-report.ts";
import { leadOf } from "../report/findings/lead.ts";
import { viewOf } from "../report/findings/view.ts";
import type { Report } from "../report/types.ts";
import type { TrialFigures } from "./result.ts";
import { subjectOf } from "./subject.ts";

export function figuresOf(
  report: Report,
  backlogGrowth: number,
  databaseBytes: number | null,
): TrialFigures {
  const { name, backpressure, noConnection } = leadOf(report);
  const isConnecting = name === "connection";
  const { unsent: untried } = report.classes.connection.totals;
  const view = viewOf(report);
  const memory = view.relay.flatMap(({ rssBytes }) => rssBytes ?? []);
  const share = report.generator.signals.find(
    ({ id, value }) => ["ceilingShare", "receiveShare"].includes(id) && value !== null,
  );
  return {
    ...toldOf(report),
    unsent: isConnecting ? untried : backpressure + noConnection,
    backlogGrowth,
    relayCpu: view.relayCpu,
    relayMemory: memory.length === 0 ? null : Math.max(...memory),
    databaseBytes,
    ceilingShare: share?.value ?? null,
  };
}

type Told = Pick<TrialFigures, "offered" | "done" | "p50" | "p95" | "p99" | "failedShare">;

/** Of what a capacity is told by. */
function toldOf(report: Report): Told {
  const { durationSec, scenario } = report.run;
  const subject = subjectOf(scenario);
  if (subject === "connection") return toldOfConnections(report);
  const { row, totals, times, rate } =
    subject === "delivery" ? { row: CLASSES.delivery, ...deliveryOf(report) } : leadingOf(report);
  const of: Readonly<Record<string, number>> = totals;
  const due = of[row.due] ?? 0;
  const fine = row.fine.reduce((sum, column) => sum + (of[column] ?? 0), 0);
  const { p50, p95, p99 } = times.response;
  return {
    offered: due / Math.max(1e-9, durationSec),
    done: rate.done,
    ...{ p50, p95, p99 },
    failedShare: due === 0 ? null : (due - fine) / due,
  };
}

/** Those that came, and those that could be used: who comes back is no other. */
function toldOfConnections({ classes, config }: Report): Told {
  const { totals, times } = classes.connection;
  const { p50, p95, p99 } = times.usable;
  return {
    offered: config.clients,
    done: totals.asked > 0 ? totals.usable : totals.opened,
    ...{ p50, p95, p99 },
    failedShare: totals.due === 0 ? null : (totals.due - totals.opened) / totals.due,
  };
}
