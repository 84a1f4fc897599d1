/** The class of work that a scenario is about, by what publishing and querying have in common. */
import type { ClassName } from "../../measure/classes.ts";
import { leadingOf } from "../class-report.ts";
import type { LatencySummary } from "../times.ts";
import type { Report } from "../types.ts";

export interface Lead {
  readonly name: ClassName;
  readonly words: Words;
  readonly due: number;
  readonly sent: number;
  readonly done: number;
  /** Turned down by the relay. */
  readonly refused: number;
  readonly timedOut: number;
  /** Answers that came behind the timeout; `null` where nobody counts them. */
  readonly late: number | null;
  readonly lost: number;
  readonly backpressure: number;
  readonly noConnection: number;
  readonly exhausted: number;
  readonly times: Readonly<Record<"response" | "service", LatencySummary>>;
  /** A second: as it was set, and as it was done. */
  readonly rate: { readonly set: number; readonly done: number };
}

interface Words {
  readonly one: string;
  readonly many: string;
  /** Many that are in flight. */
  readonly flights: string;
  /** What the relay does with one, and what it is then. */
  readonly does: string;
  readonly done: string;
  /** What one waits for. */
  readonly answer: string;
}

const WORDS: Readonly<Record<ClassName, Words>> = {
  publish: {
    one: "event",
    many: "events",
    flights: "publishes",
    does: "accepts",
    done: "accepted",
    answer: "OK",
  },
  set: {
    one: "set",
    many: "sets",
    flights: "sets",
    does: "completes",
    done: "completed",
    answer: "OK",
  },
  query: {
    one: "query",
    many: "queries",
    flights: "queries",
    does: "answers",
    done: "answered",
    answer: "EOSE",
  },
  delivery: {
    one: "delivery",
    many: "deliveries",
    flights: "deliveries",
    does: "delivers",
    done: "delivered",
    answer: "frame",
  },
  connection: {
    one: "connection",
    many: "connections",
    flights: "handshakes",
    does: "opens",
    done: "opened",
    answer: "handshake",
  },
  auth: {
    one: "authentication",
    many: "authentications",
    flights: "authentications",
    does: "lets in",
    done: "let in",
    answer: "OK",
  },
};

export function leadOf(report: Report): Lead {
  const { name, row, totals, times, rate } = leadingOf(report);
  const of = (column: string) => totals[column] ?? 0;
  const isPublish = name === "publish";
  return {
    name,
    words: WORDS[name],
    due: of(row.due),
    sent: of(row.sent),
    done: of(row.done),
    refused: of("rejected") + of("closed") + of("refusedByNotice"),
    timedOut: of("timedOut"),
    late: isPublish ? report.frames.lateOk : null,
    lost: of("lost"),
    backpressure: of("backpressure"),
    noConnection: of("noConnection"),
    exhausted: of("poolExhausted") + of("exhausted"),
    times,
    rate: { set: isPublish ? report.config.rateEps : (rate.target ?? 0), done: rate.done },
  };
}
