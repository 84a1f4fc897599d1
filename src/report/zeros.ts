/** Nothing, counted. */
import { type ClassName, type ColumnOf, classOf } from "../measure/classes.ts";

/** The columns of a class, all 0. */
export function zerosOf<C extends ClassName>(name: C): Record<ColumnOf<C>, number> {
  return Object.fromEntries(classOf(name).columns.map((column) => [column, 0])) as Record<
    ColumnOf<C>,
    number
  >;
}
