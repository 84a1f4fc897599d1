/** Queries by row, each with what it asks for: of a shape by its name, of a viewer's session by its own limits. */
import { QUERY_LIMITS } from "../../load/sessions.ts";
import { SHAPE_FACTS, type ShapeFacts } from "../../query/facts.ts";
import { queryOf } from "../class-report.ts";
import type { ClassRowReport } from "../class-types.ts";
import type { Report } from "../types.ts";

/** `asked` is `null` of a shape that this version does not have. */
export interface QueryRow extends ClassRowReport<"query"> {
  readonly name: string;
  readonly asked: ShapeFacts | null;
}

export function queryRowsOf(report: Report): readonly QueryRow[] {
  return Object.entries(queryOf(report).rows).map(([name, row]) => ({
    ...row,
    name,
    asked: askedBy(name),
  }));
}

function askedBy(name: string): ShapeFacts | null {
  const limit = QUERY_LIMITS[name];
  if (limit !== undefined) return { verb: "REQ", filters: 1, most: limit, members: [] };
  return SHAPE_FACTS[name] ?? null;
}

/** Rows that one answer may have at most. */
export function mostRowsOf({ asked }: QueryRow): number {
  return asked?.most ?? Number.POSITIVE_INFINITY;
}
