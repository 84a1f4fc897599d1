/** Whether all subscriptions were open before the load; none of runs in which nobody subscribed. */
import { signal } from "./signal.ts";
import type { Measured, Signal } from "./types.ts";

/** One that the relay did not open, or that got no event to try it with, makes another run of it than was asked for. */
export function unreadySignals({ classes, errors }: Measured): readonly Signal[] {
  if (classes.delivery === undefined) return [];
  const unready = errors.filter((error) => error.class === "unready");
  const how = unready.map(({ code, count }) => `${count} ${code}`).join(", ");
  return [
    signal(
      "unready",
      unready.reduce((sum, { count }) => sum + count, 0),
      "subscriptions",
      null,
      0,
      (v) => `${v} subscriptions were not open and proven before the load: ${how}`,
    ),
  ];
}
