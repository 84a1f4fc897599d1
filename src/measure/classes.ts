/**
 * The classes of work. Recorder, slices, merge, report, schema, thresholds, noise, sections, charts,
 * comparison and k6's own metrics read this table: a class is a row here, a driver in k6/lib, and its words in
 * a section.
 */
import type { ClassOfWork } from "./class-of-work.ts";
import { auth } from "./classes/auth.ts";
import { connection } from "./classes/connection.ts";
import { delivery } from "./classes/delivery.ts";
import { publish } from "./classes/publish.ts";
import { query } from "./classes/query.ts";
import { set } from "./classes/set.ts";

export const CLASSES = {
  publish,
  set,
  query,
  delivery,
  connection,
  auth,
} as const satisfies Readonly<Record<string, ClassOfWork>>;

export type ClassName = keyof typeof CLASSES;
export const CLASS_NAMES = Object.keys(CLASSES) as readonly ClassName[];

export type ColumnOf<C extends ClassName> = (typeof CLASSES)[C]["columns"][number];
export type TimeOf<C extends ClassName> = keyof (typeof CLASSES)[C]["times"] & string;
export type CountsOf<C extends ClassName> = Readonly<Record<ColumnOf<C>, number>>;

/** The names of the rows of each class that a run has. */
export type RowNames = Partial<Readonly<Record<ClassName, readonly string[]>>>;

/** The row of a class, whichever it is. */
export function classOf(name: ClassName): ClassOfWork {
  return CLASSES[name];
}
